package agent_test

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

	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
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
	w := chattest.NewWorld(t)
	// The store is one that a process has been started on before: its order of the sessions is made.
	if err := w.Build(nil).Sessions.Arrange(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Model.Set(func(c *wit.Chat) *wit.ProviderAnswer {
		switch res := chattest.Results(c); {
		case len(c.Turns) > 0 && c.Turns[len(c.Turns)-1].Role == wit.RoleUser:
			return chattest.Ask(chattest.Call("c1", "add", `{"a":1}`), chattest.Call("c2", "pay", `{}`))
		case len(res) == 2:
			return chattest.Say("paid")
		}
		return chattest.Say("lost")
	})
	m := &mortal{Store: w.Store, left: step, dead: make(chan struct{})}
	p := w.Build(m)
	p.Run()
	// The channel commits the message with its own store, whatever becomes of the process.
	w.Accept(p, "m1", "buy it")
	synctest.Wait()
	select {
	case <-m.dead:
	default:
		finished = true
	}
	p.Stop()

	p = w.Start(nil)
	synctest.Wait()
	time.Sleep(time.Minute)
	got := w.History(chattest.MainKey)
	want := []string{"user: buy it", "call add", "call pay", `tool: add ok {"a":1}`, "tool: pay ok {}", "assistant: paid"}
	if pays := w.Tools.Count("pay"); pays == 1 && len(got) == 6 && strings.Contains(got[4], "outcome is unknown") {
		want[4], *unknown = got[4], true
	} else if pays != 1 {
		t.Errorf("paid %d times", pays)
	}
	if !slices.Equal(got, want) {
		t.Errorf("history %q", got)
	}
	if out := w.Sent(); len(out) != 1 {
		t.Errorf("delivered %q", out)
	} else {
		for id, text := range out {
			if text != "paid" || len(w.Chats(id, "final")) > 1 || len(w.Chats(id, "error")) > 0 {
				t.Errorf("delivered %q, events %+v", text, w.Chats(id, ""))
			}
		}
	}
	w.Accept(p, "m1", "buy it") // the platform sends it once more
	time.Sleep(time.Minute)
	if after := w.History(chattest.MainKey); !slices.Equal(after, got) {
		t.Errorf("the same message again: %q", after)
	}
	return finished
}

// TestCrashAnywhereOfAClient lets the process die before each of the store's transactions in turn, of a run that begins
// where it is queued. The client asks again with the same key, and the conversation is whole, with one answer.
func TestCrashAnywhereOfAClient(t *testing.T) {
	for step, finished := 0, false; !finished && !t.Failed(); step++ {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				if err := w.Build(nil).Sessions.Arrange(t.Context()); err != nil {
					t.Fatal(err)
				}
				m := &mortal{Store: w.Store, left: step, dead: make(chan struct{})}
				p := w.Build(m)
				p.Run()
				synctest.Wait()
				ask := map[string]any{"sessionKey": "main", "message": "hi", "idempotencyKey": "r1"}
				_, _ = p.Call("chat.send", ask)
				synctest.Wait()
				select {
				case <-m.dead:
				default:
					finished = true
					if step != 2 {
						t.Errorf("a run takes %d transactions", step)
					}
				}
				p.Stop()
				p = w.Start(nil)
				p.Must("chat.send", ask)
				if r := p.Wait("r1"); r.State != run.Done || r.Answer != "you said: hi" {
					t.Errorf("run %+v", r)
				}
				if got := w.History(chattest.MainKey); !slices.Equal(got, []string{"user: hi", "assistant: you said: hi"}) {
					t.Errorf("history %q", got)
				}
				if n := len(w.Chats("r1", "final")); n != 1 {
					t.Errorf("%d finals", n)
				}
			})
		})
	}
}

// TestCrashAnywhereOfASteeredRun lets the process die before each of the store's transactions in turn, while something is said to steer
// a run. The client asks again with the same keys: each thing that was said is in the history once, and has its end.
func TestCrashAnywhereOfASteeredRun(t *testing.T) {
	for step, finished := 0, false; !finished && !t.Failed(); step++ {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if finished = steered(t, step); finished && step < 6 {
					t.Errorf("it takes %d transactions only", step)
				}
			})
		})
	}
}

// steered reports whether all was through before the process died.
func steered(t *testing.T, step int) (finished bool) {
	w := chattest.NewWorld(t)
	if err := w.Build(nil).Sessions.Arrange(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Model.Set(func(c *wit.Chat) *wit.ProviderAnswer {
		if slices.ContainsFunc(c.Turns, func(turn wit.ChatTurn) bool { return turn.Role == wit.RoleTool }) {
			return chattest.Say("2 euros")
		}
		return chattest.Ask(chattest.Call("c1", "pay", `{}`))
	})
	ask := map[string]any{"sessionKey": "main", "message": "what is it?", "idempotencyKey": "r1"}
	steer := map[string]any{"sessionKey": "main", "message": "in euros", "idempotencyKey": "r2", "queueMode": "steer"}
	m := &mortal{Store: w.Store, left: step, dead: make(chan struct{})}
	p := w.Build(m)
	var now atomic.Pointer[chattest.Process] // runs the tool
	now.Store(p)
	w.Tools.Do = func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
		_, _ = now.Load().Call("chat.send", steer)
		return &wit.ToolOutput{}, nil
	}
	p.Run()
	_, _ = p.Call("chat.send", ask)
	synctest.Wait()
	select {
	case <-m.dead:
	default:
		finished = true
	}
	p.Stop()
	p = w.Start(nil)
	now.Store(p)
	p.Must("chat.send", ask)
	p.Must("chat.send", steer)
	for _, id := range []string{"r1", "r2"} {
		if r := p.Wait(id); r.State != run.Done {
			t.Errorf("%s: %+v", id, r)
		}
	}
	synctest.Wait()
	got := w.History(chattest.MainKey)
	if count(got, "user: what is it?") != 1 || count(got, "user: in euros") != 1 || count(got, "call pay") != 1 || got[len(got)-1] != "assistant: 2 euros" {
		t.Errorf("history %q", got)
	}
	return finished
}

// count is how often a line is there.
func count(lines []string, line string) (n int) {
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}

// TestShutdownAndResume: a run that is being answered at a shutdown is answered after the start, and
// the user's message is there once.
func TestShutdownAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		feed := w.Feed()
		p := w.Start(nil)
		p.Send("r1", "one")
		p.Send("r2", "two")
		feed <- chattest.Piece("half")
		synctest.Wait()
		p.Stop()
		if c := w.Chats("r1", ""); len(c) != 1 || c[0].State != "delta" {
			t.Errorf("events %+v", c)
		}
		w.Model.Direct()
		p = w.Start(nil)
		if r := p.Wait("r2"); r.Answer != "you said: two" {
			t.Errorf("run %+v", r)
		}
		want := []string{"user: one", "assistant: you said: one", "user: two", "assistant: you said: two"}
		if got := w.History(chattest.MainKey); !slices.Equal(got, want) {
			t.Errorf("history %q", got)
		}
	})
}

// TestAbortSurvivesACrash: what was to be stopped does not come back.
func TestAbortSurvivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Feed() // the model says nothing
		p := w.Start(nil)
		p.Send("r1", "one")
		synctest.Wait()
		p.Stop()
		if err := w.Store.Update(context.Background(), func(tx store.Tx) error {
			_, err := run.Note(tx, "r1", func(r *run.Run) { r.Stopping = "rpc" })
			return err
		}); err != nil {
			t.Fatal(err)
		}
		asked := len(w.Model.Requests())
		p = w.Start(nil)
		if r := p.Wait("r1"); r.State != run.Aborted || len(w.Model.Requests()) != asked {
			t.Errorf("run %+v", r)
		}
	})
}

// TestGivenUp: a run that each time ends the process is not taken up for ever.
func TestGivenUp(t *testing.T) {
	for name, ask := range map[string]func(*chattest.Process){
		"channel": func(p *chattest.Process) { p.Accept(p, "m1", "poison") },
		"client":  func(p *chattest.Process) { p.Send("r1", "poison") }, // it begins where it is queued
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				w.Feed() // the model says nothing
				p := w.Start(nil)
				synctest.Wait()
				ask(p)
				for range 40 {
					synctest.Wait()
					p.Stop()
					p = w.Start(nil)
				}
				if r := w.Only(p); r.State != run.Failed || r.Reply != nil && w.Sent()[r.ID] == "" {
					t.Errorf("run %+v", r)
				}
				if n := len(w.Model.Requests()); n < 20 || n > 30 {
					t.Errorf("the model was asked %d times", n)
				}
			})
		})
	}
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
		w := chattest.NewWorld(t)
		chattest.Script(w, chattest.Ask(chattest.Call("c", "add", `{"a":1}`)), chattest.Say("three"), chattest.Say("three"), chattest.Say("three"))
		p := w.Start(&moody{Store: w.Store})
		w.Accept(p, "m1", "1+2")
		r := w.Only(p)
		synctest.Wait()
		want := []string{"user: 1+2", "call add", `tool: add ok {"a":1}`, "assistant: three"}
		if got := w.History(chattest.MainKey); !slices.Equal(got, want) || len(w.Sent()) != 1 || len(w.Chats(r.ID, "final")) != 1 {
			t.Errorf("history %q, delivered %q, finals %d", got, w.Sent(), len(w.Chats(r.ID, "final")))
		}
	})
}

// TestHammer: many clients, many sessions, restarts in between: one end for each run.
func TestHammer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		const clients, each = 12, 15
		var now atomic.Pointer[chattest.Process]
		now.Store(w.Start(nil))
		var wg sync.WaitGroup
		for c := range clients {
			wg.Go(func() {
				for i := range each {
					in := chattest.Inbound(fmt.Sprintf("m-%d-%d", c, i), fmt.Sprintf("%d %d", c, i))
					in.Message.Conversation.Kind, in.Message.Conversation.ID = wit.ConversationKindGroup, fmt.Sprint(c%5)
					for range 2 {
						if err := w.Store.Update(context.Background(), func(tx store.Tx) error { _, err := now.Load().Intake.Accept(tx, in); return err }); err != nil {
							t.Error(err)
						}
					}
					now.Load().Runs.Wake()
					time.Sleep(time.Duration(i) * time.Millisecond)
				}
			})
		}
		for range 5 {
			time.Sleep(7 * time.Millisecond)
			now.Load().Stop()
			now.Store(w.Start(nil))
		}
		wg.Wait()
		time.Sleep(time.Minute)
		now.Load().Stop()
		if n := len(w.Sent()); n != clients*each {
			t.Errorf("%d answers to %d messages", n, clients*each)
		}
		total := 0
		for g := range 5 {
			total += len(w.Messages(session.Key(fmt.Sprintf("agent:main:chat:group:%d", g))))
		}
		if total != 2*clients*each {
			t.Errorf("%d messages in the histories", total)
		}
		for id := range w.Sent() {
			if n := len(w.Chats(id, "final")); n != 1 {
				t.Errorf("%s has %d finals", id, n)
			}
		}
	})
}
