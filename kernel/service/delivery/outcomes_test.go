package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

func TestServiceTellsOfItself(t *testing.T) {
	inBubble("queues, check and metrics", t, func(t *testing.T) {
		w := newWorld(t)
		w.hold = true
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			switch s.To.ID {
			case "blocked":
				return nil, wit.NewError(wit.CodeForbidden, "blocked")
			case "doubtful":
				return nil, wit.NewError(wit.CodeTimeout, "no answer")
			}
			return &wit.Sent{}, nil
		}
		s, _ := w.run()
		part := s.Service()
		if part.Name != "delivery" || len(part.Methods) != 6 || len(part.Events) != 2 || len(part.Checks) != 1 || len(part.Metrics) != 1 {
			t.Fatalf("%+v", part)
		}
		if c := part.Checks[0](t.Context()); !c.OK || c.Name != "delivery" {
			t.Errorf("an empty queue: %+v", c)
		}
		w.enqueue(outgoing("a", "friend", "x"), outgoing("b", "friend", "x"), outgoing("c", "blocked", "x"), outgoing("d", "doubtful", "x"))
		synctest.Wait()
		w.setReady(wit.NewError(wit.CodeUnavailable, "needs a login"))
		w.enqueue(outgoing("e", "friend", "x"))
		q, err := part.Queues(t.Context())
		if err != nil || q["outbound"] != 2 || q["held"] != 1 || len(q) != 2 {
			t.Errorf("queues %v %v", q, err)
		}
		c := part.Checks[0](t.Context())
		if c.OK || c.Message != "1 message held, which may have arrived" ||
			c.Hint != "look with `carapace delivery list`, then `carapace delivery release` or `drop`" {
			t.Errorf("a held message: %+v", c)
		}
		m := part.Metrics[0]
		if got := fmt.Sprint(m.Collect()); m.Name != "carapace_messages_sent_total" || !m.Counter || got != "[{[chat delivered] 2} {[chat failed] 2}]" {
			t.Errorf("%s: %s", m.Name, got)
		}
	})
}

func TestADropWhileItIsSentIsTheOutcome(t *testing.T) {
	inBubble("announced once", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			time.Sleep(time.Minute)
			return &wit.Sent{}, nil
		}
		s, _ := w.run()
		w.enqueue(outgoing("a", "c", "x"), outgoing("b", "c", "y"))
		synctest.Wait()
		if err := call(t, s, "delivery.drop", `{"id":"a"}`, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if got := strings.Join(w.news(), ", "); got != "cancelled a forbidden, delivered b []" {
			t.Errorf("events %q", got)
		}
	})
	inBubble("and kept like any other", t, func(t *testing.T) {
		w := newWorld(t)
		w.ready = wit.NewError(wit.CodeUnavailable, "needs a login")
		s, _ := w.run()
		w.enqueue(outgoing("a", "c", "x"))
		synctest.Wait()
		if err := call(t, s, "delivery.drop", `{"id":"a"}`, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		var list struct{ Messages []struct{ DoneAt int64 } }
		if err := call(t, s, "delivery.list", `{"state":"cancelled"}`, &list); err != nil || len(list.Messages) != 1 || list.Messages[0].DoneAt == 0 {
			t.Errorf("%+v %v", list, err)
		}
	})
}

func TestALongSpacingHoldsAcrossAnEmptyLane(t *testing.T) {
	inBubble("half an hour", t, func(t *testing.T) {
		w := newWorld(t)
		w.facts.SendInterval = (30 * time.Minute).Milliseconds()
		_, _ = w.run()
		w.enqueue(outgoing("a", "c", "x"))
		time.Sleep(10 * time.Minute)
		w.enqueue(outgoing("b", "c", "y"))
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := w.sent(); len(got) != 2 || got[1].at != 30*time.Minute {
			t.Errorf("sends %+v", got)
		}
	})
}
