package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/move"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// moved does what the inbox does with a move.
func (w *world) moved(_ context.Context, m message.Move) error {
	if w.failMove {
		return wit.NewError(wit.CodeUnavailable, "the disk is full")
	}
	err := w.store.Update(context.Background(), func(tx store.Tx) error {
		if fresh, err := move.Record(tx, m); err != nil || !fresh {
			return err
		}
		return w.queue.Moved(tx, m)
	})
	w.queue.Wake()
	return err
}

// calls are the sends as "to text".
func (w *world) calls() (list []string) {
	for _, s := range w.sent() {
		list = append(list, s.to+" "+s.text)
	}
	return list
}

func TestWhatWaitsMovesWithItsConversation(t *testing.T) {
	group := message.Move{Account: message.Account{Channel: "chat", ID: "main"}, From: "old", To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "new"}}
	inBubble("in order, behind a pause, and over a restart", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			if s.Text == "1" && s.To.ID == "old" {
				return nil, &wit.Error{Code: wit.CodeRateLimited, Retryable: true, RetryAfter: new(int64(600_000)), Message: "slowly"}
			}
			return &wit.Sent{IDs: []string{fmt.Sprint("p", n)}}, nil
		}
		_, stop := w.run()
		w.enqueue(outgoing("a", "old", "1"), outgoing("b", "old", "2"), outgoing("x", "else", "0"))
		synctest.Wait()
		w.enqueue(outgoing("c", "new", "3"))
		synctest.Wait()
		if err := w.moved(t.Context(), group); err != nil {
			t.Fatal(err)
		}
		w.enqueue(outgoing("d", "new", "4"), outgoing("e", "old", "5"))
		time.Sleep(time.Minute)
		stop()
		_, _ = w.run()
		time.Sleep(8 * time.Minute)
		synctest.Wait()
		if n := len(w.sent()); n != 3 { // the one that was refused, the one to somebody else, and one that nothing held up
			t.Errorf("sent before the pause was over: %q", w.calls())
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		got := slices.DeleteFunc(w.calls(), func(s string) bool { return s == "else 0" || s == "old 1" })
		if want := []string{"new 3", "new 1", "new 2", "new 4", "new 5"}; !slices.Equal(got, want) {
			t.Errorf("sends %q, want %q", got, want)
		}
	})
	inBubble("told by a send", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			sent := &wit.Sent{IDs: []string{fmt.Sprint("p", n)}}
			if s.To.ID == "old" {
				sent.Moved = &group.To
			}
			return sent, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "old", "1"), outgoing("b", "old", "2"))
		synctest.Wait()
		w.enqueue(outgoing("c", "old", "3"))
		synctest.Wait()
		if want := []string{"old 1", "new 2", "new 3"}; !slices.Equal(w.calls(), want) {
			t.Errorf("sends %q, want %q", w.calls(), want)
		}
	})
	inBubble("while one is being sent", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			time.Sleep(time.Minute)
			return &wit.Sent{IDs: []string{fmt.Sprint("p", n)}}, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "old", "1"), outgoing("b", "old", "2"))
		synctest.Wait()
		if err := w.moved(t.Context(), group); err != nil {
			t.Fatal(err)
		}
		w.enqueue(outgoing("c", "old", "3"))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if want := []string{"old 1", "new 2", "new 3"}; !slices.Equal(w.calls(), want) {
			t.Errorf("sends %q, want %q", w.calls(), want)
		}
		if got := w.news(); len(got) != 3 {
			t.Errorf("events %q", got)
		}
	})
	inBubble("behind what was sent a moment ago", t, func(t *testing.T) {
		w := newWorld(t)
		w.facts.SendInterval = 10_000
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			if n == 2 {
				return nil, &wit.Error{Code: wit.CodeRateLimited, Retryable: true, RetryAfter: new(int64(5000))}
			}
			return &wit.Sent{}, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "old", "1"))
		synctest.Wait()
		w.enqueue(outgoing("b", "new", "2"))
		time.Sleep(time.Second)
		if err := w.moved(t.Context(), group); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if got := w.sent(); len(got) != 3 || got[2].at != 10*time.Second {
			t.Errorf("sends %+v", got)
		}
	})
	inBubble("to one that is being sent to", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			switch {
			case s.Text == "slow":
				time.Sleep(time.Minute)
			case s.To.ID == "old":
				return nil, &wit.Error{Code: wit.CodeRateLimited, Retryable: true, RetryAfter: new(int64(30_000))}
			}
			return &wit.Sent{}, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "new", "slow"), outgoing("b", "new", "2"), outgoing("c", "old", "3"), outgoing("d", "old", "4"))
		time.Sleep(time.Second)
		if err := w.moved(t.Context(), group); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		got := w.calls()
		slices.Sort(got[:2])
		if want := []string{"new slow", "old 3", "new 3", "new 4", "new 2"}; !slices.Equal(got, want) {
			t.Errorf("sends %q, want %q", got, want)
		}
	})
	inBubble("told nonsense by a send", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			return &wit.Sent{Moved: &wit.Conversation{Kind: wit.ConversationKindGroup}}, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "old", "1"), outgoing("b", "old", "2"))
		synctest.Wait()
		if want := []string{"old 1", "old 2"}; !slices.Equal(w.calls(), want) {
			t.Errorf("sends %q, want %q", w.calls(), want)
		}
	})
	inBubble("between two pieces", t, func(t *testing.T) {
		w := newWorld(t)
		w.facts.MaxLength = 5
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			time.Sleep(time.Minute)
			return &wit.Sent{IDs: []string{fmt.Sprint("p", n)}}, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "old", "one two"))
		synctest.Wait()
		if err := w.moved(t.Context(), group); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if want := []string{"old one", "new two"}; !slices.Equal(w.calls(), want) {
			t.Errorf("sends %q, want %q", w.calls(), want)
		}
	})
	inBubble("told by a send that was refused, which is sent again", t, func(t *testing.T) {
		for _, hold := range []bool{false, true} {
			w := newWorld(t)
			w.hold = hold
			w.answer = refusesOld(w, &group.To)
			_, _ = w.run()
			w.enqueue(outgoing("a", "old", "1"), outgoing("b", "old", "2"), outgoing("c", "new", "3"))
			synctest.Wait()
			w.enqueue(outgoing("d", "old", "4"))
			synctest.Wait()
			if got := slices.DeleteFunc(w.calls(), func(s string) bool { return s == "new 3" }); !slices.Equal(got, []string{"old 1", "new 1", "new 2", "new 4"}) {
				t.Errorf("sends %q", got)
			}
			if got := w.news(); len(got) != 4 {
				t.Errorf("events %q", got)
			}
		}
	})
	inBubble("and is recorded before it is sent again, over failures and kills", t, func(t *testing.T) {
		w := newWorld(t)
		w.hold = true
		w.failMove = true
		w.answer = refusesOld(w, &group.To)
		_, stop := w.run()
		w.enqueue(outgoing("a", "old", "1"), outgoing("b", "old", "2"))
		time.Sleep(5 * time.Second)
		stop()
		w.failMove = false
		if got := w.calls(); slices.Contains(got, "new 1") || len(got) > 6 {
			t.Errorf("sends %q before the move was recorded", got)
		}
		_, _ = w.run()
		synctest.Wait()
		got := slices.Compact(w.calls())
		if want := []string{"old 1", "new 1", "new 2"}; !slices.Equal(got, want) {
			t.Errorf("sends %q, want %q", got, want)
		}
	})
	inBubble("told nonsense by a send that was refused", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			return &wit.Sent{Moved: &wit.Conversation{Kind: wit.ConversationKindGroup, ID: "old"}}, nil
		}
		_, _ = w.run()
		w.enqueue(outgoing("a", "old", "1"))
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := w.news(); len(w.calls()) != 5 || len(got) != 1 || got[0] != "failed a internal" {
			t.Errorf("sends %q, events %q", w.calls(), got)
		}
	})
}

// refusesOld is a platform on which the conversation old has another id, which it must know before anything is sent there.
func refusesOld(w *world, to *wit.Conversation) func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
	return func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
		if s.To.ID == "old" {
			return &wit.Sent{Moved: to}, nil
		}
		return &wit.Sent{IDs: []string{fmt.Sprint("p", n)}}, w.store.View(context.Background(), func(tx store.Tx) error {
			names, err := move.Names(tx, message.Account{Channel: "chat", ID: "main"}, to.ID)
			if s.Text != "3" && len(names) != 2 {
				w.t.Errorf("%q is sent before the move is recorded", s.Text)
			}
			return err
		})
	}
}
