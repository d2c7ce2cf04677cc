package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

func TestMessagesGoOutOnceAndInOrder(t *testing.T) {
	inBubble("order", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			if s.To.ID == "slow" {
				time.Sleep(time.Minute)
			}
			return &wit.Sent{IDs: []string{s.IdempotencyKey}}, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "slow", "1"), outgoing("b", "slow", "2"), outgoing("c", "fast", "3"), outgoing("c", "fast", "again"))
		w.enqueue(outgoing("a", "slow", "again"))
		synctest.Wait()
		if got := strings.Join(w.texts(), ""); got != "13" && got != "31" {
			t.Errorf("sends %q", got)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if got := w.sent(); len(got) != 3 || got[2].text != "2" || got[2].key != "b:0" {
			t.Errorf("sends %+v", got)
		}
		if got := w.news(); len(got) != 3 || got[0] != "delivered c [c:0]" {
			t.Errorf("events %q", got)
		}
	})
	inBubble("spacing and pieces", t, func(t *testing.T) {
		w := newWorld(t)
		w.facts = wit.ChannelFacts{MaxLength: 10, SendInterval: 2000, Markup: wit.MarkupPlain}
		_, _ = w.run()
		m := outgoing("a", "c", "**one** two three four")
		m.ReplyTo, m.Attachments = "q", []wit.Attachment{{Kind: wit.AttachmentKindImage}}
		w.enqueue(m)
		time.Sleep(time.Minute)
		synctest.Wait()
		got := w.sent()
		if len(got) != 2 || got[0].text != "one two" || got[1].text != "three four" || got[1].at != 2*time.Second ||
			got[0].files != 1 || got[1].files != 0 || got[0].replyTo != "q" || got[1].replyTo != "" || got[1].key != "a:1" {
			t.Errorf("sends %+v", got)
		}
		if n := w.news(); len(n) != 1 || n[0] != "delivered a [p1 p2]" {
			t.Errorf("events %q", n)
		}
	})
	inBubble("no slot is held by a channel that waits", t, func(t *testing.T) {
		w := newWorld(t)
		w.facts.SendInterval = 1000
		_, _ = w.run()
		for i := range 100 {
			w.enqueue(outgoing(fmt.Sprint("a", i), fmt.Sprint("c", i%20), "x"))
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := len(w.sent()); n != 100 {
			t.Errorf("%d of 100 sent", n)
		}
	})
}

func TestWaitingForAnAccountLosesNothing(t *testing.T) {
	inBubble("ready later", t, func(t *testing.T) {
		w := newWorld(t)
		w.ready = wit.NewError(wit.CodeUnavailable, "needs a login")
		s, stop := w.run()
		w.enqueue(outgoing("a", "c", "1"), outgoing("b", "c", "2"))
		time.Sleep(72 * time.Hour)
		synctest.Wait()
		var list struct {
			Messages []struct{ ID, State, Waiting string }
		}
		if err := call(t, s, "delivery.list", "{}", &list); err != nil || len(list.Messages) != 2 || list.Messages[0].Waiting != "needs a login" {
			t.Errorf("%+v %v", list, err)
		}
		stop()
		_, _ = w.run()
		synctest.Wait()
		if n := len(w.sent()); n != 0 {
			t.Errorf("%d sends through an account that is not ready", n)
		}
		w.setReady(nil)
		synctest.Wait()
		if got := strings.Join(w.texts(), ""); got != "12" {
			t.Errorf("sends %q", got)
		}
	})
}

func TestFailures(t *testing.T) {
	after, oops := int64(600_000), fmt.Errorf("oops")
	for name, c := range map[string]struct {
		errs  []error // one per send, then success
		sends int
		took  time.Duration // at least
		event string
	}{
		"retried":         {[]error{wit.NewError(wit.CodeUnavailable, "x"), wit.NewError(wit.CodeTimeout, "y")}, 3, time.Second, "delivered a [p3]"},
		"retry after":     {[]error{&wit.Error{Code: wit.CodeRateLimited, Retryable: true, RetryAfter: &after}}, 2, 10 * time.Minute, "delivered a [p2]"},
		"forbidden":       {[]error{wit.NewError(wit.CodeForbidden, "blocked")}, 1, 0, "failed a forbidden"},
		"invalid":         {[]error{wit.NewError(wit.CodeInvalid, "empty")}, 1, 0, "failed a invalid"},
		"not found":       {[]error{wit.NewError(wit.CodeNotFound, "chat")}, 1, 0, "failed a not_found"},
		"retryable":       {[]error{&wit.Error{Code: wit.CodeConflict, Retryable: true}}, 2, 0, "delivered a [p2]"},
		"a bug, always":   {[]error{oops, oops, oops, oops, oops, oops}, 5, 7 * time.Second, "failed a internal"},
		"a bug, at times": {[]error{fmt.Errorf("oops"), fmt.Errorf("oops")}, 3, time.Second, "delivered a [p3]"},
	} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.answer = func(_ context.Context, n int, _ *wit.ChannelSend) (*wit.Sent, error) {
				if n <= len(c.errs) {
					return nil, c.errs[n-1]
				}
				return &wit.Sent{IDs: []string{fmt.Sprint("p", n)}}, nil
			}
			_, _ = w.run()
			w.enqueue(outgoing("a", "c", "x"))
			time.Sleep(20 * time.Minute)
			got := w.sent()
			if len(got) != c.sends || got[len(got)-1].at < c.took {
				t.Errorf("sends %+v", got)
			}
			if n := w.news(); len(n) != 1 || n[0] != c.event {
				t.Errorf("events %q, want %q", n, c.event)
			}
			for _, s := range got {
				if s.key != "a:0" {
					t.Errorf("key %q", s.key)
				}
			}
		})
	}
	inBubble("given up after a day, and the next goes on", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			if s.Text == "bad" {
				return nil, wit.NewError(wit.CodeUnavailable, "x")
			}
			return &wit.Sent{}, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "c", "bad"), outgoing("b", "c", "good"))
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if got := w.news(); len(got) != 2 || got[0] != "failed a unavailable" || got[1] != "delivered b []" {
			t.Errorf("events %q", got)
		}
		if n := len(w.sent()); n < 200 || n > 700 {
			t.Errorf("%d sends in a day", n)
		}
	})
}

// hooks answer by text: "change" becomes "changed", "stop" is cancelled, "trouble" fails once.
type hooks struct {
	mu       sync.Mutex
	troubled bool
	sent     []wit.MessageSent
}

func (h *hooks) Sending(_ context.Context, c wit.HookContext, m wit.MessageSending) (wit.MessageSending, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch m.Text {
	case "change":
		m.Text = "changed"
	case "empty":
		m.Text = ""
	case "stop":
		return m, wit.NewError(wit.CodeForbidden, "guard: not this")
	case "trouble":
		if !h.troubled {
			h.troubled = true
			return m, wit.NewError(wit.CodeUnavailable, "guard is closed")
		}
	}
	return m, nil
}

func (h *hooks) Sent(_ context.Context, _ wit.HookContext, m wit.MessageSent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent = append(h.sent, m)
}

func TestHooks(t *testing.T) {
	inBubble("hooks", t, func(t *testing.T) {
		w, h := newWorld(t), &hooks{}
		w.hooks = h
		_, _ = w.run()
		for _, text := range []string{"change", "stop", "trouble", "empty"} {
			w.enqueue(outgoing(text, "c", text))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Join(w.texts(), " "); got != "changed trouble" {
			t.Errorf("sends %q", got)
		}
		if got := strings.Join(w.news(), ", "); got != "delivered change [p1], cancelled stop forbidden, delivered trouble [p2], cancelled empty invalid" {
			t.Errorf("events %q", got)
		}
		if got := w.sent(); len(got) != 2 || got[1].at < time.Second/2 {
			t.Errorf("a hook that fails is not asked again after a pause: %+v", got)
		}
		w.mu.Lock()
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			return nil, wit.NewError(wit.CodeForbidden, "blocked")
		}
		w.mu.Unlock()
		w.enqueue(outgoing("refused", "c", "x"))
		synctest.Wait()
		if len(h.sent) != 3 || h.sent[0].IDs[0] != "p1" || h.sent[0].Error != nil || h.sent[2].Error == nil {
			t.Errorf("sent %+v", h.sent)
		}
	})
}

func TestEnqueueRefusesWhatNobodyCanSend(t *testing.T) {
	w := newWorld(t)
	nowhere, nobody := outgoing("a", "c", "x"), outgoing("a", "c", "x")
	nowhere.Channel, nobody.Account = "", ""
	for _, m := range []message.Outbound{{}, outgoing("", "c", "x"), outgoing("a", "", "x"), outgoing("a", "c", " \n"), nowhere, nobody} {
		err := w.store.Update(context.Background(), func(tx store.Tx) error { return w.queue.Enqueue(tx, m) })
		if wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%+v: %v", m, err)
		}
	}
}
