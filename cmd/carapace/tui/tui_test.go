package tui

import (
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

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

// TestATextIsNoKey, also when it comes at once and reads like a key's name.
func TestATextIsNoKey(t *testing.T) {
	m := newModel(t.Context(), talk.New("main", nil), "main")
	want := ""
	for _, word := range []string{"enter", "down", "up", "esc", "ctrl+c", "ctrl+u", "alt+enter", "pgup", "backspace"} {
		if _, cmd := m.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(word)}); cmd != nil {
			if _, quits := cmd().(tea.QuitMsg); quits {
				t.Errorf("%s leaves", word)
			}
		}
		want += word
		if got := m.input.Value(); got != want || len(m.said) > 0 {
			t.Fatalf("%s: the input is %q and %+v was said", word, got, m.said)
		}
	}
}

// TestArrowsRecall what was written, and give back what is being written.
func TestArrowsRecall(t *testing.T) {
	m := newModel(t.Context(), talk.New("main", nil), "main")
	press := func(k tea.KeyType, want string) {
		t.Helper()
		if m.Update(tea.KeyMsg{Type: k}); m.input.Value() != want {
			t.Errorf("the input is %q, want %q", m.input.Value(), want)
		}
	}
	for _, line := range []string{"one", "two"} {
		m.input.SetValue(line)
		press(tea.KeyEnter, "")
	}
	m.input.SetValue("draft")
	press(tea.KeyUp, "two")
	press(tea.KeyUp, "one")
	press(tea.KeyUp, "one")
	press(tea.KeyDown, "two")
	press(tea.KeyDown, "draft")
}

// TestNothingSteersTheTerminal that somebody else wrote; Markdown is shown.
func TestNothingSteersTheTerminal(t *testing.T) {
	for _, role := range []string{"user", "assistant", "tool", "error"} {
		if got := (entry{role: role, text: "a\x1b[2J\u009bb\rc"}).render(); strings.ContainsAny(got, "\u009b\r") || strings.Contains(got, "\x1b[2J") {
			t.Errorf("%s: %q", role, got)
		}
	}
	if got, want := markdown("# Head\n- **bold** and `**code**`\n```go\nx := 1\n```"), "Head\n• bold and **code**\n  x := 1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
