package delivery_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// choices are as many as their labels, numbered from 5.
func choices(labels ...string) (list []message.Choice) {
	for i, label := range labels {
		list = append(list, message.Choice{Label: label, Value: fmt.Sprint("v", i), Number: 5 + i})
	}
	return list
}

// TestChoices: a channel with buttons gets them in rows, at the last piece; one without, or with too few or too small ones,
// gets numbers in the text.
func TestChoices(t *testing.T) {
	for name, c := range map[string]struct {
		facts   wit.ChannelFacts
		choices []message.Choice
		texts   []string
		rows    string // their labels
	}{
		"none":                {wit.ChannelFacts{}, choices("Yes", "No"), []string{"Sure?\n\n5. Yes\n6. No\n\nAnswer with a number."}, ""},
		"numbers are chunked": {wit.ChannelFacts{MaxLength: 20}, choices("Yes", "No"), []string{"Sure?\n\n5. Yes\n6. No", "Answer with a", "number."}, ""},
		"one below the other": {wit.ChannelFacts{Actions: &wit.ActionFacts{}}, choices("Yes", "No"), []string{"Sure?"}, "Yes/No"},
		"beside each other":   {wit.ChannelFacts{Actions: &wit.ActionFacts{MaxPerRow: 2}}, choices("Yes", "No", "Later"), []string{"Sure?"}, "Yes,No/Later"},
		"long labels":         {wit.ChannelFacts{Actions: &wit.ActionFacts{MaxPerRow: 8}}, choices("Yes, I want it so", "No, by no means ever", "Hm"), []string{"Sure?"}, "Yes, I want it so/No, by no means ever,Hm"},
		"as many as fit":      {wit.ChannelFacts{Actions: &wit.ActionFacts{MaxActions: 2}}, choices("Yes", "No"), []string{"Sure?"}, "Yes/No"},
		"one too many":        {wit.ChannelFacts{Actions: &wit.ActionFacts{MaxActions: 1}}, choices("Yes", "No"), []string{"Sure?\n\n5. Yes\n6. No\n\nAnswer with a number."}, ""},
		"a label too long":    {wit.ChannelFacts{Actions: &wit.ActionFacts{MaxLabel: 2}}, choices("Yes", "No"), []string{"Sure?\n\n5. Yes\n6. No\n\nAnswer with a number."}, ""},
		"a value too long":    {wit.ChannelFacts{Actions: &wit.ActionFacts{MaxValue: 1}}, choices("Yes", "No"), []string{"Sure?\n\n5. Yes\n6. No\n\nAnswer with a number."}, ""},
		"more than there are": {wit.ChannelFacts{Actions: &wit.ActionFacts{}}, choices(slices.Repeat([]string{"x"}, 26)...), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.facts = c.facts
				w.run()
				w.enqueue(message.Outbound{ID: "q", Channel: "chat", Account: "main", To: wit.Conversation{ID: "c"}, Text: "Sure?", Choices: c.choices})
				synctest.Wait()
				if c.texts != nil && !slices.Equal(w.texts(), c.texts) {
					t.Errorf("texts %q", w.texts())
				}
				for i, s := range w.sent() {
					if s.rows != c.rows && i == len(w.sent())-1 || s.rows != "" && i < len(w.sent())-1 {
						t.Errorf("piece %d has %q", i, s.rows)
					}
				}
				shown := w.shown("q")
				if shown.Numbered != (c.rows == "") || len(shown.IDs) != len(w.sent()) {
					t.Errorf("%+v", shown)
				}
			})
		})
	}
}

// TestChoicesThatAreOver: the message is changed, or loses only its buttons, or it is said in reply.
func TestChoicesThatAreOver(t *testing.T) {
	long := strings.Repeat("x", 30)
	for name, c := range map[string]struct {
		facts wit.ChannelFacts
		text  string
		last  send
	}{
		"changed":         {wit.ChannelFacts{Operations: []string{"edit"}, Actions: &wit.ActionFacts{}}, "Sure?", send{key: "+p1", text: "Sure?\n\n✓ Yes"}},
		"numbers too":     {wit.ChannelFacts{Operations: []string{"edit"}}, "Sure?", send{key: "+p1", text: "Sure?\n\n5. Yes\n6. No\n\nAnswer with a number.\n\n✓ Yes"}},
		"no room":         {wit.ChannelFacts{Operations: []string{"edit"}, Actions: &wit.ActionFacts{}, MaxLength: 32, LengthUnit: wit.LengthUnitCharacters}, long, send{key: "+p1"}},
		"the last of two": {wit.ChannelFacts{Operations: []string{"edit"}, Actions: &wit.ActionFacts{}, MaxLength: 32}, long + " Sure?", send{key: "+p2", text: "Sure?\n\n✓ Yes"}},
		"said":            {wit.ChannelFacts{Actions: &wit.ActionFacts{}}, "Sure?", send{key: "over:0", text: "✓ Yes", replyTo: "p1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.facts = c.facts
				w.run()
				to := wit.Conversation{ID: "c"}
				w.enqueue(message.Outbound{ID: "q", Channel: "chat", Account: "main", To: to, Text: c.text, Choices: choices("Yes", "No")})
				w.enqueue(message.Outbound{ID: "over", Channel: "chat", Account: "main", To: to, Text: "✓ Yes", Closes: "q"})
				synctest.Wait()
				list := w.sent()
				last := list[len(list)-1]
				last.at, last.to = 0, ""
				if last != c.last {
					t.Errorf("%+v", last)
				}
			})
		})
	}
}

// TestNothingToClose: what closes a message that was never sent is dropped.
func TestNothingToClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		w.enqueue(message.Outbound{ID: "over", Channel: "chat", Account: "main", To: wit.Conversation{ID: "c"}, Text: "✓ Yes", Closes: "q"})
		synctest.Wait()
		if len(w.sent()) != 0 || !slices.Equal(w.news(), []string{"cancelled over not_found"}) {
			t.Errorf("%+v, %q", w.sent(), w.news())
		}
	})
}

func (w *world) shown(id string) (shown message.Shown) {
	w.t.Helper()
	err := w.store.View(w.t.Context(), func(tx store.Tx) (err error) {
		shown, err = w.queue.Shown(tx, id)
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
	return shown
}
