package session_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestPatchMany changes those that can be changed, and says of each of the others why not.
func TestPatchMany(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	for _, key := range []string{"a", "b", "c"} {
		r.must("sessions.patch", obj{"key": key, "label": "the " + key})
	}
	r.reasons = nil
	targets := []obj{{"key": "a"}, {"key": "none"}, {"key": "b", "expectedSessionId": "another"}, {"key": "c", "agentId": "main"}}
	got := r.must("sessions.patchMany", obj{"targets": targets, "patch": obj{"archived": true, "category": "old"}})["outcomes"].([]any)
	for i, want := range []string{"", "NOT_FOUND", "CONFLICT", ""} {
		o := got[i].(obj)
		said, _ := o["error"].(obj)
		details, _ := said["details"].(obj)
		if o["key"] != targets[i]["key"] || o["ok"] != (said == nil) || want != "" && details["code"] != want {
			t.Errorf("%d: %v", i, o)
		}
	}
	if want := []string{"patch agent:main:a", "patch agent:main:c"}; !slices.Equal(r.reasons, want) {
		t.Errorf("changed: %q", r.reasons)
	}
	for key, want := range map[string]string{"a": "true old", "b": "<nil> <nil>", "c": "true old"} {
		row := r.must("sessions.describe", obj{"key": key})["session"].(obj)
		if got := fmt.Sprint(row["archived"], " ", row["category"]); got != want && !(key == "b" && got == "false <nil>") {
			t.Errorf("%s: %s", key, got)
		}
	}
	for name, params := range map[string]obj{
		"a value that is wrong": {"targets": targets, "patch": obj{"attention": "loud"}},
		"a model":               {"targets": targets, "patch": obj{"model": "none"}},
		"a label for two":       {"targets": targets[:0], "patch": obj{"label": "x"}},
		"an agent that is none": {"targets": []obj{{"key": "a"}, {"key": "agent:ghost:x"}}, "patch": obj{"pinned": true}},
		"nothing enforced":      {"targets": targets, "patch": obj{"permissionMode": "full"}},
	} {
		if _, err := r.call("sessions.patchMany", params); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	two := r.must("sessions.patchMany", obj{"targets": []obj{{"key": "a"}, {"key": "b"}}, "patch": obj{"label": "one"}})["outcomes"].([]any)
	if two[0].(obj)["ok"] != true || two[1].(obj)["ok"] != false {
		t.Errorf("a label belongs to one: %v", two)
	}
}
