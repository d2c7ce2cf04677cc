package tui

import (
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
)

// TestRestoredAnswerIsShownOnce although the end of its run comes after the history that has it.
func TestRestoredAnswerIsShownOnce(t *testing.T) {
	m := newModel(t.Context(), nil, "main")
	m.take(talk.Update{Kind: talk.History, Messages: []talk.Message{{Role: "user", Run: "r", Text: "6*7?"}, {Role: "assistant", Run: "r", Text: "42"}}})
	m.take(talk.Update{Kind: talk.Final, Run: "r", Text: "42"})
	answers := 0
	for _, e := range m.said {
		if e.role == "assistant" {
			answers++
		}
	}
	if answers != 1 {
		t.Errorf("%d answers are shown: %+v", answers, m.said)
	}
}
