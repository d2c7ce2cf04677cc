package delivery_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// answerByText is a platform that says what to do with a message in the message itself.
func answerByText(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
	switch s.Text {
	case "no":
		return nil, wit.NewError(wit.CodeForbidden, "blocked")
	case "maybe":
		return nil, wit.NewError(wit.CodeTimeout, "no answer")
	case "later":
		if n%2 == 1 {
			return nil, &wit.Error{Code: wit.CodeRateLimited, Retryable: true, RetryAfter: new(int64(5000))}
		}
	}
	return &wit.Sent{IDs: []string{s.IdempotencyKey}}, nil
}

// TestAnyOperationMayFail: whatever is asked of the store for a caller, its failure is the caller's.
func TestAnyOperationMayFail(t *testing.T) {
	account := message.Account{Channel: "chat", ID: "main"}
	step := func(do func(*world, store.Tx) error) func(*testing.T, *world) error {
		return func(_ *testing.T, w *world) error {
			return w.store.Update(context.Background(), func(tx store.Tx) error { return do(w, tx) })
		}
	}
	method := func(name, params string) func(*testing.T, *world) error {
		return func(t *testing.T, w *world) error { return call(t, delivery.New(w.deps()), name, params, nil) }
	}
	for name, do := range map[string]func(*testing.T, *world) error{
		"enqueue": step(func(w *world, tx store.Tx) error { return w.queue.Enqueue(tx, outgoing("new", "c", "x")) }),
		"moved": step(func(w *world, tx store.Tx) error {
			return w.queue.Moved(tx, message.Move{Account: account, From: "waits", To: wit.Conversation{ID: "new"}})
		}),
		"forget": step(func(_ *world, tx store.Tx) error {
			_, err := delivery.PruneDone(tx, time.Now().Add(time.Hour).UnixMilli(), 0)
			return err
		}),
		"list":     method("delivery.list", `{}`),
		"outcomes": method("delivery.list", `{"state":"sent"}`),
		"release":  method("delivery.release", `{"id":"held"}`),
		"drop":     method("delivery.drop", `{"id":"held"}`),
		"send":     method("send", `{"to":"1","message":"x","idempotencyKey":"k"}`),
		"queues": func(t *testing.T, w *world) error {
			_, err := delivery.New(w.deps()).Service().Queues(t.Context())
			return err
		},
	} {
		inBubble(name, t, func(t *testing.T) {
			var w *world
			storetest.AnyOperationMayFail(t, func(s store.Store) {
				w = newWorld(t)
				w.store, w.hold, w.answer = s, true, answerByText
				_, stop := w.run()
				w.enqueue(outgoing("sent", "c", "x"), outgoing("held", "c", "maybe"), outgoing("waits", "waits", "later"))
				synctest.Wait()
				stop()
			}, func(s store.Store) error {
				w.store = s
				return do(t, w)
			})
		})
	}
}

// TestAnyOperationOnTheWayMayFail: a conversation gets the same messages in the same order, and each has the same end,
// whatever the store fails with once.
func TestAnyOperationOnTheWayMayFail(t *testing.T) {
	on := func(fail int) (outcome string, operations int) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.hold, w.answer, w.facts.MaxLength = true, answerByText, 5
			w.enqueue(outgoing("a", "c", "later than"), outgoing("b", "c", "no"), outgoing("d", "c", "maybe"), outgoing("e", "c", "one two"))
			w.queue = delivery.NewQueue() // which nobody has woken
			disk := w.store
			page := storetest.NewBadPage(disk, fail)
			w.store = page
			_, stop := w.run()
			time.Sleep(time.Minute - time.Second)
			stop()
			w.store = disk
			q, err := delivery.New(w.deps()).Service().Queues(t.Context())
			outcome, operations = fmt.Sprintf("%q, %q, %v, %v", w.calls(), w.news(), q, err), page.Operations()
		})
		return outcome, operations
	}
	want, total := on(0)
	if whole := `["c later" "c later" "c than" "c no" "c maybe" "c one" "c two"], ["delivered a [a:0 a:1]" "failed b forbidden" "held d conflict" ` +
		`"delivered e [e:0 e:1]"], map[held:1 outbound:1], <nil>`; want != whole || total < 30 {
		t.Fatalf("without a failure %s after %d operations", want, total)
	}
	for fail := 1; fail <= total && !t.Failed(); fail++ {
		if got, _ := on(fail); got != want {
			t.Errorf("operation %d fails:\n%s\nwithout a failure:\n%s", fail, got, want)
		}
	}
}

// fullDisk can be read; what is written fails as with its Faulty.
type fullDisk struct {
	*storetest.Faulty
	disk store.Store
}

func (f fullDisk) View(ctx context.Context, fn func(store.Tx) error) error {
	return f.disk.View(ctx, fn)
}

// TestNothingIsSentThatCannotBeRecorded: a send that is not in the store would be made again after a crash.
func TestNothingIsSentThatCannotBeRecorded(t *testing.T) {
	inBubble("the disk is full", t, func(t *testing.T) {
		w := newWorld(t)
		w.enqueue(outgoing("a", "c", "x"))
		s := fullDisk{storetest.NewFaulty(w.store), w.store}
		w.store = s
		s.Fail(storetest.FaultBefore, 1, 1_000_000)
		_, _ = w.run()
		time.Sleep(time.Minute)
		if got := w.sent(); len(got) != 0 {
			t.Errorf("sends %+v", got)
		}
		s.Fail("", 0, 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := w.news(); len(got) != 1 || got[0] != "delivered a [p1]" {
			t.Errorf("events %q", got)
		}
	})
}

// TestAStopInAnOutage does not wait for the store.
func TestAStopInAnOutage(t *testing.T) {
	inBubble("the disk is full", t, func(t *testing.T) {
		w := newWorld(t)
		w.enqueue(outgoing("a", "c", "x"))
		s := fullDisk{storetest.NewFaulty(w.store), w.store}
		w.store = s
		s.Fail(storetest.FaultBefore, 2, 1_000_000) // its begin is written, and not its end
		_, stop := w.run()
		time.Sleep(10*time.Second + time.Millisecond)
		began := time.Now()
		stop()
		if d := time.Since(began); d != 0 || len(w.sent()) != 1 || len(w.news()) != 0 {
			t.Errorf("the stop took %v; %d sends, events %q", d, len(w.sent()), w.news())
		}
		for _, line := range w.logged() {
			if line != "progress not written, retrying" {
				t.Errorf("logged %s", line)
			}
		}
	})
}

// TestTheStoreIsNotAskedInVain: so many transactions has a message, and no more looks at it.
func TestTheStoreIsNotAskedInVain(t *testing.T) {
	for text, want := range map[string]int{
		"x":     4, // the list, the message, the begin of the send and its end
		"stop":  3,
		"no":    4,
		"maybe": 4,
		"later": 7, // a begin, its end and a look more
	} {
		inBubble(text, t, func(t *testing.T) {
			w := newWorld(t)
			w.hold, w.hooks, w.answer = true, &hooks{}, answerByText
			s := storetest.NewFaulty(w.store)
			w.store = s
			_, _ = w.run()
			for _, id := range []string{"a", "b"} { // also where there is one already
				synctest.Wait()
				s.Fail("", 0, 0)
				w.enqueue(outgoing(id, "c", text))
				time.Sleep(20 * time.Second)
				synctest.Wait()
				if got := s.Transactions() - 1; got != want { // but for enqueue's
					t.Errorf("%s: %d transactions, want %d", id, got, want)
				}
			}
		})
	}
	inBubble("a held message, at a start", t, func(t *testing.T) {
		w := newWorld(t)
		w.hold, w.answer = true, answerByText
		_, stop := w.run()
		w.enqueue(outgoing("a", "c", "maybe"))
		synctest.Wait()
		stop()
		s := storetest.NewFaulty(w.store)
		w.store = s
		_, _ = w.run()
		if synctest.Wait(); s.Transactions() != 1 {
			t.Errorf("%d transactions", s.Transactions())
		}
	})
	inBubble("a message behind one that waits", t, func(t *testing.T) {
		w := newWorld(t)
		w.ready = wit.NewError(wit.CodeUnavailable, "needs a login")
		s := storetest.NewFaulty(w.store)
		w.store = s
		_, _ = w.run()
		for i := range 10 {
			w.enqueue(outgoing(fmt.Sprint(i), "c", "x"))
			synctest.Wait()
		}
		s.Fail("", 0, 0)
		w.setReady(nil)
		synctest.Wait()
		if got := s.Transactions(); got != 1+10*3 {
			t.Errorf("%d transactions for ten messages", got)
		}
	})
}
