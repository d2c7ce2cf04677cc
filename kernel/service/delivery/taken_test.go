package delivery_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// taking is a plugin of a platform that takes a message at once, and tells later of what it cannot deliver.
func taking(_ context.Context, _ int, s *wit.ChannelSend) (*wit.Sent, error) {
	return &wit.Sent{IDs: []string{"own " + s.Text}, Awaits: &wit.Awaited{Token: s.IdempotencyKey, Within: 10_000, Taken: true}}, nil
}

// TestWhatThePlatformHasTaken counts as sent unless it says otherwise in time, and is not sent again.
func TestWhatThePlatformHasTaken(t *testing.T) {
	start := func(t *testing.T) (*world, func()) {
		w := newWorld(t)
		w.answer, w.hold = taking, true
		_, stop := w.run()
		w.enqueue(outgoing("a", "u", "1"))
		synctest.Wait()
		return w, stop
	}
	inBubble("nothing is said", t, func(t *testing.T) {
		w, _ := start(t)
		w.want()
		time.Sleep(11 * time.Second)
		w.want("delivered a [own 1]")
	})
	inBubble("it cannot be delivered", t, func(t *testing.T) {
		w, _ := start(t)
		w.confirm("a:0", nil, wit.NewError(wit.CodeForbidden, "they have no account"))
		w.want("failed a forbidden")
	})
	inBubble("it could not be delivered, and is tried again", t, func(t *testing.T) {
		w, stop := start(t)
		w.confirm("a:0", nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: true})
		w.mu.Lock()
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			return nil, wit.NewError(wit.CodeTimeout, "the connection broke")
		}
		w.mu.Unlock()
		time.Sleep(5 * time.Second)
		w.want("held a conflict") // what was taken before says nothing of this attempt
		stop()
	})
	inBubble("it says so before that is written down", t, func(t *testing.T) {
		w := newWorld(t)
		first := &beforeUpdate{Store: w.store}
		w.store, w.hold = first, true
		w.answer = func(ctx context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			first.do = func() {
				account, c := message.Account{Channel: "chat", ID: "main"}, wit.Confirmation{Token: s.IdempotencyKey, IDs: []string{"told"}}
				err := w.store.Update(context.Background(), func(tx store.Tx) error {
					_, err := w.queue.Confirm(tx, account, c)
					return err
				})
				if err != nil {
					t.Error(err)
				}
				w.queue.Confirmed(account, []wit.Confirmation{c})
			}
			return taking(ctx, n, s)
		}
		w.run()
		w.enqueue(outgoing("a", "u", "1"))
		w.want("delivered a [told]")
	})
	inBubble("the gateway stops meanwhile", t, func(t *testing.T) {
		w, stop := start(t)
		stop()
		w.run()
		time.Sleep(time.Minute)
		w.want("delivered a [own 1]")
		if n := len(w.sent()); n != 1 {
			t.Errorf("sent %d times", n)
		}
	})
}

// beforeUpdate is a store in which something else is written before the next transaction.
type beforeUpdate struct {
	store.Store
	do func()
}

func (s *beforeUpdate) Update(ctx context.Context, fn func(store.Tx) error) error {
	if do := s.do; do != nil {
		s.do = nil
		do()
	}
	return s.Store.Update(ctx, fn)
}
