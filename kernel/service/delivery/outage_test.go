package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAStoreThatFailsAtAnyMoment loses no message, repeats none and keeps their order, and is not asked all the time.
func TestAStoreThatFailsAtAnyMoment(t *testing.T) {
	for first := 1; first <= 12; first++ {
		for _, fault := range []storetest.Fault{storetest.FaultBefore, storetest.FaultCommit} {
			inBubble(fmt.Sprint(fault, " ", first), t, func(t *testing.T) {
				w := newWorld(t)
				w.facts.MaxLength = 5
				w.enqueue(outgoing("a", "c", "one two"), outgoing("b", "c", "three"))
				s := storetest.NewFaulty(w.store)
				w.store = s
				s.Fail(fault, first, 4)
				_, _ = w.run()
				time.Sleep(20 * time.Second)
				synctest.Wait()
				if n := s.Transactions(); n > 40 {
					t.Errorf("%d transactions in twenty seconds", n)
				}
				if got := strings.Join(w.texts(), " "); got != "one two three" {
					t.Errorf("sends %q", got)
				}
				if got := strings.Join(w.news(), ", "); got != "delivered a [p1 p2], delivered b [p3]" {
					t.Errorf("events %q", got)
				}
			})
		}
	}
}

// TestAStoreThatFails is what the owner and clients hear of, and nothing is announced that was not done.
func TestAStoreThatFails(t *testing.T) {
	inBubble("methods", t, func(t *testing.T) {
		w := newWorld(t)
		w.ready = wit.NewError(wit.CodeUnavailable, "needs a login")
		faulty := storetest.NewFaulty(w.store)
		w.store = faulty
		s, _ := w.run()
		w.enqueue(outgoing("a", "c", "x"))
		synctest.Wait()
		for method, params := range map[string]string{
			"delivery.list": `{}`, "delivery.drop": `{"id":"a"}`, "delivery.release": `{"id":"a"}`,
			"send": `{"to":"42","message":"hi","idempotencyKey":"k1"}`,
		} {
			for _, fault := range []storetest.Fault{storetest.FaultBefore, storetest.FaultCommit} {
				faulty.Fail(fault, 1, 1)
				err := call(t, s, method, params, nil)
				if want := wit.CodeUnavailable; wit.CodeOf(err) != want && !(method == "delivery.release" && wit.CodeOf(err) == wit.CodeConflict) {
					t.Errorf("%s with %s: %v", method, fault, err)
				}
			}
		}
		faulty.Fail(storetest.FaultBefore, 1, 1)
		if c := s.Service().Checks[0](t.Context()); c.OK || !strings.Contains(c.Message, "the disk is full") {
			t.Errorf("check %+v", c)
		}
		faulty.Fail(storetest.FaultBefore, 1, 1)
		if _, err := s.Service().Queues(t.Context()); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("queues: %v", err)
		}
		w.setReady(nil)
		synctest.Wait()
		if got := strings.Join(w.news(), ", "); got != "delivered a [p1]" {
			t.Errorf("events %q", got)
		}
	})
}

// TestManyOutcomesAreForgotten at once when their time has come, also after the store has failed.
func TestManyOutcomesAreForgotten(t *testing.T) {
	inBubble("more than a batch", t, func(t *testing.T) {
		w := newWorld(t)
		faulty := storetest.NewFaulty(w.store)
		w.store = faulty
		_, _ = w.run()
		for i := range 1100 {
			w.enqueue(outgoing(fmt.Sprint("m", i), fmt.Sprint("c", i%8), "x"))
		}
		time.Sleep(7*24*time.Hour - time.Minute)
		kept := func() (n int) {
			storetest.Update(t, w.store, func(tx store.Tx) error {
				for _, space := range []string{"delivery.done", "delivery.id", "delivery.queue"} {
					for range tx.Scan(space, store.Range{}) {
						n++
					}
				}
				return nil
			})
			return n
		}
		synctest.Wait()
		if n := kept(); n != 2200 {
			t.Errorf("%d records within a week", n)
		}
		forget := func(before time.Time, keep uint64) (more bool) {
			storetest.Update(t, w.store, func(tx store.Tx) (err error) {
				more, err = delivery.PruneDone(tx, before.UnixMilli(), keep)
				return err
			})
			return more
		}
		if more := forget(w.began, 1100); more || kept() != 2200 { // they ended at that moment, and are so many
			t.Errorf("%d records are left of those that may be kept", kept())
		}
		if more := forget(w.began, 1099); more || kept() != 2198 {
			t.Errorf("%d records are left where one is too many", kept())
		}
		if more := forget(w.began.Add(time.Millisecond), 1100); !more || kept() != 1198 {
			t.Errorf("%d records are left behind a batch", kept())
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := kept(); n != 0 {
			t.Errorf("%d records after it", n)
		}
		w.enqueue(outgoing("late", "c", "x"))
		time.Sleep(7 * 24 * time.Hour)
		faulty.Fail(storetest.FaultCommit, 1, 1)
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if n := kept(); n != 0 {
			t.Errorf("%d records after the store has failed", n)
		}
	})
}

// TestAChangeThatNobodyTold is found within a minute.
func TestAChangeThatNobodyTold(t *testing.T) {
	inBubble("an account is ready again", t, func(t *testing.T) {
		w := newWorld(t)
		w.ready = wit.NewError(wit.CodeUnavailable, "needs a login")
		_, _ = w.run()
		w.enqueue(outgoing("a", "c", "x"))
		synctest.Wait()
		w.mu.Lock()
		w.ready = nil
		w.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Join(w.texts(), " "); got != "x" {
			t.Errorf("sends %q", got)
		}
	})
}

// TestAPlatformThatIsBackGetsWhatWaited at once, however long it was away; one that asks for a pause, or refuses, does
// not because its account is connected.
func TestAPlatformThatIsBackGetsWhatWaited(t *testing.T) {
	pause := int64(1_200_000)
	for name, c := range map[string]struct {
		err  error
		soon bool
	}{
		"nobody there":  {wit.NewError(wit.CodeUnavailable, "no route"), true},
		"no answer":     {wit.NewError(wit.CodeTimeout, "no answer"), true},
		"a lost token":  {&wit.Error{Code: wit.CodeUnauthorized, Retryable: true}, true},
		"a pause":       {&wit.Error{Code: wit.CodeUnavailable, Retryable: true, RetryAfter: &pause}, false},
		"too many":      {wit.NewError(wit.CodeRateLimited, "slowly"), false},
		"it is a fault": {&wit.Error{Code: wit.CodeConflict, Retryable: true}, false},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			down := true
			w.answer = func(_ context.Context, _ int, s *wit.ChannelSend) (*wit.Sent, error) {
				if down {
					return nil, c.err
				}
				return &wit.Sent{IDs: []string{s.IdempotencyKey}}, nil
			}
			w.connect(true)
			_, _ = w.run()
			w.enqueue(outgoing("a", "c", "1"), outgoing("b", "c", "2"), outgoing("d", "e", "3"))
			time.Sleep(time.Second)
			w.connect(false)
			time.Sleep(15 * time.Minute)
			before := len(w.sent())
			for range 100 { // others change, and this one does not
				event.Kind[string]{Name: "channels.changed"}.Publish(w.bus, "chat/other")
				synctest.Wait()
			}
			if after := len(w.sent()); after > before {
				t.Errorf("%d sends since another account changed", after-before)
			}
			down = false
			w.connect(true)
			synctest.Wait()
			if got := len(w.news()); (got == 3) != c.soon {
				t.Errorf("%d messages have arrived: %q", got, w.news())
			}
			time.Sleep(10 * time.Minute)
			if got := len(w.news()); got != 3 {
				t.Errorf("%d messages have arrived in the end", got)
			}
		})
	}
	inBubble("while it is being tried again", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_ context.Context, n int, _ *wit.ChannelSend) (*wit.Sent, error) {
			if n == 1 {
				return nil, wit.NewError(wit.CodeUnavailable, "no route")
			}
			time.Sleep(time.Minute)
			return &wit.Sent{}, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "c", "1"))
		time.Sleep(2 * time.Second)
		for range 10 {
			w.connect(true)
			synctest.Wait()
		}
		time.Sleep(2 * time.Minute)
		if got := w.news(); len(w.sent()) != 2 || len(got) != 1 {
			t.Errorf("%d sends, events %q", len(w.sent()), got)
		}
	})
	inBubble("it fails all the same", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			return nil, wit.NewError(wit.CodeUnavailable, "no route")
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "c", "1"))
		time.Sleep(20 * time.Minute)
		before := len(w.sent())
		w.connect(true)
		for range 100 {
			event.Kind[string]{Name: "channels.changed"}.Publish(w.bus, "chat/other")
			synctest.Wait()
		}
		if n := len(w.sent()) - before; n != 1 {
			t.Errorf("%d attempts for one connection", n)
		}
	})
}
