package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// overLine is a plugin whose sends go over the account's connection and await their keys for ten seconds.
func overLine(_ context.Context, _ int, s *wit.ChannelSend) (*wit.Sent, error) {
	return &wit.Sent{IDs: []string{"own " + s.Text}, Frames: []wit.Frame{{Connection: "irc", Text: &s.Text}},
		Awaits: &wit.Awaited{Token: s.IdempotencyKey, Within: 10_000}}, nil
}

// confirm commits what became of a token, as the inbox does with an answer.
func (w *world) confirm(token string, ids []string, cause *wit.Error) (known bool) {
	w.t.Helper()
	at, c := message.Account{Channel: "chat", ID: "main"}, wit.Confirmation{Token: token, IDs: ids, Error: cause}
	err := w.store.Update(context.Background(), func(tx store.Tx) (err error) {
		known, err = w.queue.Confirm(tx, at, c)
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
	w.queue.Confirmed(at, []wit.Confirmation{c})
	synctest.Wait()
	return known
}

// news must be these.
func (w *world) want(news ...string) {
	w.t.Helper()
	synctest.Wait()
	if got := w.news(); !slices.Equal(got, news) {
		w.t.Errorf("told %q, want %q", got, news)
	}
}

func TestASendWaitsForItsConfirmation(t *testing.T) {
	start := func(t *testing.T, hold bool) (*world, func()) {
		w := newWorld(t)
		w.answer, w.hold = overLine, hold
		w.line.state = wit.JSON(`{"joined":true}`)
		_, stop := w.run()
		return w, stop
	}
	inBubble("each conversation in its order", t, func(t *testing.T) {
		w, _ := start(t, true)
		var states []string
		w.answer = func(ctx context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			states = append(states, string(s.State))
			return overLine(ctx, n, s)
		}
		w.enqueue(outgoing("a", "u", "1"), outgoing("b", "u", "2"), outgoing("c", "v", "3"))
		synctest.Wait()
		if got := w.texts(); len(got) != 2 || slices.Contains(got, "2") {
			t.Errorf("in flight are %q", got)
		}
		w.want()
		if !w.confirm("c:0", []string{"x3"}, nil) || !w.confirm("a:0", nil, nil) || w.confirm("a:0", nil, nil) {
			t.Error("a token is confirmed once")
		}
		w.want("delivered c [x3]", "delivered a [own 1]")
		w.confirm("b:0", []string{"x2", "x2b"}, nil)
		w.want("delivered c [x3]", "delivered a [own 1]", "delivered b [x2 x2b]")
		if !slices.Equal(states, []string{`{"joined":true}`, `{"joined":true}`, `{"joined":true}`}) {
			t.Errorf("the plugin was given the states %q", states)
		}
	})
	inBubble("and is not misled by news of an earlier attempt", t, func(t *testing.T) {
		w, _ := start(t, true)
		w.enqueue(outgoing("a", "u", "1"))
		synctest.Wait()
		for range 3 {
			w.queue.Confirmed(message.Account{Channel: "chat", ID: "main"}, []wit.Confirmation{{Token: "a:0"}})
			synctest.Wait()
		}
		w.want()
		w.confirm("a:0", nil, nil)
		w.want("delivered a [own 1]")
	})
	inBubble("and holds up no other conversation", t, func(t *testing.T) {
		w, _ := start(t, true)
		const many = 20 // more than are looked at at a time
		for n := range many {
			w.enqueue(outgoing(fmt.Sprint("m", n), fmt.Sprint("u", n), fmt.Sprint(n)))
		}
		synctest.Wait()
		if got := w.texts(); len(got) != many {
			t.Errorf("in flight are %d of %d", len(got), many)
		}
		for n := range many {
			w.confirm(fmt.Sprintf("m%d:0", n), nil, nil)
		}
		synctest.Wait()
		if got := w.news(); len(got) != many {
			t.Errorf("told %q", got)
		}
	})
	inBubble("which may say that it was not sent", t, func(t *testing.T) {
		w, _ := start(t, true)
		w.enqueue(outgoing("a", "u", "1"), outgoing("b", "v", "2"))
		synctest.Wait()
		w.confirm("a:0", nil, wit.NewError(wit.CodeForbidden, "you are banned, hunter2"))
		w.confirm("b:0", nil, wit.AsError(wit.ErrorAfter(wit.CodeRateLimited, time.Hour, "slowly")))
		w.want("failed a forbidden")
		time.Sleep(59 * time.Minute)
		w.want("failed a forbidden")
		time.Sleep(time.Minute + time.Second)
		w.confirm("b:0", nil, nil)
		w.want("failed a forbidden", "delivered b [own 2]")
	})
	inBubble("which may not come in time", t, func(t *testing.T) {
		w, _ := start(t, false)
		w.enqueue(outgoing("a", "u", "1"))
		time.Sleep(9 * time.Second)
		if len(w.sent()) != 1 {
			t.Errorf("sent %d times", len(w.sent()))
		}
		time.Sleep(1100 * time.Millisecond)
		if w.confirm("a:0", nil, nil) {
			t.Error("late, and known all the same")
		}
		time.Sleep(2 * time.Second)
		if got := w.sent(); len(got) != 2 || got[0].key != got[1].key {
			t.Fatalf("sent %+v", got)
		}
		w.confirm("a:0", nil, nil)
		w.want("delivered a [own 1]")
	})
	inBubble("and then the owner may decide", t, func(t *testing.T) {
		w, _ := start(t, true)
		w.enqueue(outgoing("a", "u", "1"))
		time.Sleep(time.Hour)
		w.want("held a conflict")
		if len(w.sent()) != 1 {
			t.Errorf("sent %d times", len(w.sent()))
		}
	})
	inBubble("unless the platform can tell a repetition", t, func(t *testing.T) {
		w, _ := start(t, true)
		w.facts.Deduplicates = true
		w.enqueue(outgoing("a", "u", "1"))
		time.Sleep(15 * time.Second)
		w.confirm("a:0", nil, nil)
		w.want("delivered a [own 1]")
	})
	inBubble("as long as its connection lasts", t, func(t *testing.T) {
		for _, hold := range []bool{false, true} {
			w, _ := start(t, hold)
			ended := make(chan struct{})
			w.line.write = func(context.Context, []wit.Frame) (<-chan struct{}, error) { return ended, nil }
			w.enqueue(outgoing("a", "u", "1"))
			synctest.Wait()
			w.mu.Lock()
			w.line.write = nil
			w.mu.Unlock()
			close(ended)
			time.Sleep(2 * time.Second)
			if hold {
				w.want("held a conflict")
				continue
			}
			w.confirm("a:0", nil, nil)
			w.want("delivered a [own 1]")
		}
	})
	inBubble("and begins when there is one", t, func(t *testing.T) {
		w, _ := start(t, true)
		w.line.write = func(context.Context, []wit.Frame) (<-chan struct{}, error) {
			return nil, wit.NewError(wit.CodeUnavailable, "it is not open")
		}
		w.enqueue(outgoing("a", "u", "1"))
		time.Sleep(10 * time.Minute)
		w.want()
		w.mu.Lock()
		w.line.write = nil
		w.mu.Unlock()
		w.connect(true)
		synctest.Wait()
		w.confirm("a:0", nil, nil)
		w.want("delivered a [own 1]")
	})
	inBubble("also where the state cannot be read for a while", t, func(t *testing.T) {
		w, _ := start(t, true)
		w.line.err = wit.NewError(wit.CodeUnavailable, "no state")
		w.enqueue(outgoing("a", "u", "1"))
		time.Sleep(10 * time.Second)
		if len(w.sent()) != 0 {
			t.Error("sent without a state")
		}
		w.mu.Lock()
		w.line.err = nil
		w.mu.Unlock()
		time.Sleep(time.Minute)
		if len(w.sent()) == 0 {
			t.Error("never sent")
		}
	})
}

func TestTheRecordSaysWhatWasConfirmed(t *testing.T) {
	account := message.Account{Channel: "chat", ID: "main"}
	inBubble("also where nobody was told", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer, w.hold = overLine, true
		w.run()
		w.enqueue(outgoing("a", "u", "1"))
		synctest.Wait()
		commit := func(token string, then error) {
			_ = w.store.Update(context.Background(), func(tx store.Tx) error {
				known, err := w.queue.Confirm(tx, account, wit.Confirmation{Token: token})
				if !known || err != nil {
					t.Errorf("%s is not known: %v", token, err)
				}
				return then
			})
		}
		commit("a:0", errors.New("the disk is full"))
		commit("a:0", nil)
		time.Sleep(11 * time.Second)
		w.want("delivered a [own 1]")
		w.enqueue(outgoing("b", "u", "2"))
		synctest.Wait()
		commit("b:0", errors.New("the disk is full"))
		time.Sleep(11 * time.Second)
		w.want("delivered a [own 1]", "held b conflict")
	})
	inBubble("within the grace of a stop", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer, w.hold = overLine, true
		_, stop := w.run()
		w.enqueue(outgoing("a", "u", "1"), outgoing("b", "v", "2"))
		synctest.Wait()
		go func() {
			time.Sleep(time.Second)
			w.confirm("a:0", nil, nil)
		}()
		stop()
		w.want("delivered a [own 1]")
		w.run()
		w.want("delivered a [own 1]", "held b conflict")
	})
	inBubble("of what the owner has dropped, nothing", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = overLine
		s, _ := w.run()
		w.enqueue(outgoing("a", "u", "1"), outgoing("b", "u", "2"))
		synctest.Wait()
		if err := call(t, s, "delivery.drop", `{"id":"a"}`, nil); err != nil {
			t.Fatal(err)
		}
		if w.confirm("a:0", nil, nil) {
			t.Error("known all the same")
		}
		w.confirm("b:0", nil, nil)
		w.want("cancelled a forbidden", "delivered b [own 2]")
	})
}

func TestWhatNeedsNoConfirmation(t *testing.T) {
	inBubble("is sent with its frames", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_ context.Context, n int, s *wit.ChannelSend) (*wit.Sent, error) {
			return &wit.Sent{IDs: []string{fmt.Sprint("p", n)}, Frames: []wit.Frame{{Connection: "irc", Text: &s.Text}}}, nil
		}
		var written []string
		w.line.write = func(_ context.Context, frames []wit.Frame) (<-chan struct{}, error) {
			written = append(written, *frames[0].Text)
			if len(written) == 1 {
				return nil, wit.NewError(wit.CodeInvalid, "a text frame is one line")
			}
			return nil, nil
		}
		w.run()
		w.enqueue(outgoing("a", "u", "1"), outgoing("b", "u", "2"))
		w.want("failed a invalid", "delivered b [p2]")
		if !slices.Equal(written, []string{"1", "2"}) {
			t.Errorf("written %q", written)
		}
	})
	inBubble("and one token is of one send", t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(context.Context, int, *wit.ChannelSend) (*wit.Sent, error) {
			return &wit.Sent{Awaits: &wit.Awaited{Token: "the same"}}, nil
		}
		w.run()
		w.enqueue(outgoing("a", "u", "1"), outgoing("b", "v", "2"))
		synctest.Wait()
		w.confirm("the same", []string{"x"}, nil)
		if len(w.news()) != 1 {
			t.Errorf("told %q", w.news())
		}
		time.Sleep(2 * time.Second)
		w.confirm("the same", []string{"y"}, nil)
		if len(w.news()) != 2 {
			t.Errorf("told %q", w.news())
		}
	})
}
