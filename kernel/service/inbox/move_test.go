package inbox_test

import (
	"errors"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// upgraded is a group that becomes another one.
var upgraded = wit.Move{From: "g1", To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "g2"}}

// in returns a group's message in another group.
func in(id string, m wit.Message) wit.Message {
	m.Conversation.ID = id
	return m
}

func TestAGroupThatMovesStaysWhatItWas(t *testing.T) {
	for name, tell := range map[string]func(w *world){
		"told with messages":  func(w *world) { w.commit(inbox.Batch{Moved: []wit.Move{upgraded}}) },
		"told twice":          func(w *world) { w.commit(inbox.Batch{Moved: []wit.Move{upgraded, upgraded}}) },
		"told by who sends":   func(w *world) { w.told(upgraded) },
		"told by both":        func(w *world) { w.told(upgraded); w.commit(inbox.Batch{Moved: []wit.Move{upgraded}}) },
		"told by both, late":  func(w *world) { w.commit(inbox.Batch{Moved: []wit.Move{upgraded}}); w.told(upgraded) },
		"told after a crash":  func(w *world) { w.down = true; w.told(upgraded); w.down = false; w.told(upgraded) },
		"told by who refuses": func(w *world) { w.unmovable = true; w.told(upgraded); w.unmovable = false; w.told(upgraded) },
	} {
		w := newWorld(t)
		rules := inbox.Access{Groups: []string{"g1"}}
		w.commit(inbox.Batch{Access: rules, Messages: []wit.Message{inGroup(text("1", "before"), false, nil), inGroup(text("2", "in a thread"), false, new("t"))}})
		tell(w)
		if len(w.moves) != 1 || w.moves[0].From != "g1" || w.moves[0].To.ID != "g2" || w.moves[0].Account != account {
			t.Errorf("%s: moves %+v", name, w.moves)
		}
		w.commit(inbox.Batch{Access: rules, Messages: []wit.Message{
			in("g2", inGroup(text("3", "between"), false, nil)), in("g2", inGroup(text("4", "hey"), true, nil)),
			in("g2", inGroup(text("5", "hey"), true, new("t"))), in("g3", inGroup(text("6", "another group"), true, nil)),
		}})
		if len(w.accepted) != 2 {
			t.Fatalf("%s: accepted %+v", name, w.accepted)
		}
		first, second := w.accepted[0], w.accepted[1]
		if first.Home != "g1" || first.Message.Conversation.ID != "g2" || len(first.History) != 2 || first.History[0].Text != "before" || first.History[1].Text != "between" {
			t.Errorf("%s: accepted %+v", name, first)
		}
		if len(second.History) != 1 || second.History[0].Text != "in a thread" {
			t.Errorf("%s: accepted in the thread %+v", name, second)
		}
	}
}

// TestAThreadThatMovesStaysWhatItWas: a topic is renamed, and goes on with what was said there; one that has its old name is new.
func TestAThreadThatMovesStaysWhatItWas(t *testing.T) {
	w := newWorld(t)
	rules := inbox.Access{Groups: []string{"g1"}}
	w.commit(inbox.Batch{Access: rules, Messages: []wit.Message{inGroup(text("1", "before"), false, new("tea"))}})
	renamed := wit.Move{From: "g1", Thread: new("tea"), To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "g1", Thread: new("coffee")}}
	w.commit(inbox.Batch{Access: rules, Moved: []wit.Move{renamed, renamed}, Messages: []wit.Message{
		inGroup(text("2", "hey"), true, new("coffee")), inGroup(text("3", "hey"), true, new("tea")), inGroup(text("4", "hey"), true, new("milk")),
	}})
	if len(w.accepted) != 3 || len(w.moves) != 1 || *w.moves[0].Thread != "tea" {
		t.Fatalf("accepted %+v, moves %+v", w.accepted, w.moves)
	}
	if m := w.accepted[0]; m.HomeThread != "tea" || len(m.History) != 1 || m.History[0].Text != "before" {
		t.Errorf("where it is now: %+v", m)
	}
	if m := w.accepted[1]; m.HomeThread == "tea" || m.HomeThread == "" || len(m.History) != 0 {
		t.Errorf("where it was: %+v", m)
	}
	if m := w.accepted[2]; m.HomeThread != "milk" || m.Home != "" {
		t.Errorf("elsewhere: %+v", m)
	}
}

// TestMovesAreToldBeforeTheirMessages: what comes with a move belongs to the conversation as it is called now.
func TestMovesAreToldBeforeTheirMessages(t *testing.T) {
	w := newWorld(t)
	r := w.commit(inbox.Batch{Access: inbox.Access{Groups: []string{"g1"}}, Moved: []wit.Move{upgraded}, Messages: []wit.Message{in("g2", inGroup(text("1", "x"), true, nil))}})
	if r.Accepted != 1 || w.accepted[0].Home != "g1" {
		t.Errorf("%+v, accepted %+v", r, w.accepted)
	}
	if r := w.commit(inbox.Batch{Access: open, Messages: []wit.Message{inGroup(text("2", "x"), true, nil)}}); r.Accepted != 0 && w.accepted[1].Home != "" {
		t.Errorf("the old id has a home: %+v", w.accepted[1])
	}
}

func (w *world) told(m wit.Move) {
	err := w.Moved(w.t.Context(), message.Move{Account: account, From: m.From, To: m.To})
	if (err != nil) != (w.down || w.unmovable) || err != nil && !inbox.IsStoreError(err) {
		w.t.Errorf("told: %v", err)
	}
}

var errUnmovable = errors.New("not now")
