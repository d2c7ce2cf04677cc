package inbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// owned are the rules of an account whose owner is boss.
var owned = inbox.Access{Owners: []string{"boss"}, Group: inbox.PolicyOpen}

// from is a direct message of somebody.
func from(sender, id, body string) wit.Message {
	m := text(id, body)
	m.Sender.ID, m.Conversation.ID = sender, "dm-"+sender
	return m
}

// press is that somebody chooses a value, where they write to the bot.
func press(sender, id, value string) wit.Message {
	m := from(sender, id, value)
	m.Kind, m.Target = wit.MessageKindAction, new("q")
	return m
}

// asked returns the last question that was sent.
func (w *world) asked() message.Outbound {
	w.t.Helper()
	for i := len(w.sent) - 1; i >= 0; i-- {
		if len(w.sent[i].Choices) > 0 {
			return w.sent[i]
		}
	}
	w.t.Fatalf("nobody is asked: %+v", w.sent)
	return message.Outbound{}
}

func TestTheOwnerIsAsked(t *testing.T) {
	w := newWorld(t)
	w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{from("ann", "1", "before there is an owner's chat")}})
	if n := len(w.sent); n != 1 {
		t.Fatalf("%+v", w.sent)
	}
	w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{from("boss", "2", "hi"), from("bob", "3", "let me in")}})
	q := w.asked()
	if q.To.ID != "dm-boss" || !strings.Contains(q.Text, "bob (id bob) asks to write to main of Chat") {
		t.Errorf("%+v", q)
	}
	// Bob may not speak, so he may not press either, and is told nothing.
	before := len(w.sent)
	r := w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{press("bob", "4", q.Choices[0].Value)}})
	if r.Chosen != 0 || r.News[0].Verdict != inbox.VerdictRecorded || len(w.sent) != before {
		t.Errorf("%+v, %+v", r, w.sent[before:])
	}
	for i, want := range []inbox.Verdict{inbox.VerdictChosen, inbox.VerdictRecorded} {
		r := w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{press("boss", fmt.Sprint("b", i), q.Choices[0].Value)}})
		if r.News[0].Verdict != want || len(w.accepted) != 1 {
			t.Errorf("press %d: %+v, accepted %+v", i, r, w.accepted)
		}
	}
	if r := w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{from("bob", "5", "thanks")}}); r.Accepted != 1 {
		t.Errorf("bob is not let in: %+v", r)
	}
	// The same press, brought again by its platform, is no news.
	if r := w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{press("boss", "b0", q.Choices[0].Value)}}); r.Duplicates != 1 {
		t.Errorf("%+v", r)
	}
}

func TestTheOwnerDismisses(t *testing.T) {
	w := newWorld(t)
	w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{from("boss", "1", "hi"), from("bob", "2", "let me in")}})
	w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{press("boss", "3", w.asked().Choices[1].Value)}})
	if r := w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{from("bob", "4", "and now?")}}); r.Paired != 1 {
		t.Errorf("%+v", r)
	}
}

// TestAQuestionAboutARequestExpiresWithIt.
func TestAQuestionAboutARequestExpiresWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{from("boss", "1", "hi"), from("bob", "2", "let me in")}})
		q := w.asked()
		time.Sleep(2 * time.Hour)
		r := w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{press("boss", "3", q.Choices[0].Value)}})
		if r.Chosen != 0 {
			t.Errorf("%+v", r)
		}
		if r := w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{from("bob", "4", "hello?")}}); r.Paired != 1 {
			t.Errorf("bob: %+v", r)
		}
	})
}

// TestTheOwnersOtherChat: who writes to an account that the owner does not use is asked about where the owner is.
func TestTheOwnersOtherChat(t *testing.T) {
	w := newWorld(t)
	w.Service = inbox.New(inbox.Deps{Store: w.store, Log: hclog.NewNullLogger(), Acceptor: w, Outbox: outbox{w}, Accounts: w, Owners: &household{owner: "chat:boss"}})
	w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{from("boss", "1", "hi")}})
	other := message.Account{Channel: "chat", ID: "other"}
	if _, err := w.Commit(t.Context(), inbox.Batch{Account: other, Messages: []wit.Message{from("bob", "2", "let me in")}}); err != nil {
		t.Fatal(err)
	}
	if q := w.asked(); q.Account != account.ID || q.To.ID != "dm-boss" || !strings.Contains(q.Text, "write to other of Chat") {
		t.Errorf("%+v", q)
	}
}

// TestSomebodyIsAllowedByName, with whom the owner has not been asked about yet, or has.
func TestSomebodyIsAllowedByName(t *testing.T) {
	w := newWorld(t)
	w.Service = inbox.New(inbox.Deps{Store: w.store, Log: hclog.NewNullLogger(), Acceptor: w, Outbox: outbox{w}, Accounts: w,
		Person: func(_ context.Context, _ message.Account, name string) (wit.Person, bool, error) {
			if name == "Both" {
				return wit.Person{}, false, wit.NewError(wit.CodeConflict, "two are called so")
			}
			return wit.Person{ID: "bob", Name: &name}, name == "Bob", nil
		}})
	w.commit(inbox.Batch{Access: owned, Messages: []wit.Message{from("boss", "1", "hi"), from("bob", "2", "let me in")}})
	q, wakes := w.asked(), w.wakes
	var let inbox.PairingApproval
	if err := w.call("channels.pairing.allow", `{"channel":"chat","sender":"Bob"}`, &let); err != nil || let.SenderID != "bob" || let.SenderLabel != "Bob" {
		t.Errorf("%+v, %v", let, err)
	}
	if last := w.sent[len(w.sent)-1]; last.Closes != q.ID || w.wakes != wakes+1 {
		t.Errorf("the question stays open: %+v", last)
	}
	if err := w.call("channels.pairing.allow", `{"channel":"chat","sender":"u77"}`, &let); err != nil || let.SenderID != "u77" {
		t.Errorf("an id: %+v, %v", let, err)
	}
	if err := w.call("channels.pairing.allow", `{"channel":"chat","sender":"Both"}`, nil); wit.CodeOf(err) != wit.CodeConflict {
		t.Errorf("%v", err)
	}
	for _, who := range []string{"bob", "u77"} {
		if r := w.commit(inbox.Batch{Messages: []wit.Message{from(who, who, "hi")}}); r.Accepted != 1 {
			t.Errorf("%s: %+v", who, r)
		}
	}
}
