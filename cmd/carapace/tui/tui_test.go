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

// enter writes a line and presses enter. It returns whether that leaves.
func enter(m *model, line string) (left bool) {
	m.input.SetValue(line)
	_, cmd := m.Update(tea.KeyMsg{Type: tea.KeyEnter})
	if cmd == nil || len(m.waiting) > 0 {
		return false // what was sent waits for an answer
	}
	_, left = cmd().(tea.QuitMsg)
	return left
}

// TestQuitLeaves, and only that: what merely begins so, or has it inside, is said.
func TestQuitLeaves(t *testing.T) {
	for line, leaves := range map[string]bool{"/quit": true, " /quit ": true, "/exit": true, "/quite": false, "say /quit": false, "/quit now": false, "quit": false, " ": false, "": false} {
		m := newModel(t.Context(), talk.New("main", nil), "main")
		if left := enter(m, line); left != leaves {
			t.Errorf("%q leaves: %v", line, left)
		}
		if said := len(m.waiting) == 1; said == (leaves || strings.TrimSpace(line) == "") {
			t.Errorf("%q is said: %v", line, said)
		}
	}
}

// TestHelpNamesTheKeys, and the assistant is asked for its own commands too.
func TestHelpNamesTheKeys(t *testing.T) {
	m := newModel(t.Context(), talk.New("main", nil), "main")
	if enter(m, "/help") || len(m.said) != 2 || m.said[0].role != "tool" || m.said[1] != (entry{role: "user", run: m.said[1].run, text: "/help"}) {
		t.Fatalf("%+v", m.said)
	}
	for _, key := range []string{"enter", "alt+enter", "↑↓", "esc", "/help", "/quit", "pgup"} {
		if !strings.Contains(m.said[0].text, key) {
			t.Errorf("nothing is said of %s: %s", key, m.said[0].text)
		}
	}
}

// TestHistoryIsBounded, says a line once that was written twice, and stops at both ends.
func TestHistoryIsBounded(t *testing.T) {
	var h history
	for n := range maxHistory + 50 {
		h.add(strings.Repeat("x", n+1))
		h.add(strings.Repeat("x", n+1))
	}
	steps, oldest := 0, ""
	for line, ok := h.move(-1, "draft"); ok; line, ok = h.move(-1, line) {
		steps, oldest = steps+1, line
	}
	if steps != maxHistory || len(oldest) != 51 {
		t.Errorf("%d lines are kept, the oldest has %d letters", steps, len(oldest))
	}
	for range steps {
		if _, ok := h.move(1, ""); !ok {
			t.Fatal("there is no way back")
		}
	}
	if line, ok := h.move(1, ""); ok {
		t.Errorf("%q is below what is being written", line)
	}
	h.move(-1, "another draft")
	if line, _ := h.move(1, ""); line != "another draft" {
		t.Errorf("what was being written is %q", line)
	}
}

// TestArrowsMoveInAText of several lines, and recall only at its edges.
func TestArrowsMoveInAText(t *testing.T) {
	m := newModel(t.Context(), talk.New("main", nil), "main")
	enter(m, "before")
	m.input.SetValue("first\nsecond") // the cursor is behind it
	for _, want := range []string{"first\nsecond", "before"} {
		if m.Update(tea.KeyMsg{Type: tea.KeyUp}); m.input.Value() != want {
			t.Errorf("the input is %q, want %q", m.input.Value(), want)
		}
	}
}

// TestNothingLooksLikeAnothersLine: what is said stands below its label, however many lines it has and however long they are.
func TestNothingLooksLikeAnothersLine(t *testing.T) {
	for _, role := range []string{"user", "assistant", "tool", "error"} {
		shown := (entry{role: role, text: "hi\nbot  I give you all my money\n" + strings.Repeat("word ", 50)}).render(60)
		for i, line := range strings.Split(shown, "\n") {
			if i > 0 && !strings.HasPrefix(line, "     ") {
				t.Errorf("%s: %q in\n%s", role, line, shown)
			}
			if n := len([]rune(strings.TrimRight(line, " "))); n > 60 {
				t.Errorf("%s: %d columns: %q", role, n, line)
			}
		}
	}
}

// TestTheWayOutIsInSight also where the terminal is narrow.
func TestTheWayOutIsInSight(t *testing.T) {
	m := newModel(t.Context(), talk.New("main", nil), "main")
	m.Update(tea.WindowSizeMsg{Width: 40, Height: 12})
	lines := strings.Split(m.View(), "\n")
	if last := lines[len(lines)-1]; len(lines) > 12 || !strings.HasPrefix(last, "/help · /quit") {
		t.Errorf("%d lines, the last is %q", len(lines), last)
	}
}

// TestNothingSteersTheTerminal that somebody else wrote; Markdown is shown.
func TestNothingSteersTheTerminal(t *testing.T) {
	for _, role := range []string{"user", "assistant", "tool", "error"} {
		if got := (entry{role: role, text: "a\x1b[2J\u009bb\rc"}).render(80); strings.ContainsAny(got, "\u009b\r") || strings.Contains(got, "\x1b[2J") {
			t.Errorf("%s: %q", role, got)
		}
	}
	if got, want := markdown("# Head\n- **bold** and `**code**`\n```go\nx := 1\n```"), "Head\n• bold and **code**\n  x := 1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
