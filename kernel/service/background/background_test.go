package background_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/background"
	"github.com/carapace-gateway/carapace/wit"
)

var changed = event.Kind[struct{}]{Name: "plugins.changed"}

// world is one plugin with a service, whose versions a test replaces.
type world struct {
	bus event.Bus

	mu      sync.Mutex
	current *build // nil while the plugin cannot be called
	before  *build
	story   []string
	state   background.State
}

// build is a version of the plugin: what its calls answer, and what became of it.
type build struct {
	w        *world
	name     string
	facts    wit.ServiceFacts
	start    func() error
	health   func() (*wit.ServiceHealth, error)
	tick     func() error
	stop     func(context.Context) error
	lost     bool // by its last call
	replaced chan struct{}
}

func (w *world) say(words string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.story = append(w.story, words)
}

// told returns what has happened since it was called last.
func (w *world) told() string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	story := strings.Join(w.story, ", ")
	w.story = nil
	return story
}

func (w *world) is() background.State {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// put makes a version the current one, nil none.
func (w *world) put(b *build) {
	w.mu.Lock()
	old := w.current
	if b != nil {
		b.w, b.replaced = w, make(chan struct{})
	}
	w.current, w.before = b, old
	w.mu.Unlock()
	if old != nil {
		close(old.replaced)
	}
	changed.Publish(&w.bus, struct{}{})
}

func (w *world) Services() []background.Plugin {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current == nil {
		return nil
	}
	return []background.Plugin{w}
}

func (w *world) Rollback(_, reason string) error {
	w.mu.Lock()
	old := w.before
	w.mu.Unlock()
	if old == nil {
		return errors.New("there is no version before")
	}
	w.say("roll back: " + reason)
	again := *old
	w.put(&again)
	return nil
}

func (w *world) ID() string { return "p" }

func (w *world) Enter(context.Context) (background.Tenure, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current == nil {
		return nil, errors.New("there is none")
	}
	return w.current, nil
}

func (w *world) Report(s background.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = s
}

func (b *build) Facts() wit.ServiceFacts   { return b.facts }
func (b *build) Build() string             { return b.name }
func (b *build) Replaced() <-chan struct{} { return b.replaced }
func (b *build) Lost() bool                { return b.lost }
func (b *build) Leave()                    { b.w.say("leave " + b.name) }

func (b *build) Start(context.Context) error {
	b.w.say("start " + b.name)
	b.lost = false
	if b.start != nil {
		return b.start()
	}
	return nil
}

func (b *build) Health(context.Context) (*wit.ServiceHealth, error) {
	if b.health != nil {
		return b.health()
	}
	return &wit.ServiceHealth{Message: "at work"}, nil
}

func (b *build) Tick(context.Context) error { return b.tick() }

func (b *build) Stop(ctx context.Context, cause wit.StopCause) error {
	b.w.say("stop " + b.name + " " + string(cause))
	if b.stop != nil {
		return b.stop(ctx)
	}
	return nil
}

// run runs a service in a bubble until the test ends, and checks what it said last.
func run(t *testing.T, test func(t *testing.T, w *world, s *background.Service, end func())) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		redact := func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") }
		s := background.New(background.Deps{Bus: &w.bus, Plugins: w, Redact: redact, Log: hclog.NewNullLogger()})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		ended := false
		end := func() {
			if ended {
				return
			}
			ended = true
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		test(t, w, s, end)
		end()
		if w.is() != (background.State{}) {
			t.Errorf("at the end it is %+v", w.state)
		}
	})
}

func check(t *testing.T, s *background.Service) service.Check {
	t.Helper()
	return s.Service().Checks[0](t.Context())
}

// TestUpgrade: the old version is stopped before the new one is started, and one that cannot be started makes room for it.
func TestUpgrade(t *testing.T) {
	run(t, func(t *testing.T, w *world, s *background.Service, end func()) {
		if got := check(t, s); !got.OK {
			t.Errorf("without a service: %+v", got)
		}
		w.put(&build{name: "a"})
		if got := w.told(); got != "start a" {
			t.Errorf("at first: %s", got)
		}
		w.put(&build{name: "b"})
		if got := w.told(); got != "stop a replaced, leave a, start b" {
			t.Errorf("upgrade: %s", got)
		}
		w.put(&build{name: "c", start: func() error { return errors.New("no hunter2") }})
		if got := w.told(); got != "stop b replaced, leave b, start c, leave c, roll back: its service cannot be started: no ***, start b" {
			t.Errorf("a failed upgrade: %s", got)
		}
		if is := w.is(); is.Phase != background.Running || is.Problem != "" || is.Restarts != 0 {
			t.Errorf("%+v", is)
		}
		w.put(nil)
		if got := w.told(); got != "stop b replaced, leave b" || w.is() != (background.State{}) {
			t.Errorf("disabled: %s, %+v", got, w.state)
		}
		w.put(&build{name: "d"})
		if got := w.told(); got != "start d" {
			t.Errorf("enabled: %s", got)
		}
		end()
		if got := w.told(); got != "stop d gateway_stops, leave d" {
			t.Errorf("the end: %s", got)
		}
	})
}

// TestRestart: what is not well is stopped and started anew, less and less often, and a time of being well makes that good.
func TestRestart(t *testing.T) {
	run(t, func(t *testing.T, w *world, s *background.Service, _ func()) {
		var ill atomic.Bool
		ill.Store(true)
		w.put(&build{name: "a", facts: wit.ServiceFacts{HealthEvery: 1000}, health: func() (*wit.ServiceHealth, error) {
			if ill.Load() {
				return &wit.ServiceHealth{Problem: "it hurts: hunter2"}, nil
			}
			return &wit.ServiceHealth{Message: "fine"}, nil
		}})
		w.told()
		for n, longest := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			time.Sleep(time.Second)
			if got := w.told(); got != "stop a unhealthy, leave a" {
				t.Fatalf("failure %d: %s", n, got)
			}
			is := w.is()
			pause := time.Until(is.Next)
			if is.Phase != background.Waiting || is.Restarts != n+1 || is.Problem != "it hurts: ***" || pause < longest/2 || pause > longest {
				t.Errorf("failure %d: %+v, again in %v", n, is, pause)
			}
			if c := check(t, s); c.OK || !strings.Contains(c.Message, "p: it hurts: ***") || c.Hint == "" {
				t.Errorf("%+v", c)
			}
			time.Sleep(pause)
			if got := w.told(); got != "start a" {
				t.Fatalf("failure %d: %s", n, got)
			}
		}
		ill.Store(false)
		time.Sleep(10 * time.Minute)
		if is := w.is(); is.Phase != background.Running || is.Message != "fine" || is.Problem != "" || !check(t, s).OK {
			t.Errorf("%+v", is)
		}
		ill.Store(true)
		time.Sleep(time.Second)
		if is := w.is(); is.Restarts != 1 || time.Until(is.Next) > time.Second {
			t.Errorf("after it was well for long: %+v", is)
		}
	})
}

// TestLostInstance: what trapped, or was closed for its memory, is started anew and not stopped, since it is no more.
func TestLostInstance(t *testing.T) {
	for name, lose := range map[string]func(b *build) error{
		"a trap":        func(b *build) error { b.lost = true; return errors.New("trap") },
		"by the memory": func(b *build) error { b.lost = true; return nil },
	} {
		run(t, func(t *testing.T, w *world, _ *background.Service, _ func()) {
			ticks := 0
			b := &build{name: "a", facts: wit.ServiceFacts{TickEvery: new(int64(100))}}
			b.tick = func() error {
				if ticks++; ticks == 3 {
					return lose(b)
				}
				return nil
			}
			w.put(b)
			time.Sleep(450 * time.Millisecond)
			if got := w.told(); got != "start a, leave a" {
				t.Errorf("%s: %s", name, got)
			}
			if is := w.is(); is.Phase != background.Waiting || is.Problem == "" {
				t.Errorf("%s: %+v", name, is)
			}
			time.Sleep(time.Second)
			if got := w.told(); got != "start a" || w.is().Phase != background.Running {
				t.Errorf("%s: %s, %+v", name, got, w.state)
			}
		})
	}
}

// TestTickThatFails is shown, and the service goes on.
func TestTickThatFails(t *testing.T) {
	run(t, func(t *testing.T, w *world, _ *background.Service, _ func()) {
		var down atomic.Bool
		down.Store(true)
		w.put(&build{name: "a", facts: wit.ServiceFacts{TickEvery: new(int64(1000))}, tick: func() error {
			if down.Load() {
				return errors.New("the feed is down")
			}
			return nil
		}})
		time.Sleep(time.Second)
		if is := w.is(); is.Phase != background.Running || is.Problem != "the feed is down" {
			t.Errorf("%+v", is)
		}
		down.Store(false)
		time.Sleep(time.Second)
		if is := w.is(); is.Phase != background.Running || is.Problem != "" || w.told() != "start a" {
			t.Errorf("%+v", is)
		}
	})
}

// TestAServiceThatCannotBeStarted is tried again, and a mended version of it at once.
func TestAServiceThatCannotBeStarted(t *testing.T) {
	run(t, func(t *testing.T, w *world, _ *background.Service, _ func()) {
		w.put(&build{name: "a", start: func() error { return errors.New("no") }})
		time.Sleep(time.Hour)
		starts := strings.Count(w.told(), "start a")
		if is := w.is(); starts < 10 || starts > 40 || is.Phase != background.Waiting || is.Restarts != starts {
			t.Errorf("%d starts in an hour: %+v", starts, is)
		}
		w.put(&build{name: "b"})
		if got := w.told(); got != "start b" {
			t.Errorf("mended: %s", got)
		}
	})
}

// TestTheEndIsBounded: a service that does not end holds the gateway up for a second.
func TestTheEndIsBounded(t *testing.T) {
	run(t, func(t *testing.T, w *world, _ *background.Service, end func()) {
		w.put(&build{name: "a", stop: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
		w.told()
		began := time.Now()
		end()
		if took := time.Since(began); took != time.Second || !slices.Equal(strings.Split(w.told(), ", "), []string{"stop a gateway_stops", "leave a"}) {
			t.Errorf("it took %v", took)
		}
	})
}
