package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// told is a world whose platform says what became of a message, by then, before the answer to its send is there.
func told(t *testing.T, say func(w *world, n int, token string), answer func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error)) *world {
	w := newWorld(t)
	w.hold = true
	w.answer = func(ctx context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
		say(w, n, s.IdempotencyKey)
		return answer(ctx, n, s)
	}
	w.run()
	w.enqueue(outgoing("a", "u", "1"))
	return w
}

// commit is confirm without waiting for what follows. A transaction that fails has confirmed nothing.
func (w *world) commit(token string, cause *wit.Error, failure error) {
	at, c := message.Account{Channel: "chat", ID: "main"}, wit.Confirmation{Token: token, IDs: []string{"told"}, Error: cause}
	err := w.store.Update(context.Background(), func(tx store.Tx) error {
		if _, err := w.queue.Confirm(tx, at, c); err != nil {
			return err
		}
		return failure
	})
	if err == nil {
		w.queue.Confirmed(at, []wit.Confirmation{c})
	}
}

func TestAPlatformThatIsFasterThanItsAnswer(t *testing.T) {
	refused := wit.NewError(wit.CodeForbidden, "they have no account")
	lost := func(_ context.Context, _ int, s *wit.ChannelSend) (*wit.Sent, error) {
		return &wit.Sent{Awaits: &wit.Awaited{Token: s.IdempotencyKey, Within: 30_000}}, nil
	}
	inBubble("says that it is sent", t, func(t *testing.T) {
		w := told(t, func(w *world, _ int, token string) { w.commit(token, nil, nil) }, taking)
		w.want("delivered a [told]")
	})
	inBubble("says that it cannot be delivered", t, func(t *testing.T) {
		w := told(t, func(w *world, _ int, token string) { w.commit(token, refused, nil) }, taking)
		w.want("failed a forbidden")
	})
	inBubble("says both", t, func(t *testing.T) {
		w := told(t, func(w *world, _ int, token string) {
			w.commit(token, nil, nil)
			w.commit(token, refused, nil)
			w.commit(token, nil, nil)
		}, taking)
		w.want("failed a forbidden")
	})
	inBubble("says so of one whose answer is lost", t, func(t *testing.T) {
		w := told(t, func(w *world, _ int, token string) { w.commit(token, nil, nil) }, lost)
		w.want("delivered a [told]")
		time.Sleep(time.Hour)
		if n := len(w.sent()); n != 1 {
			t.Errorf("sent %d times", n)
		}
	})
	inBubble("among much that nobody waits for", t, func(t *testing.T) {
		w := told(t, func(w *world, _ int, token string) {
			for n := range 1500 {
				w.commit(fmt.Sprint("other ", n), nil, nil)
			}
			w.commit(token, nil, nil)
		}, lost)
		w.want("delivered a [told]")
	})
	inBubble("what is not committed says nothing", t, func(t *testing.T) {
		w := told(t, func(w *world, _ int, token string) { w.commit(token, nil, errors.New("the disk is full")) }, lost)
		time.Sleep(29 * time.Second)
		w.want()
		time.Sleep(2 * time.Second)
		w.want("held a conflict")
	})
	inBubble("nor what was said before the send began", t, func(t *testing.T) {
		w := told(t, func(w *world, n int, token string) {
			if n == 1 {
				w.commit("b:0", refused, nil)
				w.enqueue(outgoing("b", "v", "2"))
				time.Sleep(time.Second) // b is on its way beside a
			}
		}, lost)
		time.Sleep(2 * time.Second)
		w.want()
		w.confirm("b:0", nil, nil)
		w.want("delivered b []")
	})
	inBubble("nor what was said before its frames were written", t, func(t *testing.T) {
		w := told(t, func(w *world, _ int, token string) { w.commit(token, refused, nil) }, overLine)
		synctest.Wait()
		w.want()
		w.confirm("a:0", nil, nil)
		w.want("delivered a [own 1]")
	})
}
