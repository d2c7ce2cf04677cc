package chat_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// mortal is a store that stops working after so many updates, as it does for a process that dies: what
// was committed stays, and nothing more is.
type mortal struct {
	store.Store
	mu   sync.Mutex
	left int
	dead chan struct{}
}

func (m *mortal) Update(ctx context.Context, fn func(store.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		select {
		case <-m.dead:
		default:
			close(m.dead)
		}
		return wit.NewError(wit.CodeUnavailable, "the process is dead")
	}
	m.left--
	return m.Store.Update(ctx, fn)
}

// TestCrashAnywhere lets the process die before each of the store's transactions in turn, and starts
// another one: the conversation is whole, with one answer delivered once.
func TestCrashAnywhere(t *testing.T) {
	unknown := false // the payment was interrupted between its call and its record
	defer func() {
		if !unknown && !t.Failed() {
			t.Error("no crash fell between a call and its record")
		}
	}()
	for step := 0; ; step++ {
		finished := false
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { finished = crash(t, step, &unknown) })
		})
		if t.Failed() {
			return
		}
		if finished {
			if step < 6 {
				t.Errorf("a run takes %d transactions only", step)
			}
			return
		}
	}
}

// crash reports whether the run was through before the process died.
func crash(t *testing.T, step int, unknown *bool) (finished bool) {
	w := newWorld(t)
	w.model.set(func(c *wit.Chat) *wit.ProviderAnswer {
		switch res := results(c); {
		case len(c.Turns) > 0 && c.Turns[len(c.Turns)-1].Role == wit.RoleUser:
			return ask(call("c1", "add", `{"a":1}`), call("c2", "pay", `{}`))
		case len(res) == 2:
			return say("paid")
		}
		return say("lost")
	})
	m := &mortal{Store: w.store, left: step, dead: make(chan struct{})}
	p := w.build(m)
	p.run()
	// The channel commits the message with its own store, whatever becomes of the process.
	w.accept(p, "m1", "buy it")
	synctest.Wait()
	select {
	case <-m.dead:
	default:
		finished = true
	}
	p.stop()

	p = w.start(nil)
	defer p.stop()
	synctest.Wait()
	time.Sleep(time.Minute)
	got := w.history(mainKey)
	want := []string{"user: buy it", "call add", "call pay", `tool: add ok {"a":1}`, "tool: pay ok {}", "assistant: paid"}
	if pays := w.tools.count("pay"); pays == 1 && len(got) == 6 && strings.Contains(got[4], "outcome is unknown") {
		want[4], *unknown = got[4], true
	} else if pays != 1 {
		t.Errorf("paid %d times", pays)
	}
	if !slices.Equal(got, want) {
		t.Errorf("history %q", got)
	}
	if out := w.sent(); len(out) != 1 {
		t.Errorf("delivered %q", out)
	} else {
		for id, text := range out {
			if text != "paid" || len(w.chats(id, "final")) > 1 || len(w.chats(id, "error")) > 0 {
				t.Errorf("delivered %q, events %+v", text, w.chats(id, ""))
			}
		}
	}
	w.accept(p, "m1", "buy it") // the platform sends it once more
	time.Sleep(time.Minute)
	if after := w.history(mainKey); !slices.Equal(after, got) {
		t.Errorf("the same message again: %q", after)
	}
	return finished
}

// TestShutdownAndResume: a run that is being answered at a shutdown is answered after the start, and
// the user's message is there once.
func TestShutdownAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.model.feed()
		defer close(feed)
		p := w.start(nil)
		p.send("r1", "one")
		p.send("r2", "two")
		feed <- piece("half")
		synctest.Wait()
		p.stop()
		if c := w.chats("r1", ""); len(c) != 1 || c[0].State != "delta" {
			t.Errorf("events %+v", c)
		}
		w.model.direct()
		p = w.start(nil)
		defer p.stop()
		if r := p.wait("r2"); r.Answer != "you said: two" {
			t.Errorf("run %+v", r)
		}
		want := []string{"user: one", "assistant: you said: one", "user: two", "assistant: you said: two"}
		if got := w.history(mainKey); !slices.Equal(got, want) {
			t.Errorf("history %q", got)
		}
	})
}

// TestAbortSurvivesACrash: what was to be stopped does not come back.
func TestAbortSurvivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.model.feed()
		defer close(feed)
		p := w.start(nil)
		p.send("r1", "one")
		synctest.Wait()
		p.stop()
		if err := w.store.Update(context.Background(), func(tx store.Tx) error {
			_, err := run.Note(tx, "r1", func(r *run.Run) { r.Stopping = "rpc" })
			return err
		}); err != nil {
			t.Fatal(err)
		}
		asked := len(w.model.requests())
		p = w.start(nil)
		defer p.stop()
		if r := p.wait("r1"); r.State != run.Aborted || len(w.model.requests()) != asked {
			t.Errorf("run %+v", r)
		}
	})
}

// TestGivenUp: a run that each time ends the process is not taken up for ever.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.model.feed()
		defer close(feed)
		w.accept(w.build(nil), "m1", "poison")
		for range 40 {
			p := w.start(nil)
			synctest.Wait()
			p.stop()
		}
		if n := len(w.model.requests()); n < 20 || n > 30 {
			t.Errorf("the model was asked %d times", n)
		}
		p := w.start(nil)
		defer p.stop()
		if r := w.only(p); r.State != run.Failed || w.sent()[r.ID] == "" {
			t.Errorf("run %+v", r)
		}
	})
}

// moody is a store whose updates fail now and then.
type moody struct {
	store.Store
	mu sync.Mutex
	n  int
}

func (m *moody) Update(ctx context.Context, fn func(store.Tx) error) error {
	m.mu.Lock()
	m.n++
	fails := m.n%5 < 2
	m.mu.Unlock()
	if fails {
		return wit.NewError(wit.CodeUnavailable, "the disk is full")
	}
	return m.Store.Update(ctx, fn)
}

// TestFullDisk: a store that fails delays a run and does not change what becomes of it.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		script(w, ask(call("c", "add", `{"a":1}`)), say("three"), say("three"), say("three"))
		p := w.start(&moody{Store: w.store})
		defer p.stop()
		w.accept(p, "m1", "1+2")
		r := w.only(p)
		synctest.Wait()
		want := []string{"user: 1+2", "call add", `tool: add ok {"a":1}`, "assistant: three"}
		if got := w.history(mainKey); !slices.Equal(got, want) || len(w.sent()) != 1 || len(w.chats(r.ID, "final")) != 1 {
			t.Errorf("history %q, delivered %q, finals %d", got, w.sent(), len(w.chats(r.ID, "final")))
		}
	})
}

// TestHammer: many clients, many sessions, restarts in between: one end for each run.
func TestHammer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const clients, each = 12, 15
		var now atomic.Pointer[process]
		now.Store(w.start(nil))
		var wg sync.WaitGroup
		for c := range clients {
			wg.Go(func() {
				for i := range each {
					in := inbound(fmt.Sprintf("m-%d-%d", c, i), fmt.Sprintf("%d %d", c, i))
					in.Message.Conversation.Kind, in.Message.Conversation.ID = wit.ConversationKindGroup, fmt.Sprint(c%5)
					for range 2 {
						if err := w.store.Update(context.Background(), func(tx store.Tx) error { return now.Load().intake.Accept(tx, in) }); err != nil {
							t.Error(err)
						}
					}
					now.Load().runs.Wake()
					time.Sleep(time.Duration(i) * time.Millisecond)
				}
			})
		}
		for range 5 {
			time.Sleep(7 * time.Millisecond)
			now.Load().stop()
			now.Store(w.start(nil))
		}
		wg.Wait()
		time.Sleep(time.Minute)
		now.Load().stop()
		if n := len(w.sent()); n != clients*each {
			t.Errorf("%d answers to %d messages", n, clients*each)
		}
		total := 0
		for g := range 5 {
			total += len(w.messages(session.Key(fmt.Sprintf("agent:main:chat:group:%d", g))))
		}
		if total != 2*clients*each {
			t.Errorf("%d messages in the histories", total)
		}
		for id := range w.sent() {
			if n := len(w.chats(id, "final")); n != 1 {
				t.Errorf("%s has %d finals", id, n)
			}
		}
	})
}
