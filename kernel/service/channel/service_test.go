package channel_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

func TestMessagesComeInOnceAndInOrder(t *testing.T) {
	inBubble("long poll", t, func(t *testing.T) {
		p := newPlatform()
		w := newWorld(t, poller(p))
		s, stop := w.run()
		synctest.Wait()
		if st := status(t, s); st["connected"] != true || st["healthState"] != "healthy" {
			t.Fatalf("status %v", st)
		}
		p.say(text("1", "one"), text("2", "two"))
		p.say(text("2", "two again"), text("3", "three"))
		synctest.Wait()
		if got := w.turns(); len(got) != 3 || got["2"].Message.Text != "two" {
			t.Fatalf("turns %v", got)
		}
		if st := status(t, s); st["duplicates"] != 1.0 || st["received"] != 3.0 {
			t.Errorf("status %v", st)
		}
		if w.wakes == 0 {
			t.Error("nobody was told about the turns")
		}
		stop()
		_, _ = w.run()
		p.say(text("4", "four"))
		synctest.Wait()
		if got := w.turns(); len(got) != 4 {
			t.Fatalf("after a restart: turns %v", got)
		}
		last := w.plugins["chat"].events[len(w.plugins["chat"].events)-2]
		if string(last.State) != "4" && string(last.State) != "5" {
			t.Errorf("the state after a restart is %s", last.State)
		}
	})
}

func TestStateWithoutMessagesIsWrittenLazilyAndAtStop(t *testing.T) {
	inBubble("lazy", t, func(t *testing.T) {
		p := &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.State != nil {
				return &wit.ChannelAnswer{}, nil
			}
			return &wit.ChannelAnswer{State: wit.JSON(`{"seq":7}`)}, nil
		}}
		w := newWorld(t, p)
		_, stop := w.run()
		synctest.Wait()
		stop()
		_, _ = w.run()
		synctest.Wait()
		if got := string(p.events[1].State); got != `{"seq":7}` {
			t.Errorf("state after a stop: %s", got)
		}
	})
}

// TestTheStateOfAConnectedAccountIsWritten before time passes: a kill must not lose from where on messages are for it.
func TestTheStateOfAConnectedAccountIsWritten(t *testing.T) {
	for state, kept := range map[wit.ConnectionState]bool{wit.ConnectionStateConnected: true, wit.ConnectionStateConnecting: false} {
		inBubble(string(state), t, func(t *testing.T) {
			p := &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
				return &wit.ChannelAnswer{State: wit.JSON(`7`), Status: &wit.AccountStatus{State: state}}, nil
			}}
			w := newWorld(t, p)
			_, _ = w.run()
			synctest.Wait()
			var saved struct{ State int }
			err := w.store.View(t.Context(), func(tx store.Tx) (err error) {
				saved, err = store.Table[struct{ State int }]("channel.state").Get(tx, "chat/main")
				return err
			})
			if written := err == nil && saved.State == 7; written != kept {
				t.Errorf("written %t: %+v, %v", written, saved, err)
			}
		})
	}
}

func TestALazyStateSurvivesAStopOfTheAccount(t *testing.T) {
	inBubble("stopped before the write", t, func(t *testing.T) {
		n := 0
		p := &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			n++
			return &wit.ChannelAnswer{State: wit.JSON(fmt.Sprint(n))}, nil
		}}
		w := newWorld(t, p)
		f := &flaky{Store: w.store}
		w.store = f
		s, _ := w.run()
		for range 2 {
			synctest.Wait()
			if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
				t.Fatal(err)
			}
			f.down.Store(true)
			time.Sleep(10 * time.Second)
			f.down.Store(false)
			time.Sleep(10 * time.Second)
			var saved struct{ State int }
			err := w.store.View(t.Context(), func(tx store.Tx) (err error) {
				saved, err = store.Table[struct{ State int }]("channel.state").Get(tx, "chat/main")
				return err
			})
			if err != nil || saved.State != n {
				t.Errorf("state %d in the store, want %d: %v", saved.State, n, err)
			}
			if err := call(t, s, "channels.start", `{"channel":"chat"}`, nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestRequestsTimersAndTheirEnd(t *testing.T) {
	inBubble("failures are told, calmly", t, func(t *testing.T) {
		calls := 0
		p := &fakePlugin{}
		p.do = func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			calls++
			return nil, wit.NewError(wit.CodeUnavailable, "no route")
		}
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Response != nil && (e.Response.Status != 0 || e.Response.Error == nil || e.Response.Error.Code != wit.CodeUnavailable) {
				t.Errorf("response %+v", e.Response)
			}
			return &wit.ChannelAnswer{Requests: []wit.HTTPRequest{{ID: "x"}}}, nil
		}
		w := newWorld(t, p)
		_, _ = w.run()
		time.Sleep(time.Minute)
		synctest.Wait()
		if calls < 12 || calls > 30 {
			t.Errorf("%d requests in a minute of failures", calls)
		}
	})
	inBubble("a server that answers at once with nothing is asked slowly in the end", t, func(t *testing.T) {
		var calls atomic.Int64
		p := &fakePlugin{}
		p.do = func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			calls.Add(1)
			time.Sleep(time.Millisecond)
			return &wit.HTTPResponse{Status: 200}, nil
		}
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			a := &wit.ChannelAnswer{Requests: []wit.HTTPRequest{{ID: "x"}}}
			if n := calls.Load(); n > 100 && n < 1100 { // and at full speed while there is something
				a.Messages = []wit.Message{text(fmt.Sprint(n), "x")}
			}
			return a, nil
		}
		w := newWorld(t, p)
		_, _ = w.run()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := calls.Load(); n < 1200 || n > 1400 {
			t.Errorf("%d requests in two minutes", n)
		}
	})
	inBubble("a timer moves and is cleared", t, func(t *testing.T) {
		var fired []time.Duration
		began := time.Now()
		p := &fakePlugin{}
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Kind == wit.EventKindTimer {
				fired = append(fired, time.Since(began))
				return &wit.ChannelAnswer{}, nil
			}
			return &wit.ChannelAnswer{Timers: []wit.Timer{{ID: "a", After: 1000}, {ID: "a", After: 2000}, {ID: "b", After: 1000}, {ID: "b"}}}, nil
		}
		w := newWorld(t, p)
		_, _ = w.run()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(fired) != 1 || fired[0] != 2*time.Second {
			t.Errorf("fired at %v", fired)
		}
	})
	inBubble("at most 16 at the same time", t, func(t *testing.T) {
		p := &fakePlugin{}
		now, most, done := 0, 0, 0
		p.do = func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			p.mu.Lock()
			now++
			most = max(most, now)
			p.mu.Unlock()
			time.Sleep(time.Second)
			p.mu.Lock()
			now--
			done++
			p.mu.Unlock()
			return &wit.HTTPResponse{Status: 200}, nil
		}
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			a := &wit.ChannelAnswer{}
			if e.Kind == wit.EventKindStart {
				a.Requests = make([]wit.HTTPRequest, 16)
				a.Timers = []wit.Timer{{ID: "more", After: 100}}
			}
			if e.Kind == wit.EventKindTimer {
				a.Requests = make([]wit.HTTPRequest, 16)
			}
			return a, nil
		}
		w := newWorld(t, p)
		_, _ = w.run()
		time.Sleep(time.Minute)
		synctest.Wait()
		if most != 16 || done != 32 {
			t.Errorf("%d at once, %d done", most, done)
		}
	})
}

func TestConnectionsAreRefusedClearlyWithoutADialer(t *testing.T) {
	inBubble("no dialer", t, func(t *testing.T) {
		p := &fakePlugin{}
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Kind == wit.EventKindStart {
				return &wit.ChannelAnswer{Open: []wit.OpenConnection{{Connection: "gw", Transport: wit.TransportWebsocket}}}, nil
			}
			return &wit.ChannelAnswer{}, nil
		}
		w := newWorld(t, p)
		s, _ := w.run()
		synctest.Wait()
		if p.kinds() != "start closed" || p.events[1].Closed.Reason == "" || *p.events[1].Connection != "gw" {
			t.Fatalf("events %s", p.kinds())
		}
		if st := status(t, s); st["message"] == nil {
			t.Errorf("status says nothing: %v", st)
		}
	})
}

// TestAnAccountThatHasNotBegun is known by the settings: a job that is due when the gateway starts has its answer
// delivered when the account runs.
func TestAnAccountThatHasNotBegun(t *testing.T) {
	inBubble("its plugin is not here", t, func(t *testing.T) {
		w := newWorld(t, poller(newPlatform()))
		delete(w.plugins, "chat")
		s, _ := w.run()
		for range 2 { // before it has looked at anything, and after
			for _, name := range []string{"main", ""} {
				if a, err := s.Account("chat", name); err != nil || a != (message.Account{Channel: "chat", ID: "main"}) {
					t.Errorf("account %q: %v, %v", name, a, err)
				}
			}
			if _, err := s.Account("chat", "other"); wit.CodeOf(err) != wit.CodeNotFound {
				t.Errorf("an account that there is not: %v", err)
			}
			if err := s.Ready("chat", "main"); wit.CodeOf(err) != wit.CodeUnavailable {
				t.Errorf("ready: %v", err)
			}
			synctest.Wait()
		}
	})
}

func TestSettingsChangeWhileRunning(t *testing.T) {
	inBubble("live", t, func(t *testing.T) {
		p := newPlatform()
		f := poller(p)
		w := newWorld(t, f)
		s, _ := w.run()
		synctest.Wait()
		w.configure(channel.Account{ID: "main", Enabled: true, Access: inbox.Access{DM: inbox.PolicyDisabled}, Config: wit.JSON(`{}`)})
		synctest.Wait()
		if f.kinds() != "start" {
			t.Errorf("an access rule restarted the account: %s", f.kinds())
		}
		p.say(text("1", "hello"))
		synctest.Wait()
		if n := len(w.turns()); n != 0 {
			t.Errorf("%d turns in spite of the policy", n)
		}
		w.configure(channel.Account{ID: "main", Enabled: true, Access: inbox.Access{DM: inbox.PolicyOpen}, Config: wit.JSON(`{"a":1}`)})
		synctest.Wait()
		if f.kinds() != "start response start" {
			t.Errorf("events %s", f.kinds())
		}
		w.configure(channel.Account{ID: "main"})
		synctest.Wait()
		if err := s.Ready("chat", "main"); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("a disabled account is ready: %v", err)
		}
		w.configure()
		synctest.Wait()
		if _, err := s.Account("chat", "main"); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("a removed account: %v", err)
		}
		w.configure(channel.Account{ID: "main", Enabled: true, Access: inbox.Access{DM: inbox.PolicyOpen}})
		synctest.Wait()
		p.say(text("2", "hello again"))
		synctest.Wait()
		if n := len(w.turns()); n != 1 || s.Ready("chat", "main") != nil {
			t.Errorf("%d turns after the account came back: %s", n, f.kinds())
		}
	})
}
