package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAPluginThatIsNotLoaded: its messages wait, the list says why, and they go out as soon as it is there.
func TestAPluginThatIsNotLoaded(t *testing.T) {
	inBubble("later", t, func(t *testing.T) {
		w := newWorld(t)
		w.absent = true
		s, _ := w.run()
		w.enqueue(outgoing("a", "c", "x"))
		synctest.Wait()
		var list delivery.ListResult
		if err := call(t, s, "delivery.list", "{}", &list); err != nil || len(list.Messages) != 1 || list.Messages[0].Waiting != "channel chat is not loaded now" {
			t.Errorf("%+v, %v", list, err)
		}
		w.mu.Lock()
		w.absent = false
		w.mu.Unlock()
		event.Kind[string]{Name: "sessions.changed"}.Publish(w.bus, "main")
		if synctest.Wait(); len(w.sent()) != 0 {
			t.Error("sent since something else has changed")
		}
		event.Kind[string]{Name: "plugins.changed"}.Publish(w.bus, "chat")
		if synctest.Wait(); len(w.sent()) != 1 {
			t.Error("not sent when the plugin is loaded")
		}
	})
}

// TestASendYieldsOnceItIsInTheQueue: the client's next one is behind it, and waits neither for the commit nor for the platform.
func TestASendYieldsOnceItIsInTheQueue(t *testing.T) {
	inBubble("a slow platform", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			time.Sleep(time.Second)
			return &wit.Sent{}, nil
		}
		s, _ := w.run()
		begin, yielded := time.Now(), make(chan time.Duration, 1)
		ctx := rpc.WithYield(t.Context(), func() { yielded <- time.Since(begin) })
		table, err := rpc.NewTable(s.Service().Methods...)
		if err != nil {
			t.Fatal(err)
		}
		caller := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}
		_, err = table.Call(ctx, caller, "send", []byte(`{"channel":"chat","to":"group:c","message":"x","idempotencyKey":"k"}`), nil)
		if after := <-yielded; err != nil || after > 0 || time.Since(begin) < time.Second {
			t.Errorf("yielded after %v, answered after %v: %v", after, time.Since(begin), err)
		}
	})
}

// TestAPauseThatWasAskedForOutlivesARestart, though the account connects anew with it.
func TestAPauseThatWasAskedForOutlivesARestart(t *testing.T) {
	inBubble("a day", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_ context.Context, n int, _ *wit.ChannelSend) (*wit.Sent, error) {
			if n == 1 {
				return nil, &wit.Error{Code: wit.CodeRateLimited, Retryable: true, RetryAfter: new(int64(24 * 3_600_000))}
			}
			return &wit.Sent{}, nil
		}
		_, stop := w.run()
		w.enqueue(outgoing("a", "c", "x"))
		time.Sleep(time.Second)
		stop()
		w.connect(true)
		_, _ = w.run()
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if got := w.sent(); len(got) != 2 || got[1].at != 24*time.Hour {
			t.Errorf("sends %+v", got)
		}
	})
}

// TestWhatARecordMayHold: each is taken up from where it stands.
func TestWhatARecordMayHold(t *testing.T) {
	for name, c := range map[string]struct {
		change func(record map[string]any)
		sends  int
	}{
		"all is sent": {func(r map[string]any) { r["pieces"] = []any{map[string]any{"text": "x", "sent": true}} }, 0},
		"a time":      {func(r map[string]any) { r["nextAt"] = time.Now().Add(time.Minute).UnixMilli() }, 1},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.enqueue(outgoing("a", "c", "x"))
			w.edit(c.change)
			_, _ = w.run()
			time.Sleep(2 * time.Minute)
			if got := w.news(); len(got) != 1 || !strings.HasPrefix(got[0], "delivered a") || len(w.sent()) != c.sends {
				t.Errorf("%d sends, events %q", len(w.sent()), got)
			}
		})
	}
}

// edit changes the first record of the queue.
func (w *world) edit(change func(map[string]any)) {
	w.t.Helper()
	table := store.Table[map[string]any]("delivery.queue")
	storetest.Update(w.t, w.store, func(tx store.Tx) error {
		for row, err := range table.Scan(tx, store.Range{Limit: 1}) {
			if err != nil {
				return err
			}
			change(row.Value)
			return table.Put(tx, row.Key, row.Value)
		}
		return nil
	})
}

// dropper is hooks during which the owner drops the message.
type dropper struct {
	hooks
	drop func()
}

func (d *dropper) Sending(ctx context.Context, c wit.HookContext, m wit.MessageSending) (wit.MessageSending, error) {
	if m.Text == "dropped" {
		d.drop()
	}
	return d.hooks.Sending(ctx, c, m)
}

// TestADropBeforeItIsSentKeepsItFromBeingSent, and the next one goes at once.
func TestADropBeforeItIsSentKeepsItFromBeingSent(t *testing.T) {
	inBubble("in a hook", t, func(t *testing.T) {
		w := newWorld(t)
		d := &dropper{}
		w.hooks = d
		asked := storetest.NewFaulty(w.store)
		w.store = asked
		s, _ := w.run()
		synctest.Wait()
		asked.Fail("", 0, 0)
		d.drop = func() {
			if err := call(t, s, "delivery.drop", `{"id":"a"}`, nil); err != nil {
				t.Error(err)
			}
		}
		w.enqueue(outgoing("a", "c", "dropped"), outgoing("b", "c", "x"))
		synctest.Wait()
		if got := strings.Join(w.news(), ", "); got != "cancelled a forbidden, delivered b [p1]" || len(w.sent()) != 1 {
			t.Errorf("%d sends, events %q", len(w.sent()), got)
		}
		if n := asked.Transactions(); n != 8 { // enqueue, the list, the message, its drop and that it is gone, and three of the next
			t.Errorf("%d transactions", n)
		}
		if q, err := s.Service().Queues(t.Context()); err != nil || q["outbound"] != 0 {
			t.Errorf("queues %v, %v", q, err)
		}
		if got := w.logged(); !slices.Equal(got, []string{"message not delivered"}) {
			t.Errorf("logged %q", got)
		}
	})
}

// TestASendIsOverWithItsContext: what a plugin has begun for a send ends with it.
func TestASendIsOverWithItsContext(t *testing.T) {
	inBubble("sent", t, func(t *testing.T) {
		w := newWorld(t)
		var of context.Context
		w.answer = func(ctx context.Context, _ int, _ *wit.ChannelSend) (*wit.Sent, error) {
			of = ctx
			return &wit.Sent{}, ctx.Err()
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "c", "x"))
		synctest.Wait()
		if of == nil || of.Err() == nil || len(w.news()) != 1 {
			t.Errorf("the context goes on, events %q", w.news())
		}
	})
	inBubble("no answer for two minutes", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(ctx context.Context, n int, _ *wit.ChannelSend) (*wit.Sent, error) {
			if n == 1 {
				<-ctx.Done()
				return nil, wit.Errorf(wit.CodeTimeout, "%w", ctx.Err())
			}
			return &wit.Sent{}, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "c", "x"))
		time.Sleep(3 * time.Minute)
		if got := w.sent(); len(got) != 2 || got[1].at < 2*time.Minute || got[1].at > 2*time.Minute+time.Second {
			t.Errorf("sends %+v", got)
		}
	})
}

// TestEachPieceIsTriedAnew: what went wrong with one does not count for the next.
func TestEachPieceIsTriedAnew(t *testing.T) {
	inBubble("a bug, four times each", t, func(t *testing.T) {
		w := newWorld(t)
		w.facts.MaxLength = 5
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			if n%5 != 0 {
				return nil, fmt.Errorf("oops")
			}
			return &wit.Sent{IDs: []string{s.IdempotencyKey}}, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "c", "one two"))
		time.Sleep(time.Hour)
		if got := w.news(); len(got) != 1 || got[0] != "delivered a [a:0 a:1]" {
			t.Errorf("events %q", got)
		}
	})
}

// TestWhatHasNotArrivedForCertainIsNotHeld, though the owner wants to decide about what is in doubt.
func TestWhatHasNotArrivedForCertainIsNotHeld(t *testing.T) {
	inBubble("refused for a while", t, func(t *testing.T) {
		w := newWorld(t)
		w.hold, w.answer = true, answerByText
		_, stop := w.run()
		w.enqueue(outgoing("a", "c", "later"))
		synctest.Wait()
		stop()
		_, _ = w.run()
		time.Sleep(time.Minute)
		if got := w.news(); len(got) != 1 || got[0] != "delivered a [a:0]" {
			t.Errorf("events %q", got)
		}
	})
}

// TestWhatAPluginSaysInAStop counts; that it was cut off does not.
func TestWhatAPluginSaysInAStop(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		events string
		sends  int
	}{
		"refused": {wit.NewError(wit.CodeForbidden, "blocked"), "failed a forbidden", 1},
		"cut off": {wit.NewError(wit.CodeTimeout, "the gateway stops"), "delivered a [p2]", 2},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.answer = func(ctx context.Context, n int, _ *wit.ChannelSend) (*wit.Sent, error) {
				if n > 1 {
					return &wit.Sent{IDs: []string{fmt.Sprint("p", n)}}, nil
				}
				time.Sleep(3 * time.Second)
				return nil, c.err
			}
			_, stop := w.run()
			w.enqueue(outgoing("a", "c", "x"))
			synctest.Wait()
			stop()
			_, _ = w.run()
			synctest.Wait() // it is sent at once again, if at all
			if got := strings.Join(w.news(), ", "); got != c.events || len(w.sent()) != c.sends {
				t.Errorf("%d sends, events %q", len(w.sent()), got)
			}
		})
	}
}

// TestTheTextOfWhatIsOverIsNotKept, nor are its files.
func TestTheTextOfWhatIsOverIsNotKept(t *testing.T) {
	inBubble("sent and failed", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = answerByText
		_, _ = w.run()
		m := outgoing("a", "c", "a secret between us")
		m.Attachments = []wit.Attachment{{Kind: wit.AttachmentKindImage, Media: new("secret.png")}}
		w.enqueue(m, outgoing("b", "c", "no"))
		synctest.Wait()
		storetest.Update(t, w.store, func(tx store.Tx) error {
			n := 0
			for rec, err := range tx.Scan("delivery.done", store.Range{}) {
				if n++; err != nil || strings.Contains(string(rec.Value), "secret") {
					t.Errorf("kept: %s, %v", rec.Value, err)
				}
			}
			if n != 2 {
				t.Errorf("%d outcomes", n)
			}
			return nil
		})
	})
}

// TestTextThatIsNoUTF8 is sent as far as it is, since a record is JSON.
func TestTextThatIsNoUTF8(t *testing.T) {
	inBubble("replaced", t, func(t *testing.T) {
		w := newWorld(t)
		_, _ = w.run()
		w.enqueue(outgoing("a", "c", "one \xff two"))
		if synctest.Wait(); fmt.Sprint(w.texts()) != "[one \uFFFD two]" {
			t.Errorf("sends %q", w.texts())
		}
	})
}

// TestWithLessThanAll: a service that is told of no moves, hooks and secrets delivers as well.
func TestWithLessThanAll(t *testing.T) {
	inBubble("moved, and refused", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_ context.Context, _ int, s *wit.ChannelSend) (*wit.Sent, error) {
			if s.Text == "no" {
				return nil, wit.NewError(wit.CodeForbidden, "blocked")
			}
			return &wit.Sent{IDs: []string{"p"}, Moved: &wit.Conversation{ID: "new"}}, nil
		}
		w.serve(delivery.New(delivery.Deps{Store: w.store, Bus: w.bus, Log: hclog.NewNullLogger(), Queue: w.queue, Accounts: w, Senders: w}))
		w.enqueue(outgoing("a", "c", "x"), outgoing("b", "c", "no"))
		if synctest.Wait(); fmt.Sprint(w.news()) != "[delivered a [p] failed b forbidden]" {
			t.Errorf("events %q", w.news())
		}
	})
}

// slowDisk is a store whose writes take ten seconds when it is slow.
type slowDisk struct {
	store.Store
	slow *atomic.Bool
}

func (s slowDisk) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.slow.Load() {
		time.Sleep(10 * time.Second)
	}
	return s.Store.Update(ctx, fn)
}

// TestAStopWaitsForWhatForgets, since the store is closed behind it.
func TestAStopWaitsForWhatForgets(t *testing.T) {
	inBubble("in the midst of it", t, func(t *testing.T) {
		w := newWorld(t)
		var slow atomic.Bool
		w.store = slowDisk{w.store, &slow}
		_, stop := w.run()
		time.Sleep(59 * time.Second)
		slow.Store(true)
		time.Sleep(2 * time.Second)
		began := time.Now()
		if stop(); time.Since(began) != 9*time.Second {
			t.Errorf("the stop took %v", time.Since(began))
		}
	})
}

// TestMovesAreToldOnce, and only of the conversation that has moved.
func TestMovesAreToldOnce(t *testing.T) {
	inBubble("with its name", t, func(t *testing.T) {
		w := newWorld(t)
		w.ready = wit.NewError(wit.CodeUnavailable, "needs a login")
		var to []string
		w.answer = func(_ context.Context, _ int, s *wit.ChannelSend) (*wit.Sent, error) {
			name := "-"
			if s.To.Name != nil {
				name = *s.To.Name
			}
			to = append(to, s.To.ID+" "+name)
			return &wit.Sent{}, nil
		}
		_, _ = w.run()
		named := outgoing("b", "named", "x")
		named.To.Name = new("Home")
		w.enqueue(outgoing("a", "old", "x"), named, outgoing("d", "else", "x"))
		for from, m := range map[string]wit.Conversation{"old": {ID: "new", Name: new("The others")}, "named": {ID: "renamed"}} {
			if err := w.moved(t.Context(), message.Move{Account: message.Account{Channel: "chat", ID: "main"}, From: from, To: m}); err != nil {
				t.Fatal(err)
			}
		}
		w.setReady(nil)
		synctest.Wait()
		slices.Sort(to)
		if got := strings.Join(to, ", "); got != "else -, new The others, renamed Home" {
			t.Errorf("sends to %s", got)
		}
	})
}
