package channel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// flaky is a store that refuses while it is down.
type flaky struct {
	store.Store
	down atomic.Bool
}

func (f *flaky) Update(ctx context.Context, fn func(store.Tx) error) error {
	if f.down.Load() {
		return wit.NewError(wit.CodeUnavailable, "the disk is full")
	}
	return f.Store.Update(ctx, fn)
}

func TestAFullDiskLosesNothing(t *testing.T) {
	inBubble("poll", t, func(t *testing.T) {
		p := newPlatform()
		w := newWorld(t, poller(p))
		f := &flaky{Store: w.store}
		w.store = f
		s, _ := w.run()
		synctest.Wait()
		f.down.Store(true)
		p.say(text("1", "one"))
		p.say(text("2", "two"))
		time.Sleep(time.Hour)
		synctest.Wait()
		if st := status(t, s); st["phase"] != "running" || len(w.turns()) != 0 {
			t.Fatalf("status %v", st)
		}
		f.down.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(w.turns()); n != 2 {
			t.Errorf("%d turns", n)
		}
	})
	inBubble("webhook", t, func(t *testing.T) {
		w := newWorld(t, listener(func(string) error { return nil }))
		f := &flaky{Store: w.store}
		w.store = f
		s, _ := w.run()
		synctest.Wait()
		f.down.Store(true)
		if code := post(s, "/plugins/chat/main/in", "m"); code != 503 {
			t.Errorf("a webhook that cannot be stored is answered %d", code)
		}
		f.down.Store(false)
		if code := post(s, "/plugins/chat/main/in", "m"); code != 200 || len(w.turns()) != 1 {
			t.Errorf("status %d, turns %v", code, w.turns())
		}
		if code := post(s, "/plugins/chat/main/in", "m"); code != 200 || len(w.turns()) != 1 {
			t.Errorf("again: status %d, turns %v", code, w.turns())
		}
	})
}

func TestAPluginThatGoesAwayWhileItFailsIsNotBlamed(t *testing.T) {
	inBubble("gone", t, func(t *testing.T) {
		var w *world
		w = newWorld(t, listener(func(string) error {
			w.mu.Lock()
			delete(w.plugins, "chat")
			w.mu.Unlock()
			return wit.NewError(wit.CodeUnavailable, "draining")
		}))
		s, _ := w.run()
		synctest.Wait()
		if code := post(s, "/plugins/chat/main/in", "m"); code != 503 {
			t.Errorf("status %d", code)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		w.upgrade(listener(func(string) error { return nil }))
		synctest.Wait()
		if st := status(t, s); st["phase"] != "running" || len(w.turns()) != 1 {
			t.Errorf("status %v, turns %v", st, w.turns())
		}
	})
}

func TestRestart(t *testing.T) {
	inBubble("only what runs", t, func(t *testing.T) {
		p := &fakePlugin{}
		w := newWorld(t, p)
		w.accounts = append(w.accounts, channel.Account{ID: "other", Enabled: true}, channel.Account{ID: "none"})
		s, _ := w.run()
		synctest.Wait()
		if err := call(t, s, "channels.stop", `{"channel":"chat","accountId":"other"}`, nil); err != nil {
			t.Fatal(err)
		}
		changed := s.Mark()
		for range 2 { // the second one is for nobody: all have started since
			s.Restart("chat", "", changed)
			s.Restart("chat", "main", changed)
			s.Restart("chat", "nobody", changed)
			synctest.Wait()
		}
		starts := map[string]int{}
		for _, e := range p.events {
			starts[e.Account]++
		}
		if starts["main"] != 2 || starts["other"] != 1 || starts["none"] != 0 {
			t.Errorf("starts %v", starts)
		}
		s.Restart("chat", "main", s.Mark())
		synctest.Wait()
		if n := len(p.events); n != 4 {
			t.Errorf("%d events after one more start", n)
		}
	})
}

// TestALogoutStopsWhomItLoggedOut, though the channel's first account is another one by then.
func TestALogoutStopsWhomItLoggedOut(t *testing.T) {
	inBubble("another account comes first meanwhile", t, func(t *testing.T) {
		gate := make(chan struct{})
		w := newWorld(t, &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Command != nil {
				<-gate
			}
			return &wit.ChannelAnswer{}, nil
		}})
		main := w.accounts[0]
		s, _ := w.run()
		synctest.Wait()
		var r channel.AccountResult
		done := make(chan error)
		go func() { done <- call(t, s, "channels.logout", `{"channel":"chat"}`, &r) }()
		synctest.Wait()
		w.configure(channel.Account{ID: "first", Enabled: true}, main)
		synctest.Wait()
		close(gate)
		if err := <-done; err != nil || r != (channel.AccountResult{Channel: "chat", AccountID: "main", LoggedOut: true, Cleared: true}) {
			t.Errorf("%+v %v", r, err)
		}
		if first, main := s.Ready("chat", "first"), s.Ready("chat", "main"); first != nil || main == nil {
			t.Errorf("first: %v, main: %v", first, main)
		}
	})
}

func TestCommands(t *testing.T) {
	inBubble("probe, logout", t, func(t *testing.T) {
		p := &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			switch {
			case e.Command == nil:
				return &wit.ChannelAnswer{}, nil
			case e.Command.Name == "probe":
				return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: wit.ConnectionStateNeedsLogin, Login: ptr("https://link")}}, nil
			case e.Command.Name == "logout":
				return &wit.ChannelAnswer{}, nil
			}
			return nil, wit.NewError(wit.CodeInvalid, "no such command")
		}}
		w := newWorld(t, p)
		s, _ := w.run()
		synctest.Wait()
		var r struct {
			ChannelAccounts map[string][]struct {
				Login string
				Probe struct{ OK bool }
			}
		}
		if err := call(t, s, "channels.status", `{"probe":true,"timeoutMs":1000}`, &r); err != nil || r.ChannelAccounts["chat"][0].Probe.OK || r.ChannelAccounts["chat"][0].Login != "https://link" {
			t.Errorf("%+v %v", r, err)
		}
		if err := s.Ready("chat", "main"); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("ready without a login: %v", err)
		}
		if _, err := s.Command(t.Context(), "chat", "main", "dance"); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("an unknown command: %v", err)
		}
		if _, err := s.Command(t.Context(), "chat", "nobody", "probe"); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("an unknown account: %v", err)
		}
		if err := call(t, s, "channels.logout", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		if st := status(t, s); st["phase"] != "off" {
			t.Errorf("status %v", st)
		}
		if _, err := s.Command(t.Context(), "chat", "main", "probe"); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("a command to a stopped account: %v", err)
		}
		if err := call(t, s, "channels.start", `{"channel":"chat","accountId":"main"}`, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if st := status(t, s); st["connected"] != true {
			t.Errorf("status %v", st)
		}
		for _, method := range []string{"channels.start", "channels.stop", "channels.login", "channels.logout"} {
			for _, params := range []string{`{"channel":"other"}`, `{"channel":"chat","accountId":"other"}`} {
				if err := call(t, s, method, params, nil); wit.CodeOf(err) != wit.CodeNotFound {
					t.Errorf("%s %s: %v", method, params, err)
				}
			}
		}
	})
}

// pipe is a connection whose peer is the test.
type pipe struct {
	in       chan wit.Frame
	out      chan wit.Frame
	closed   chan struct{}
	once     sync.Once
	insecure error // what comes of securing it
}

func (c *pipe) Read() (wit.Frame, error) {
	select {
	case f, ok := <-c.in:
		if !ok {
			return f, &channel.ClosedError{Closed: wit.Closed{Code: 4000, Reason: "bye"}}
		}
		return f, nil
	case <-c.closed:
		return wit.Frame{}, io.ErrClosedPipe
	}
}

func (c *pipe) Write(f wit.Frame) error { c.out <- f; return nil }

// Secure is seen by the peer as a frame of its own.
func (c *pipe) Secure() error { c.out <- wit.Frame{Text: new("(encrypted)")}; return c.insecure }
func (c *pipe) Close() error  { c.once.Do(func() { close(c.closed) }); return nil }

type dialer struct{ wires chan *pipe }

func (d dialer) Dial(_ context.Context, _, _ string, o wit.OpenConnection) (channel.Conn, error) {
	if o.URL == "nowhere" {
		return nil, errors.New("no route")
	}
	w := &pipe{in: make(chan wit.Frame), out: make(chan wit.Frame, 10), closed: make(chan struct{})}
	d.wires <- w
	return w, nil
}

func TestConnections(t *testing.T) {
	inBubble("frames are acknowledged after the commit", t, func(t *testing.T) {
		p := &fakePlugin{}
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			switch e.Kind {
			case wit.EventKindStart:
				return &wit.ChannelAnswer{Open: []wit.OpenConnection{{Connection: "gw"}, {Connection: "bad", URL: "nowhere"}}}, nil
			case wit.EventKindOpened:
				return &wit.ChannelAnswer{Frames: []wit.Frame{{Connection: "gw", Text: ptr("hello")}, {Connection: "none", Text: ptr("?")}}}, nil
			case wit.EventKindMessage:
				id := *e.Message.Text
				if id == "stop" {
					return &wit.ChannelAnswer{Close: []string{"gw"}}, nil
				}
				return &wit.ChannelAnswer{Messages: []wit.Message{text(id, id)}, Frames: []wit.Frame{{Connection: "gw", Text: ptr("ack " + id)}}}, nil
			case wit.EventKindClosed:
				if *e.Connection == "gw" {
					return &wit.ChannelAnswer{Close: []string{"gw"}, Timers: []wit.Timer{{ID: "again", After: 1000}}}, nil
				}
			case wit.EventKindTimer:
				return &wit.ChannelAnswer{Open: []wit.OpenConnection{{Connection: "gw"}}}, nil
			}
			return &wit.ChannelAnswer{}, nil
		}
		d := dialer{make(chan *pipe, 10)}
		w := newWorld(t, p)
		w.dialer = d
		_, stop := w.run()
		gw := <-d.wires
		if f := <-gw.out; *f.Text != "hello" {
			t.Errorf("frame %+v", f)
		}
		for i := range 3 {
			gw.in <- wit.Frame{Text: ptr(fmt.Sprint("m", i))}
			if f := <-gw.out; *f.Text != fmt.Sprint("ack m", i) || len(w.turns()) != i+1 {
				t.Errorf("frame %q with %d turns", *f.Text, len(w.turns()))
			}
		}
		close(gw.in)
		gw = <-d.wires // opened again by the plugin's timer
		<-gw.out
		w.upgrade(poller(newPlatform())) // the connection survives an upgrade
		synctest.Wait()
		select {
		case <-gw.closed:
			t.Error("an upgrade closed the connection")
		default:
		}
		w.upgrade(p)
		gw.in <- wit.Frame{Text: ptr("stop")}
		<-gw.closed
		synctest.Wait()
		if !strings.Contains(p.kinds(), "closed") || strings.HasSuffix(p.kinds(), "closed") {
			t.Errorf("events %s", p.kinds())
		}
		stop()
	})
}

// TestWhatAStopEnds: no timer of before goes off, neither while the account is off nor in its next start.
func TestWhatAStopEnds(t *testing.T) {
	inBubble("timers", t, func(t *testing.T) {
		starts := 0
		p := &fakePlugin{event: func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			a := &wit.ChannelAnswer{}
			if e.Kind == wit.EventKindStart {
				if starts++; starts == 1 {
					a.Timers = []wit.Timer{{ID: "late", After: 60_000}}
				}
			}
			return a, nil
		}}
		s, _ := newWorld(t, p).run()
		time.Sleep(time.Second)
		for _, c := range []struct{ method, kinds string }{{"channels.stop", "start"}, {"channels.start", "start start"}} {
			if err := call(t, s, c.method, `{"channel":"chat"}`, nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			if got := p.kinds(); got != c.kinds {
				t.Errorf("after %s: events %s", c.method, got)
			}
		}
	})
	inBubble("a start without its plugin", t, func(t *testing.T) {
		w := newWorld(t, &fakePlugin{})
		s, _ := w.run()
		synctest.Wait()
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		delete(w.plugins, "chat")
		w.mu.Unlock()
		if err := call(t, s, "channels.start", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if st := status(t, s); st["phase"] != "idle" || !strings.Contains(fmt.Sprint(st["message"]), "not loaded") {
			t.Errorf("an account whose plugin is gone is left to other gateways: %v", st)
		}
	})
}
