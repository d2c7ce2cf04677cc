package agent

import (
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// TestAlike: of which events the gateway reads the text itself, and of which it does not.
func TestAlike(t *testing.T) {
	data := func(name, text string) *wit.StreamEvent {
		e := &wit.StreamEvent{Kind: wit.StreamEventKindData, Data: text}
		if name != "" {
			e.Name = &name
		}
		return e
	}
	plain := &wit.EventPattern{Before: `{"t":`, After: `}`}
	named := &wit.EventPattern{Name: "delta", Before: `{"t":`, After: `}`}
	timed := &wit.EventPattern{Before: `{"at":`, Between: `,"t":`, After: `}`}
	for name, c := range map[string]struct {
		like  *wit.EventPattern
		event *wit.StreamEvent
		want  string // - is that it is the provider's to read
	}{
		"like it":               {plain, data("", `{"t":"a\n"}`), "a\n"},
		"with a name":           {plain, data("delta", `{"t":"a"}`), "-"},
		"half a character":      {plain, data("", `{"t":"\ud83d"}`), "-"},
		"no text":               {plain, data("", `{"t":7}`), "-"},
		"more than a text":      {plain, data("", `{"t":"a","u":"b"}`), "-"},
		"named":                 {named, data("delta", `{"t":"a"}`), "a"},
		"named otherwise":       {named, data("stop", `{"t":"a"}`), "-"},
		"not named":             {named, data("", `{"t":"a"}`), "-"},
		"timed":                 {timed, data("", `{"at":"12:00","t":"a"}`), "a"},
		"timed, with the words": {timed, data("", `{"at":"12:00","t":",\"t\":"}`), `,"t":`},
		"no time":               {timed, data("", `{"at":7,"t":"a"}`), "-"},
		"half a time":           {timed, data("", `{"at":","t":"a"}`), "-"},
		"more than a time":      {timed, data("", `{"at":"12:00","u":"b","t":"a"}`), "-"},
		"escapes in the time":   {timed, data("", `{"at":"\u0031","t":"a"}`), "-"},
		"the time is not ASCII": {timed, data("", `{"at":"é","t":"a"}`), "-"},
		"no event":              {timed, &wit.StreamEvent{Kind: wit.StreamEventKindEnd}, "-"},
		"no pattern":            {nil, data("", `{"t":"a"}`), "-"},
	} {
		got := "-"
		if d, ok := alike(c.like, c.event); ok {
			got = d.Text
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
