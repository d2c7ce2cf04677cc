package approval_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/approval"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

var (
	home = message.Account{Channel: "chat", ID: "main"}
	room = wit.Conversation{Kind: wit.ConversationKindDirect, ID: "owner"}
	mail = approval.Call{Run: "r1", ID: "c1", Tool: "send_mail", Effects: []wit.Effect{wit.EffectReads, wit.EffectSends}, Args: wit.JSON("{\n\"to\": \"```\\n1\"}")}
)

// desk is a process: its store can be cut off, as a kill does.
type desk struct {
	store.Store
	dead *atomic.Bool
	bus  *event.Bus
	book *question.Book
	sent *[]message.Outbound
}

func (d *desk) Enqueue(_ store.Tx, o message.Outbound) error {
	*d.sent = append(*d.sent, o)
	return nil
}
func (d *desk) Wake() {}

func (d *desk) Update(ctx context.Context, fn func(store.Tx) error) error {
	if d.dead.Load() {
		return wit.NewError(wit.CodeUnavailable, "the process is dead")
	}
	return d.Store.Update(ctx, fn)
}

// open starts a process on a store.
func open(db store.Store, sent *[]message.Outbound, owner bool) (*desk, *approval.Service) {
	d := &desk{Store: db, dead: new(atomic.Bool), bus: new(event.Bus), sent: sent}
	d.book = question.NewBook(d, nil)
	return d, approval.New(approval.Deps{Store: d, Bus: d.bus, Questions: d.book,
		Effects: func() []wit.Effect { return []wit.Effect{wit.EffectSends, wit.EffectSpends} },
		Owner:   func(store.Tx) (message.Account, wit.Conversation, bool, error) { return home, room, owner, nil },
	})
}

// press chooses the nth choice of a message, as the owner or as somebody else.
func (d *desk) press(t *testing.T, o message.Outbound, n int, owner bool) (out question.Outcome) {
	t.Helper()
	m := wit.Message{ID: "m", Kind: wit.MessageKindAction, Text: o.Choices[n].Value, Conversation: room}
	err := d.Store.Update(t.Context(), func(tx store.Tx) (err error) {
		out, err = d.book.Choose(tx, question.Reply{Account: home, Message: &m, Home: room.ID, Owner: owner, At: time.Now().UnixMilli()})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	event.Kind[string]{Name: "message.received"}.Publish(d.bus, "")
	return out
}

// wait calls Approve and returns where its outcome comes.
func wait(ctx context.Context, s *approval.Service, c approval.Call) <-chan string {
	out := make(chan string, 1)
	go func() {
		refused, err := s.Approve(ctx, c)
		if err != nil {
			refused = "error: " + err.Error()
		}
		out <- refused
	}()
	synctest.Wait()
	return out
}

func TestTheOwnersWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []message.Outbound
		d, s := open(store.OpenMemory(), &sent, true)
		got := wait(t.Context(), s, mail)
		if len(sent) != 1 || !strings.Contains(sent[0].Text, "call send_mail, which reads, sends?") || !strings.HasSuffix(sent[0].Text, "\n```\n{\"to\":\"```\\n1\"}\n```") {
			t.Fatalf("%+v", sent)
		}
		if d.press(t, sent[0], 0, false) != question.Refused {
			t.Error("somebody else has approved")
		}
		synctest.Wait()
		select {
		case r := <-got:
			t.Fatalf("it went on without the owner: %q", r)
		default:
		}
		d.press(t, sent[0], 0, true)
		if r := <-got; r != "" {
			t.Errorf("approved: %q", r)
		}
		// The same again is another call.
		asked := len(sent)
		got = wait(t.Context(), s, mail)
		if len(sent) != asked+1 {
			t.Fatalf("a second call that is alike is not asked about: %+v", sent)
		}
		d.press(t, sent[asked], 1, true)
		if r := <-got; r != "the owner has denied it" {
			t.Errorf("denied: %q", r)
		}
	})
}

func TestNobodySaysAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []message.Outbound
		d, s := open(store.OpenMemory(), &sent, true)
		if r := <-wait(t.Context(), s, mail); r != "the owner has not answered in time" {
			t.Errorf("%q", r)
		}
		if last := sent[len(sent)-1]; last.Closes == "" {
			t.Errorf("the buttons stay: %+v", sent)
		}
		if out := d.press(t, sent[0], 0, true); out != question.Refused {
			t.Errorf("too late: %v", out)
		}
		ctx, cancel := context.WithCancel(t.Context())
		got := wait(ctx, s, mail)
		cancel()
		if r := <-got; !strings.HasPrefix(r, "error: ") || sent[len(sent)-1].Closes == "" {
			t.Errorf("stopped: %q, %+v", r, sent)
		}
	})
}

func TestWhatNeedsNoWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []message.Outbound
		_, s := open(store.OpenMemory(), &sent, true)
		call := mail
		for _, effects := range [][]wit.Effect{nil, {wit.EffectReads}, {wit.EffectWrites}} {
			call.Effects = effects
			if r := <-wait(t.Context(), s, call); r != "" || len(sent) != 0 {
				t.Errorf("%v: %q, %+v", effects, r, sent)
			}
		}
		_, s = open(store.OpenMemory(), &sent, false)
		if r := <-wait(t.Context(), s, mail); !strings.Contains(r, "has no chat") {
			t.Errorf("nobody to ask: %q", r)
		}
	})
}

// TestAskedOnceOverKills: the process is killed while the owner is asked, before or after the answer has come in.
func TestAskedOnceOverKills(t *testing.T) {
	for _, early := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var sent []message.Outbound
			db := store.OpenMemory()
			first, s := open(db, &sent, true)
			ctx, cancel := context.WithCancel(t.Context())
			got := wait(ctx, s, mail)
			first.dead.Store(true)
			cancel()
			if r := <-got; !strings.HasPrefix(r, "error: ") {
				t.Errorf("a dead process: %q", r)
			}
			second, s := open(db, &sent, true)
			if early {
				second.press(t, sent[0], 0, true)
			}
			got = wait(t.Context(), s, mail)
			if !early {
				second.press(t, sent[0], 0, true)
			}
			if r := <-got; r != "" || len(sent) != 2 || sent[1].Closes == "" {
				t.Errorf("answered before the restart: %v: %q, %+v", early, r, sent)
			}
		})
	}
}
