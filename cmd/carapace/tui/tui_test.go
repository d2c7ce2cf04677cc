package tui

import (
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
)

// TestReconnectShowsEverythingOnce: what was written and answered while the gateway was away stands in the history,
// and neither the question nor the answer is shown beside it.
func TestReconnectShowsEverythingOnce(t *testing.T) {
	m := newModel(t.Context(), talk.New("main", nil), "main")
	m.said = []entry{{role: "user", run: "1", text: "hello"}, {role: "error", run: "0", text: "too slow"}, {role: "user", run: "2", text: "hello"}}
	m.waiting = map[string]bool{"1": true, "2": true}
	m.take(talk.Update{Kind: talk.History, Messages: []talk.Message{
		{Role: "user", Run: "1", Text: "hello"}, {Role: "assistant", Run: "1", Text: "hi"},
	}})
	m.take(talk.Update{Kind: talk.Final, Run: "1", Text: "hi"})
	want := []entry{
		{role: "user", run: "1", text: "hello"}, {role: "assistant", run: "1", text: "hi"},
		{role: "user", run: "2", text: "hello"}, {role: "error", run: "0", text: "too slow"},
	}
	if !slices.Equal(m.said, want) {
		t.Errorf("the screen shows %+v", m.said)
	}
	if len(m.waiting) != 1 || !m.waiting["2"] {
		t.Errorf("%v wait, want run 2", m.waiting)
	}
}
