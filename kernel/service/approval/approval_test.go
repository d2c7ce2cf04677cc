package approval_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/approval"
	"github.com/carapace-gateway/carapace/kernel/service/approval/policy"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

var (
	home = message.Account{Channel: "chat", ID: "main"}
	room = wit.Conversation{Kind: wit.ConversationKindDirect, ID: "owner"}
	mail = approval.Call{Run: "r1", ID: "c1", Agent: "main", Tool: "send_mail", Effects: []wit.Effect{wit.EffectReads, wit.EffectSends}, Args: wit.JSON("{\n\"to\": \"```\\n1\"}")}
)

// desk is a process: its store can be cut off, as a kill does.
type desk struct {
	store.Store
	*approval.Service
	dead   atomic.Bool
	end    context.CancelFunc
	bus    *event.Bus
	book   *question.Book
	sent   *[]message.Outbound
	events []event.Event
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

// kill ends the process where it stands.
func (d *desk) kill() {
	d.dead.Store(true)
	d.end()
}

// route is who can be asked.
type route struct{ chat, clients bool }

var everybody = route{true, true}

// open starts a process on a store. What it was told to ask about is what sends and spends.
func open(t *testing.T, db store.Store, sent *[]message.Outbound, to route) *desk {
	d := &desk{Store: db, bus: new(event.Bus), sent: sent}
	d.book = question.NewBook(d, nil)
	d.bus.Subscribe(func(e event.Event) { d.events = append(d.events, e) })
	d.Service = approval.New(approval.Deps{Store: d, Bus: d.bus, Questions: d.book, Log: hclog.NewNullLogger(), Agent: func(string) string { return "main" },
		Settings: func() policy.Settings {
			return policy.Settings{Approve: []wit.Effect{wit.EffectSends, wit.EffectSpends}}
		},
		Owner:     func(store.Tx) (message.Account, wit.Conversation, bool, error) { return home, room, to.chat, nil },
		Approvers: func() bool { return to.clients },
		Redact:    func(s string) string { return strings.ReplaceAll(s, "hunter2", "[redacted]") },
	})
	ctx, cancel := context.WithCancel(t.Context())
	d.end = cancel
	go func() { _ = d.Run(ctx) }()
	synctest.Wait()
	return d
}

// press chooses the nth choice of a message, as the owner or as somebody else.
func (d *desk) press(t *testing.T, o message.Outbound, n int, owner bool) (out question.Outcome) {
	t.Helper()
	m := wit.Message{ID: "m", Kind: wit.MessageKindAction, Text: o.Choices[n].Value, Conversation: room, Sender: wit.Person{ID: "7", Name: new("Ada")}}
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
func (d *desk) wait(ctx context.Context, c approval.Call) <-chan string {
	out := make(chan string, 1)
	go func() {
		refused, err := d.Approve(ctx, c, nil)
		if err != nil {
			refused = "error: " + err.Error()
		}
		out <- refused
	}()
	synctest.Wait()
	return out
}

// resolved are the events that tell of answers.
func (d *desk) resolved() (list []approval.Resolved) {
	for _, e := range d.events {
		if r, ok := e.Payload.(approval.Resolved); ok {
			list = append(list, r)
		}
	}
	return list
}

func TestTheOwnersWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []message.Outbound
		d := open(t, store.OpenMemory(), &sent, everybody)
		got := d.wait(t.Context(), mail)
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
		if list := d.resolved(); len(list) != 1 || *list[0].Decision != approval.AllowOnce || *list[0].ResolvedBy != "Ada" || list[0].Resolver.ID != "chat:7" {
			t.Errorf("clients are told %+v", list)
		}
		// The same again is another call.
		asked := len(sent)
		got = d.wait(t.Context(), mail)
		if len(sent) != asked+1 {
			t.Fatalf("a second call that is alike is not asked about: %+v", sent)
		}
		d.press(t, sent[asked], 2, true)
		if r := <-got; r != "the owner has denied it" {
			t.Errorf("denied: %q", r)
		}
		// What was allowed for ever is not asked about again, whoever the mail is for.
		asked = len(sent)
		got = d.wait(t.Context(), mail)
		d.press(t, sent[asked], 1, true)
		if r := <-got; r != "" {
			t.Errorf("always: %q", r)
		}
		asked = len(sent)
		another := mail
		another.Args = wit.JSON(`{"to":"Eve"}`)
		if r := <-d.wait(t.Context(), another); r != "" || len(sent) != asked {
			t.Errorf("after always: %q, %+v", r, sent[asked:])
		}
		another.Agent = "other"
		d.wait(t.Context(), another)
		if len(sent) != asked+1 {
			t.Error("what one agent may do, another may too")
		}
		d.end()
		synctest.Wait()
	})
}

func TestNobodySaysAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []message.Outbound
		d := open(t, store.OpenMemory(), &sent, everybody)
		defer d.end()
		if r := <-d.wait(t.Context(), mail); r != "the owner has not answered in time" {
			t.Errorf("%q", r)
		}
		if last := sent[len(sent)-1]; last.Closes == "" {
			t.Errorf("the buttons stay: %+v", sent)
		}
		if out := d.press(t, sent[0], 0, true); out != question.Refused {
			t.Errorf("too late: %v", out)
		}
		ctx, cancel := context.WithCancel(t.Context())
		got := d.wait(ctx, mail)
		cancel()
		if r := <-got; !strings.HasPrefix(r, "error: ") || sent[len(sent)-1].Closes != "" {
			t.Errorf("a gateway that stops gives it up: %q, %+v", r, sent)
		}
		for range 2 {
			if err := d.Withdraw(t.Context(), mail); err != nil {
				t.Fatal(err)
			}
		}
		if last := sent[len(sent)-1]; last.Closes == "" || len(d.resolved()) != 2 || d.resolved()[1].Status != approval.Cancelled {
			t.Errorf("a run that was stopped: %+v, %+v", last, d.resolved())
		}
	})
}

func TestWhatNeedsNoWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []message.Outbound
		d := open(t, store.OpenMemory(), &sent, everybody)
		call := mail
		for _, effects := range [][]wit.Effect{nil, {wit.EffectReads}, {wit.EffectWrites}} {
			call.Effects = effects
			if r := <-d.wait(t.Context(), call); r != "" || len(sent) != 0 {
				t.Errorf("%v: %q, %+v", effects, r, sent)
			}
		}
		d.end()
		d = open(t, store.OpenMemory(), &sent, route{})
		defer d.end()
		if r := <-d.wait(t.Context(), mail); !strings.Contains(r, "nobody can be asked") || len(d.events) != 0 {
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
			first := open(t, db, &sent, everybody)
			ctx, cancel := context.WithCancel(t.Context())
			got := first.wait(ctx, mail)
			first.kill()
			cancel()
			if r := <-got; !strings.HasPrefix(r, "error: ") {
				t.Errorf("a dead process: %q", r)
			}
			second := open(t, db, &sent, everybody)
			defer second.end()
			if early {
				second.press(t, sent[0], 0, true)
			}
			got = second.wait(t.Context(), mail)
			if !early {
				second.press(t, sent[0], 0, true)
			}
			if r := <-got; r != "" || len(sent) != 2 || sent[1].Closes == "" || len(second.resolved()) != 1 {
				t.Errorf("answered before the restart: %v: %q, %+v", early, r, sent)
			}
		})
	}
}

// TestToldAgainAfterAKill: an answer that came just before the kill is told by an event when the gateway is there again; one that
// nobody has given while it was away has expired.
func TestToldAgainAfterAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []message.Outbound
		db := store.OpenMemory()
		first := open(t, db, &sent, everybody)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		first.wait(ctx, mail)
		another := mail
		another.ID = "c2"
		first.wait(ctx, another)
		first.end()
		synctest.Wait()
		first.press(t, sent[0], 0, true)
		first.kill()
		cancel()
		time.Sleep(time.Hour)
		second := open(t, db, &sent, everybody)
		defer second.end()
		list := second.resolved()
		if len(list) != 2 || list[0].Status != approval.Approved || list[1].Status != approval.Expired || list[1].Decision != nil {
			t.Errorf("%+v", list)
		}
		if r := <-second.wait(t.Context(), mail); r != "" {
			t.Errorf("what was said is lost: %q", r)
		}
		if r := <-second.wait(t.Context(), another); r != "the owner has not answered in time" {
			t.Errorf("nothing was said: %q", r)
		}
	})
}

// TestSecretsAreNotShown: neither the owner's chat nor the clients read a secret that a model has put into a call.
func TestSecretsAreNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []message.Outbound
		d := open(t, store.OpenMemory(), &sent, everybody)
		defer d.end()
		call := mail
		call.Effects, call.Args = []wit.Effect{wit.EffectSpends}, wit.JSON(`{"key":"hunter2"}`)
		got := d.wait(t.Context(), call)
		shown := d.events[0].Payload.(approval.ExecPending)
		if !strings.Contains(shown.Request.Command, "[redacted]") || !strings.Contains(sent[0].Text, "[redacted]") {
			t.Errorf("%+v %+v", shown, sent)
		}
		d.press(t, sent[0], 1, true)
		<-got
		err := d.View(t.Context(), func(tx store.Tx) error {
			for _, space := range []string{"approval.policy", "approval.done", "approval.used"} {
				for rec, err := range tx.Scan(space, store.Range{}) {
					if err != nil || strings.Contains(string(rec.Value), "hunter2") {
						t.Errorf("%s keeps %s, %v", space, rec.Value, err)
					}
				}
			}
			return nil
		})
		if r := <-d.wait(t.Context(), call); err != nil || r != "" {
			t.Errorf("what was allowed for ever is asked about: %q, %v", r, err)
		}
	})
}
