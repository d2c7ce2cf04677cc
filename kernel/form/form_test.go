package form_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/form"
)

// TestSettingsAreAskedForInOrder: what is needed first, and else as the plugin's author wrote them, each with what holds
// where nothing is said.
func TestSettingsAreAskedForInOrder(t *testing.T) {
	fields, err := form.Read(json.RawMessage(`{"type": "object", "required": ["token", "room"], "properties": {
		"zone": {"type": "string", "default": "UTC"}, "room": {"type": "string"}, "wait": {"type": "integer", "default": 600},
		"quiet": {"type": "boolean", "default": true}, "list": {"type": ["array", "null"]}, "token": {"title": "Bot token", "x-secret": true}, "about": {}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range fields {
		got = append(got, fmt.Sprintf("%s (%s%s)", f.Name, f.Title, f.Note()))
	}
	want := "room (room), token (Bot token), zone (zone, optional, UTC), wait (wait, optional, 600), quiet (quiet, optional, true), list (list, optional), about (about, optional)"
	if strings.Join(got, ", ") != want {
		t.Errorf("%s\nwant\n%s", strings.Join(got, ", "), want)
	}
	fields, err = form.Read(json.RawMessage(`{"required": ["last"], "properties": {"c": {"x-order": 3, "examples": ["x", "y"]}, "b": {"x-order": 2, "default": 1, "examples": [7]}, "a": {},
		"last": {"x-order": 9, "examples": ["z"], "description": "What.", "x-help": "How."}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got = nil
	for _, f := range fields {
		got = append(got, f.Name+f.Note())
	}
	if want := "last, such as z; a, optional; b, such as 7, optional, 1; c, such as x, optional"; strings.Join(got, "; ") != want || fields[0].Help != "What. How." {
		t.Errorf("%s, %q, want %s", strings.Join(got, "; "), fields[0].Help, want)
	}
	for _, text := range []string{"", `{}`, `{"properties": {}}`, `{"properties": null}`} {
		if fields, err := form.Read(json.RawMessage(text)); err != nil || len(fields) > 0 {
			t.Errorf("%s: %v %v", text, fields, err)
		}
	}
	for _, text := range []string{`{"properties": {"x": 7}}`, `{"properties": []}`, `{"properties": 7}`, `{"properties": {"x"`} {
		if fields, err := form.Read(json.RawMessage(text)); err == nil {
			t.Errorf("%s: %v", text, fields)
		}
	}
}
