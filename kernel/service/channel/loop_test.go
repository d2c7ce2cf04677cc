package channel_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// slow is a listener whose webhooks wait for gate, and which asks for a request with each answer.
func slow(gate <-chan struct{}) *fakePlugin {
	p := listener(func(string) error { <-gate; return nil })
	handle := p.event
	p.do = func(ctx context.Context, _ *wit.HTTPRequest) (*wit.HTTPResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
		a, err := handle(e)
		if err == nil && e.Webhook != nil {
			a.Requests = []wit.HTTPRequest{{ID: "x"}}
		}
		return a, err
	}
	return p
}

// posting sends a webhook in the background; its status comes from the channel.
func posting(s *channel.Service, body string) <-chan int {
	code := make(chan int, 1)
	go func() { code <- post(s, "/plugins/chat/main/in", body) }()
	return code
}

func TestAStopDoesNotWaitForThePlugin(t *testing.T) {
	inBubble("in the middle of a call", t, func(t *testing.T) {
		gate := make(chan struct{})
		p := slow(gate)
		var asked atomic.Int64
		do := p.do
		p.do = func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			asked.Add(1)
			return do(ctx, r)
		}
		w := newWorld(t, p)
		s, _ := w.run()
		synctest.Wait()
		code := posting(s, "one")
		second := posting(s, "two")
		synctest.Wait()
		began := time.Now()
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Ready("chat", "main"); time.Since(began) != 0 || err == nil || !strings.Contains(err.Error(), "off") {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		synctest.Wait()
		if c := <-second; c != 503 {
			t.Errorf("what waited is answered %d", c)
		}
		if err := call(t, s, "channels.start", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := p.kinds(); got != "start webhook" {
			t.Errorf("an event is given to the plugin beside another: %s", got)
		}
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		close(gate)
		if c := <-code; c != 200 && c != 503 {
			t.Errorf("status %d", c)
		}
		synctest.Wait()
		if len(w.turns()) != 1 || asked.Load() != 0 {
			t.Errorf("turns %v, %d requests: what was read is kept, and nothing is done about it", w.turns(), asked.Load())
		}
		if st := status(t, s); st["phase"] != "off" {
			t.Errorf("status %v", st)
		}
	})
	inBubble("in a pause", t, func(t *testing.T) {
		w := newWorld(t, listener(func(string) error { return wit.NewError(wit.CodeUnavailable, "trap") }))
		s, _ := w.run()
		synctest.Wait()
		code := posting(s, "one")
		time.Sleep(1500 * time.Millisecond) // two attempts, and a second to go
		began := time.Now()
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		if c := <-code; c != 503 || time.Since(began) != 0 {
			t.Errorf("status %d after %v", c, time.Since(began))
		}
		time.Sleep(time.Minute)
		if st := status(t, s); st["phase"] != "off" || w.plugins["chat"].kinds() != "start webhook webhook" {
			t.Errorf("status %v, events %s", st, w.plugins["chat"].kinds())
		}
		if n, err := w.inbox.DeadLetters().Count(t.Context()); n != 0 || err != nil {
			t.Errorf("%d dead letters, %v", n, err)
		}
	})
	inBubble("while its start fails for the last time", t, func(t *testing.T) {
		gate := make(chan struct{})
		n := 0
		w := newWorld(t, &fakePlugin{event: func(*wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if n++; n == 4 {
				<-gate
			}
			return nil, wit.NewError(wit.CodeUnauthorized, "bad token")
		}})
		s, _ := w.run()
		time.Sleep(10 * time.Second)
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		close(gate)
		time.Sleep(time.Hour)
		if st := status(t, s); st["phase"] != "off" || n != 4 {
			t.Errorf("%d events, status %v", n, st)
		}
	})
}

func TestAFullMailboxRefusesAndStops(t *testing.T) {
	inBubble("webhooks", t, func(t *testing.T) {
		gate := make(chan struct{})
		w := newWorld(t, listener(func(string) error { <-gate; return nil }))
		s, _ := w.run()
		synctest.Wait()
		var codes []<-chan int
		for i := range 100 {
			codes = append(codes, posting(s, fmt.Sprint(i)))
		}
		synctest.Wait()
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		close(gate)
		count := map[int]int{}
		for _, c := range codes {
			count[<-c]++
		}
		if count[503] != 99 || count[200] != 1 || len(w.turns()) != 1 {
			t.Errorf("answered %v with %d turns", count, len(w.turns()))
		}
	})
	inBubble("64 wait", t, func(t *testing.T) {
		gate := make(chan struct{})
		w := newWorld(t, listener(func(string) error { <-gate; return nil }))
		s, _ := w.run()
		synctest.Wait()
		var codes []<-chan int
		for i := range 100 {
			codes = append(codes, posting(s, fmt.Sprint(i)))
			synctest.Wait()
		}
		close(gate)
		count := map[int]int{}
		for _, c := range codes {
			count[<-c]++
		}
		if count[200] != 65 || count[503] != 35 || len(w.turns()) != 65 {
			t.Errorf("answered %v with %d turns", count, len(w.turns()))
		}
	})
}

func TestRulesOfTheMomentOfTheCommit(t *testing.T) {
	inBubble("changed while the plugin works", t, func(t *testing.T) {
		gate := make(chan struct{})
		w := newWorld(t, listener(func(string) error { <-gate; return nil }))
		s, _ := w.run()
		synctest.Wait()
		code := posting(s, "one")
		synctest.Wait()
		w.configure(channel.Account{ID: "main", Enabled: true, Access: inbox.Access{DM: inbox.PolicyDisabled}, Config: wit.JSON(`{}`)})
		synctest.Wait()
		if st := status(t, s); st["dmPolicy"] != "disabled" {
			t.Errorf("status %v", st)
		}
		close(gate)
		if c := <-code; c != 200 || len(w.turns()) != 0 {
			t.Errorf("status %d, turns %v", c, w.turns())
		}
	})
	inBubble("another section restarts after the event", t, func(t *testing.T) {
		gate := make(chan struct{})
		p := slow(gate)
		w := newWorld(t, p)
		s, _ := w.run()
		synctest.Wait()
		code := posting(s, "one")
		synctest.Wait()
		w.configure(channel.Account{ID: "main", Enabled: true, Access: inbox.Access{DM: inbox.PolicyOpen}, Config: wit.JSON(`{"a":1}`)})
		synctest.Wait()
		if err := s.Ready("chat", "main"); err == nil || p.kinds() != "start webhook" {
			t.Errorf("ready %v, events %s", err, p.kinds())
		}
		close(gate)
		<-code
		synctest.Wait()
		if err := s.Ready("chat", "main"); err != nil || p.kinds() != "start webhook start" || len(w.turns()) != 1 {
			t.Errorf("ready %v, events %s", err, p.kinds())
		}
	})
}

func TestAHundredTimers(t *testing.T) {
	inBubble("all of them go off", t, func(t *testing.T) {
		p := &fakePlugin{}
		fired := map[string]int{}
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			a := &wit.ChannelAnswer{}
			if e.Kind == wit.EventKindStart {
				for i := range 100 {
					a.Timers = append(a.Timers, wit.Timer{ID: fmt.Sprint(i), After: 1000})
				}
			} else if fired[*e.Timer]++; fired[*e.Timer] < 3 {
				a.Timers = []wit.Timer{{ID: *e.Timer, After: 1000}}
			}
			return a, nil
		}
		w := newWorld(t, p)
		_, _ = w.run()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(fired) != 100 || len(p.seen()) != 301 {
			t.Errorf("%d timers went off in %d events", len(fired), len(p.seen()))
		}
	})
}

func TestAStormOfConnectionsIsBounded(t *testing.T) {
	inBubble("every answer opens sixteen others", t, func(t *testing.T) {
		n := 0
		p := &fakePlugin{}
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			a := &wit.ChannelAnswer{}
			for range 16 {
				n++
				a.Open = append(a.Open, wit.OpenConnection{Connection: fmt.Sprint(n)})
			}
			return a, nil
		}
		w := newWorld(t, p)
		w.dialer = &exchange{answer: func(int) (channel.Conn, error) { return nil, errors.New("down") }}
		s, stop := w.run()
		time.Sleep(time.Minute)
		if got := runtime.NumGoroutine(); got > 100 {
			t.Errorf("%d goroutines", got)
		}
		if len(p.seen()) > 3000 {
			t.Errorf("%d events in a minute", len(p.seen()))
		}
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil || s.Ready("chat", "main") == nil {
			t.Error(err)
		}
		stop()
	})
	inBubble("every answer makes sixteen requests", t, func(t *testing.T) {
		p := &fakePlugin{}
		p.event = func(*wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			time.Sleep(10 * time.Millisecond)
			return &wit.ChannelAnswer{Requests: make([]wit.HTTPRequest, 16)}, nil
		}
		p.do = func(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			return &wit.HTTPResponse{Status: 200}, nil
		}
		w := newWorld(t, p)
		s, stop := w.run()
		time.Sleep(time.Minute)
		if got := runtime.NumGoroutine(); got > 100 {
			t.Errorf("%d goroutines", got)
		}
		began := time.Now()
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		stop()
	})
}

// TestNothingIsLeftAfterRun: a bubble ends only when its goroutines have.
func TestNothingIsLeftAfterRun(t *testing.T) {
	inBubble("with everything under way", t, func(t *testing.T) {
		gate := make(chan struct{})
		p := slow(gate)
		start := p.event
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Kind == wit.EventKindStart {
				return &wit.ChannelAnswer{
					Requests: make([]wit.HTTPRequest, 16), Timers: []wit.Timer{{ID: "a", After: 5000}}, State: wit.JSON("1"),
					Open: []wit.OpenConnection{{Connection: "up"}, {Connection: "down", URL: "nowhere"}},
				}, nil
			}
			return start(e)
		}
		w := newWorld(t, p)
		w.dialer = dialer{make(chan *pipe, 1)}
		s, stop := w.run()
		synctest.Wait()
		code := posting(s, "one")
		synctest.Wait()
		var late sync.WaitGroup
		late.Go(stop)
		synctest.Wait()
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("a stop while the gateway stops: %v", err)
		}
		close(gate)
		late.Wait()
		if c := <-code; c != 200 || len(w.turns()) != 1 {
			t.Errorf("status %d, turns %v", c, w.turns())
		}
		if err := s.Ready("chat", "main"); err == nil {
			t.Error("ready after the end")
		}
	})
}

// TestAnIdleAccountIsOneGoroutine: what has nothing to do costs little. The process has a few of its own, which
// come and go.
func TestAnIdleAccountIsOneGoroutine(t *testing.T) {
	inBubble("idle", t, func(t *testing.T) {
		const accounts = 100
		w := newWorld(t, &fakePlugin{})
		for i := range accounts {
			w.accounts = append(w.accounts, channel.Account{ID: fmt.Sprint(i), Enabled: true})
		}
		before := runtime.NumGoroutine()
		_, _ = w.run()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n > accounts+accounts/2 {
			t.Errorf("%d goroutines for %d idle accounts", n, accounts)
		}
	})
}
