package channel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/wit"
)

const mainKey = "account/chat/main"

// seize holds the account's claim as another gateway does, until the returned function is called.
func (w *world) seize() (release func()) {
	w.t.Helper()
	_, release, err := w.claims.Claim(w.t.Context(), mainKey)
	if err != nil {
		w.t.Fatal(err)
	}
	return release
}

// doctor returns what the doctor says of the channels.
func doctor(s *channel.Service) string {
	c := s.Service().Checks[0](context.Background())
	return fmt.Sprint(c.OK, " ", c.Message)
}

// TestAnAccountThatRunsElsewhereWaits: it answers whatever it is asked, says what it waits for, and starts when its
// claim is free.
func TestAnAccountThatRunsElsewhereWaits(t *testing.T) {
	inBubble("held", t, func(t *testing.T) {
		p := listener(func(string) error { return nil })
		w := newWorld(t, p)
		release := w.seize()
		s, _ := w.run()
		synctest.Wait()
		began := time.Now()
		for what, err := range map[string]error{
			"start":  call(t, s, "channels.start", `{"channel":"chat"}`, nil),
			"logout": call(t, s, "channels.logout", `{"channel":"chat"}`, nil),
			"a send": s.Ready("chat", "main"),
		} {
			if wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "runs in another gateway") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if code := post(s, "/plugins/chat/main/in", "one"); code != 503 {
			t.Errorf("a webhook: %d", code)
		}
		s.Restart("chat", "", s.Mark())
		w.configure(channel.Account{ID: "main", Enabled: true, Config: wit.JSON(`{"a":1}`)})
		synctest.Wait()
		var probed struct {
			ChannelAccounts map[string][]channel.AccountStatus `json:"channelAccounts"`
		}
		if err := call(t, s, "channels.status", `{"probe":true}`, &probed); err != nil {
			t.Fatal(err)
		}
		row := probed.ChannelAccounts["chat"][0]
		if row.Phase != "waiting" || row.Running || row.HealthState != "stopped" || !strings.Contains(row.Message, "another gateway") ||
			row.Probe.OK || !strings.Contains(row.Probe.Error, "another gateway") {
			t.Errorf("status %+v, probe %+v", row, row.Probe)
		}
		if got := doctor(s); !strings.HasPrefix(got, "true") || !strings.Contains(got, "chat/main: waiting: it runs in another gateway") {
			t.Errorf("doctor: %s", got)
		}
		if p.kinds() != "" || time.Since(began) != 0 {
			t.Errorf("events %q after %v", p.kinds(), time.Since(began))
		}
		release()
		synctest.Wait()
		if st := status(t, s); p.kinds() != "start" || st["phase"] != "running" || st["message"] != nil {
			t.Errorf("after the release: %q, %v", p.kinds(), st)
		}
	})
	inBubble("stopped, disabled or removed while it waits", t, func(t *testing.T) {
		for what, end := range map[string]func(w *world, s *channel.Service){
			"stopped":  func(_ *world, s *channel.Service) { _ = call(t, s, "channels.stop", `{"channel":"chat"}`, nil) },
			"disabled": func(w *world, _ *channel.Service) { w.configure(channel.Account{ID: "main"}) },
			"removed":  func(w *world, _ *channel.Service) { w.configure() },
			"gone": func(w *world, s *channel.Service) {
				w.mu.Lock()
				delete(w.plugins, "chat")
				w.mu.Unlock()
				s.Refresh()
				time.Sleep(time.Hour)
			},
		} {
			p := &fakePlugin{}
			w := newWorld(t, p)
			release := w.seize()
			s, _ := w.run()
			synctest.Wait()
			end(w, s)
			synctest.Wait()
			release()
			synctest.Wait()
			if p.kinds() != "" || w.claims.Held(mainKey) {
				t.Errorf("%s: %q, held %v", what, p.kinds(), w.claims.Held(mainKey))
			}
		}
	})
	inBubble("the gateway stops while it waits", t, func(t *testing.T) {
		w := newWorld(t, &fakePlugin{})
		release := w.seize()
		_, stop := w.run()
		synctest.Wait()
		began := time.Now()
		stop()
		release()
		synctest.Wait()
		if time.Since(began) != 0 || w.claims.Held(mainKey) {
			t.Errorf("after %v, held %v", time.Since(began), w.claims.Held(mainKey))
		}
	})
	inBubble("nobody can be asked", t, func(t *testing.T) {
		p := &fakePlugin{}
		w := newWorld(t, p)
		w.claims.Fail(wit.NewError(wit.CodeUnavailable, "no connection as hunter2"))
		s, _ := w.run()
		synctest.Wait()
		if got := doctor(s); !strings.HasPrefix(got, "false") || !strings.Contains(got, "no connection as …") {
			t.Errorf("doctor: %s", got)
		}
		w.claims.Fail(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := doctor(s); p.kinds() != "start" || got != "true 1 account" {
			t.Errorf("afterwards: %q, %s", p.kinds(), got)
		}
	})
}

// TestTheClaimIsGivenBack: whenever the account does not run here any more, and not before what was under way is over.
func TestTheClaimIsGivenBack(t *testing.T) {
	inBubble("stopped in the middle of a call", t, func(t *testing.T) {
		gate := make(chan struct{})
		p := slow(gate)
		w := newWorld(t, p)
		s, _ := w.run()
		synctest.Wait()
		code := posting(s, "one")
		synctest.Wait()
		if err := call(t, s, "channels.stop", `{"channel":"chat"}`, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !w.claims.Held(mainKey) {
			t.Error("released while an event is handled")
		}
		close(gate)
		<-code
		synctest.Wait()
		if w.claims.Held(mainKey) || len(w.turns()) != 1 {
			t.Errorf("held %v, turns %v", w.claims.Held(mainKey), w.turns())
		}
		if err := call(t, s, "channels.start", `{"channel":"chat"}`, nil); err != nil || status(t, s)["phase"] != "running" {
			t.Errorf("started again: %v, %v", err, status(t, s))
		}
		synctest.Wait()
		if err := s.Ready("chat", "main"); err != nil || !w.claims.Held(mainKey) {
			t.Errorf("started again: %v", err)
		}
	})
	inBubble("stopped while a request is under way", t, func(t *testing.T) {
		gate := make(chan struct{})
		p := &fakePlugin{do: func(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			<-gate
			return &wit.HTTPResponse{}, nil
		}}
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			return &wit.ChannelAnswer{Requests: []wit.HTTPRequest{{ID: "poll"}}}, nil
		}
		w := newWorld(t, p)
		s, _ := w.run()
		synctest.Wait()
		for _, order := range []string{"channels.stop", "channels.start"} { // it gets its own claim back
			if err := call(t, s, order, `{"channel":"chat"}`, nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if p.kinds() != "start" || status(t, s)["phase"] != "running" {
			t.Errorf("begun beside its own request: %q, %v", p.kinds(), status(t, s))
		}
		close(gate)
		synctest.Wait()
		if got := p.kinds(); !strings.HasPrefix(got, "start start") {
			t.Errorf("events %q", got)
		}
		_ = call(t, s, "channels.stop", `{"channel":"chat"}`, nil)
	})
	inBubble("removed", t, func(t *testing.T) {
		w := newWorld(t, &fakePlugin{})
		_, _ = w.run()
		synctest.Wait()
		held := w.claims.Held(mainKey)
		w.configure()
		synctest.Wait()
		if !held || w.claims.Held(mainKey) {
			t.Errorf("held %v, and when removed %v", held, w.claims.Held(mainKey))
		}
	})
	inBubble("an upgrade keeps it, a plugin that is gone does not", t, func(t *testing.T) {
		p := &fakePlugin{}
		w := newWorld(t, p)
		s, stop := w.run()
		synctest.Wait()
		waits := func() {
			release := w.seize()
			release()
		}
		var elsewhere atomic.Bool
		go func() { waits(); elsewhere.Store(true) }()
		next := &fakePlugin{version: "2.0.0"}
		w.upgrade(next)
		away := func() {
			w.mu.Lock()
			delete(w.plugins, "chat")
			w.mu.Unlock()
			s.Refresh()
		}
		away()
		time.Sleep(59 * time.Second)
		w.upgrade(next)
		time.Sleep(time.Hour)
		if elsewhere.Load() || next.kinds() != "start" || s.Ready("chat", "main") != nil {
			t.Fatalf("another one got it: %v, %q", elsewhere.Load(), next.kinds())
		}
		away()
		time.Sleep(2 * time.Minute)
		if !elsewhere.Load() || w.claims.Held(mainKey) || status(t, s)["phase"] != "idle" {
			t.Errorf("the plugin is gone: got %v, %v", elsewhere.Load(), status(t, s))
		}
		w.upgrade(next)
		synctest.Wait()
		if !w.claims.Held(mainKey) || s.Ready("chat", "main") != nil {
			t.Errorf("the plugin is back: %v", status(t, s))
		}
		stop()
		if w.claims.Held(mainKey) {
			t.Error("held after the end")
		}
	})
}

// TestALostClaim: the account stops at once, nothing of it is written any more, and it starts from the store again.
func TestALostClaim(t *testing.T) {
	inBubble("while nothing happens", t, func(t *testing.T) {
		p := &fakePlugin{}
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			a := &wit.ChannelAnswer{State: wit.JSON("2")} // which waits to be written
			if e.Kind == wit.EventKindStart {
				a.State = wit.JSON("1") // which connects the account
				a.Open = []wit.OpenConnection{{Connection: "up"}}
			}
			return a, nil
		}
		w := newWorld(t, p)
		w.dialer = dialer{make(chan *pipe, 2)}
		s, _ := w.run()
		synctest.Wait()
		var release func()
		go func() { release = w.seize() }()
		synctest.Wait()
		w.claims.Lose(mainKey)
		synctest.Wait()
		first := <-w.dialer.(dialer).wires
		select {
		case <-first.closed:
		default:
			t.Error("its connection goes on")
		}
		if st := status(t, s); st["phase"] != "waiting" || release == nil {
			t.Errorf("status %v", st)
		}
		time.Sleep(time.Minute)
		if st, err := w.inbox.State(t.Context(), s.Accounts()[0]); err != nil || string(st.State) != "1" {
			t.Errorf("written without the claim: %s, %v", st.State, err)
		}
		release()
		synctest.Wait()
		if got := p.kinds(); got != "start opened start opened" || string(p.seen()[2].State) != "1" {
			t.Errorf("events %q, started again from %s", got, p.seen()[2].State)
		}
		if s.Ready("chat", "main") != nil {
			t.Errorf("status %v", status(t, s))
		}
	})
	inBubble("while an event is handled", t, func(t *testing.T) {
		gate := make(chan struct{})
		w := newWorld(t, slow(gate))
		s, _ := w.run()
		synctest.Wait()
		code := posting(s, "one")
		synctest.Wait()
		w.claims.Lose(mainKey)
		synctest.Wait()
		close(gate)
		if c := <-code; c != 503 || len(w.turns()) != 0 {
			t.Errorf("status %d, turns %v", c, w.turns())
		}
		synctest.Wait()
		if c := post(s, "/plugins/chat/main/in", "one"); c != 200 || len(w.turns()) != 1 {
			t.Errorf("sent again: status %d, turns %v", c, w.turns())
		}
	})
	inBubble("while the gateway stops", t, func(t *testing.T) {
		w := newWorld(t, &fakePlugin{event: func(*wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			return &wit.ChannelAnswer{State: wit.JSON("1")}, nil
		}})
		_, stop := w.run()
		synctest.Wait()
		w.claims.Lose(mainKey)
		stop()
		if w.claims.Held(mainKey) {
			t.Error("held after the end")
		}
	})
}

// TestTwoGatewaysRunAnAccountOnce: two services on one store and one set of claims, whose owners stop and start
// them. No message is lost or accepted twice, and the place in the stream goes with the claim.
func TestTwoGatewaysRunAnAccountOnce(t *testing.T) {
	inBubble("in turns", t, func(t *testing.T) {
		chat := newPlatform()
		var polls, most atomic.Int64
		p := poller(chat)
		p.do = func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			defer polls.Add(-1)
			if n := polls.Add(1); n > most.Load() {
				most.Store(n)
			}
			return chat.poll(ctx, r)
		}
		w := newWorld(t, p)
		a, _ := w.run()
		b, stopB := w.run()
		synctest.Wait()
		n := 0
		say := func() {
			n++
			chat.say(text(fmt.Sprint(n), "hello"))
			synctest.Wait()
			if len(w.turns()) != n {
				t.Fatalf("%d turns of %d: %v %v", len(w.turns()), n, a.List(), b.List())
			}
		}
		running := func() (count int) {
			for _, s := range []*channel.Service{a, b} {
				if status(t, s)["phase"] == "running" {
					count++
				}
			}
			return count
		}
		for i := range 20 {
			say()
			s := []*channel.Service{a, b}[i%2]
			_ = call(t, s, "channels.stop", `{"channel":"chat"}`, nil)
			synctest.Wait()
			say()
			if got := running(); got != 1 {
				t.Fatalf("%d run it", got)
			}
			_ = call(t, s, "channels.start", `{"channel":"chat"}`, nil)
			synctest.Wait()
		}
		if most.Load() != 1 {
			t.Errorf("%d polls at a time", most.Load())
		}
		w.claims.Lose(mainKey) // by b or by a: the other one has it
		synctest.Wait()
		say()
		stopB()
		synctest.Wait()
		say()
		if got := running(); got != 1 {
			t.Errorf("%d run it", got)
		}
		place := 0
		for _, e := range p.seen() {
			if e.Kind != wit.EventKindStart || e.State == nil {
				continue
			}
			var at int
			if err := json.Unmarshal(e.State, &at); err != nil || at < place {
				t.Errorf("a start from %s after one from %d", e.State, place)
			}
			place = at
		}
		if place < n-2 {
			t.Errorf("the last start was from %d of %d", place, n)
		}
	})
	inBubble("at the same time", t, func(t *testing.T) {
		var mu sync.Mutex
		at, most := 0, 0
		p := listener(func(string) error {
			mu.Lock()
			at++
			most = max(most, at)
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			at--
			mu.Unlock()
			return nil
		})
		w := newWorld(t, p)
		a, _ := w.run()
		b, _ := w.run()
		synctest.Wait()
		var all sync.WaitGroup
		for i, s := range []*channel.Service{a, b, a, b} {
			all.Go(func() {
				for n := range 50 {
					for post(s, "/plugins/chat/main/in", fmt.Sprint(i%2, ".", n)) != 200 {
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			all.Wait()
		}()
		for stopped := false; !stopped; {
			for _, s := range []*channel.Service{a, b} {
				_ = call(t, s, "channels.stop", `{"channel":"chat"}`, nil)
				time.Sleep(7 * time.Millisecond)
				_ = call(t, s, "channels.start", `{"channel":"chat"}`, nil)
			}
			select {
			case <-done:
				stopped = true
			default:
			}
		}
		if most != 1 || len(w.turns()) != 100 {
			t.Errorf("%d at a time, %d turns", most, len(w.turns()))
		}
	})
}
