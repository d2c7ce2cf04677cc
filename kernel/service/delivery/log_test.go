package delivery_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTheLog tells the owner of each message that does not arrive, of each that is tried again, and of a store that
// fails; what goes well, and an orderly stop, is not worth a word.
func TestTheLog(t *testing.T) {
	const undelivered, retried, waits = "message not delivered", "send failed, retrying", "message waits for the store"
	for name, c := range map[string]struct {
		texts []string
		do    func(w *world, s *delivery.Service, stop func())
		want  []string
	}{
		"all is well":  {[]string{"x", "y"}, nil, nil},
		"tried again":  {[]string{"later"}, nil, []string{retried}},
		"refused":      {[]string{"no", "x"}, nil, []string{undelivered}},
		"held":         {[]string{"maybe", "x"}, nil, []string{undelivered}},
		"cancelled":    {[]string{"stop", "x"}, nil, []string{undelivered}},
		"nothing left": {[]string{"empty", "x"}, nil, []string{undelivered}},
		"dropped while it is sent": {[]string{"slow"}, func(w *world, s *delivery.Service, _ func()) {
			_ = call(w.t, s, "delivery.drop", `{"id":"slow"}`, nil)
		}, []string{undelivered, "message ended after it was dropped"}},
		"stopped": {[]string{"slow"}, func(_ *world, _ *delivery.Service, stop func()) { stop() }, nil},
		"stopped while others wait for their turn": {[]string{"slow"}, func(w *world, _ *delivery.Service, stop func()) {
			for _, to := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
				w.enqueue(outgoing(to, to, "slow"))
			}
			synctest.Wait()
			stop()
		}, nil},
		"a move that is not recorded": {[]string{"moved"}, nil, []string{"a conversation's new id was not recorded"}},
		"a damaged message": {nil, func(w *world, _ *delivery.Service, _ func()) {
			storetest.Update(w.t, w.store, func(tx store.Tx) error { return tx.Put("delivery.queue", "0000000000000001", []byte("{")) })
			w.queue.Wake()
		}, []string{"damaged message left out"}},
		// Behind enqueue's transaction come that of the list, the message's, its begin's and its end's.
		"the list": {nil, func(w *world, _ *delivery.Service, _ func()) {
			w.store.(*storetest.Faulty).Fail(storetest.FaultBefore, 1, 1)
			w.queue.Wake()
		}, []string{"outbound queue not read"}},
		"the message": {nil, func(w *world, _ *delivery.Service, _ func()) {
			w.store.(*storetest.Faulty).Fail(storetest.FaultBefore, 3, 1)
			w.enqueue(outgoing("x", "c", "x"))
		}, []string{waits}},
		"its begin": {nil, func(w *world, _ *delivery.Service, _ func()) {
			w.store.(*storetest.Faulty).Fail(storetest.FaultBefore, 4, 1)
			w.enqueue(outgoing("x", "c", "x"))
		}, []string{waits}},
		"its end": {nil, func(w *world, _ *delivery.Service, _ func()) {
			w.store.(*storetest.Faulty).Fail(storetest.FaultBefore, 5, 2)
			w.enqueue(outgoing("x", "c", "x"))
		}, []string{"progress not written, retrying", "progress not written, retrying"}},
		"old outcomes": {nil, func(w *world, _ *delivery.Service, _ func()) {
			w.store.(*storetest.Faulty).Fail(storetest.FaultBefore, 1, 1_000_000)
			time.Sleep(40 * time.Second) // one minute after the start the list is looked at as well
		}, []string{"old outcomes not removed"}},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.hold, w.hooks = true, &hooks{}
			w.failMove = true
			w.answer = func(ctx context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
				switch s.Text {
				case "slow":
					time.Sleep(time.Second)
				case "moved":
					return &wit.Sent{IDs: []string{"p"}, Moved: &wit.Conversation{ID: "new"}}, nil
				}
				return answerByText(ctx, n, s)
			}
			w.store = storetest.NewFaulty(w.store)
			s, stop := w.run()
			synctest.Wait()
			for _, text := range c.texts {
				w.enqueue(outgoing(text, "c", text))
			}
			synctest.Wait()
			if c.do != nil {
				c.do(w, s, stop)
			}
			time.Sleep(30 * time.Second)
			got := w.logged()
			if name == "old outcomes" { // how often the list is read beside it is another matter
				got = slices.DeleteFunc(got, func(s string) bool { return s == "outbound queue not read" })
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestAMoveThatIsRecorded is told to those who keep conversations, and not to the owner.
func TestAMoveThatIsRecorded(t *testing.T) {
	inBubble("once", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			return &wit.Sent{IDs: []string{"p"}, Moved: &wit.Conversation{ID: "new"}}, nil
		}
		var told []message.Move
		d := w.deps()
		d.Moved = func(_ context.Context, m message.Move) error { told = append(told, m); return nil }
		w.serve(delivery.New(d))
		w.enqueue(outgoing("a", "old", "x"))
		want := message.Move{Account: message.Account{Channel: "chat", ID: "main"}, From: "old", To: wit.Conversation{ID: "new"}}
		if got := w.logged(); len(got) != 0 || len(told) != 1 || told[0] != want {
			t.Errorf("told %+v, logged %q", told, got)
		}
	})
}
