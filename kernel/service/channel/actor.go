package channel

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// phase is what an actor is doing about its account.
type phase string

const (
	phaseIdle     phase = "idle"     // not started yet, or the gateway is stopping
	phaseRunning  phase = "running"  // events are handled
	phaseStopped  phase = "stopped"  // an event could not be handled: the owner has to decide
	phaseOff      phase = "off"      // the owner stopped it
	phaseDisabled phase = "disabled" // by the settings
	phaseFailed   phase = "failed"   // start failed: it is tried again
)

// Bounds on what waits for one account; with them a mailbox is bounded too.
const (
	maxRunning  = 16 // requests at the same time
	maxQueued   = 64 // requests that wait for a slot
	maxTimers   = wit.ChannelAnswerTimersMax
	maxWebhooks = 64
	maxConns    = wit.ChannelAnswerOpenMax
)

// input is one entry of a mailbox.
type input struct {
	event wit.ChannelEvent
	// gen is the start that the event belongs to; 0 belongs to all.
	gen uint64
	// aside is the key of the kept-aside record that is replayed.
	aside string
	// flush writes the state and carries no event.
	flush bool
	// took is how long a response's request took.
	took time.Duration
	// done hears the outcome once; nil when nobody waits.
	done chan outcome
}

// outcome is what came of an input.
type outcome struct {
	reply  *wit.WebhookReply
	status *wit.AccountStatus
	err    error
}

func (in *input) finish(o outcome) {
	if in.done != nil {
		in.done <- o
	}
}

// actor handles one account's events, one at a time. Its goroutine lives while there are any.
type actor struct {
	*Service
	ref

	mu        sync.Mutex
	settings  Account
	phase     phase
	gen       uint64
	ctx       context.Context // of this start: ends with it
	cancel    context.CancelFunc
	queue     []*input
	draining  bool
	kicked    bool
	report    report
	running   int // requests under way
	waiting   []func()
	failures  int // requests in a row without an answer
	fruitless int // quick responses in a row that brought nothing
	timers    map[string]*timer
	conns     map[string]*connection
	unrest    map[string]unrest // by connection
	restart   *time.Timer
	starts    int // failed starts in a row

	build   string // that handled the last event
	removed bool   // from the settings

	// Only the drainer touches these, and flush once it has ended.
	loaded bool
	state  savedState
	dirty  bool // state is newer than the store's
	armed  bool // a flush is on its way
}

func newActor(s *Service, r ref, settings Account) *actor {
	a := &actor{Service: s, ref: r, settings: settings, phase: phaseIdle, cancel: func() {},
		timers: map[string]*timer{}, conns: map[string]*connection{}, unrest: map[string]unrest{}}
	return a
}

// apply takes new settings over and does what follows from them and from a changed plugin.
func (a *actor) apply(settings Account) {
	p, ok := a.Plugins.Channel(a.channel)
	a.mu.Lock()
	changed := ok && a.build != p.Build()
	old := a.settings
	a.settings, a.removed = settings, false
	begin, halt := false, false
	switch {
	case !settings.Enabled:
		halt = a.phase != phaseDisabled
	case a.phase == phaseOff:
	case a.phase == phaseRunning:
		begin = !bytes.Equal(old.Config, settings.Config) || changed && a.build != "" && a.restful()
	case a.phase == phaseStopped || a.phase == phaseFailed:
		begin = !bytes.Equal(old.Config, settings.Config) || changed
	default:
		begin = true
	}
	a.mu.Unlock()
	switch {
	case halt:
		a.halt(phaseDisabled, nil)
		a.publish(a)
	case begin:
		a.begin()
	default:
		a.kick()
	}
}

// restful reports whether nothing is under way that would bring an event. a.mu is held.
func (a *actor) restful() bool {
	return a.running+len(a.waiting)+len(a.timers)+len(a.conns)+len(a.queue) == 0 && !a.draining
}

// begin starts the account anew: what was under way is abandoned and the next event is `start`.
func (a *actor) begin() { a.beginIf(func() bool { return true }) }

// beginIf is begin where still, which hears with a.mu held whether anything else has come between, says so.
func (a *actor) beginIf(still func() bool) {
	a.mu.Lock()
	if !still() {
		a.mu.Unlock()
		return
	}
	a.end()
	a.gen++
	a.ctx, a.cancel = context.WithCancel(a.lifetime())
	a.phase = phaseRunning
	a.report.LastStartAt = time.Now().UnixMilli()
	a.report.status = wit.AccountStatus{State: wit.ConnectionStateConnecting}
	a.report.started = false
	start := &input{event: wit.ChannelEvent{Kind: wit.EventKindStart}, gen: a.gen}
	a.queue = append([]*input{start}, a.queue...)
	a.mu.Unlock()
	a.kick()
	a.publish(a)
}

// halt stops the account; status, when not nil, says why. Webhooks and commands that wait are refused.
func (a *actor) halt(to phase, status *wit.AccountStatus) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end()
	a.gen++
	a.phase = to
	a.report.LastStopAt = time.Now().UnixMilli()
	if status != nil {
		a.report.status = *status
	}
	kept := a.queue[:0]
	for _, in := range a.queue {
		if in.flush {
			kept = append(kept, in)
			continue
		}
		in.finish(outcome{err: wit.Errorf(wit.CodeUnavailable, "account %s is %s", a.ref, to)})
	}
	a.queue = kept
}

// end abandons requests, timers and connections, and the events that they brought. a.mu is held.
func (a *actor) end() {
	a.cancel()
	for id, t := range a.timers {
		t.Stop()
		delete(a.timers, id)
	}
	if a.restart != nil {
		a.restart.Stop()
	}
	clear(a.conns)
	clear(a.unrest)
	a.waiting, a.running, a.failures, a.fruitless = nil, 0, 0, 0
	kept := a.queue[:0]
	for _, in := range a.queue {
		if in.gen == 0 {
			kept = append(kept, in)
		}
	}
	a.queue = kept
}

// lifetime is the context of everything that Run started.
func (s *Service) lifetime() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return ctx
	}
	return s.ctx
}

// post puts an event in the mailbox, unless the start that it belongs to is over.
func (a *actor) post(in *input) {
	a.mu.Lock()
	if in.gen != 0 && in.gen != a.gen {
		a.mu.Unlock()
		return
	}
	a.queue = append(a.queue, in)
	a.mu.Unlock()
	a.kick()
}

// putBack makes an input the next one again.
func (a *actor) putBack(in *input) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if in.gen != 0 && in.gen != a.gen {
		in.finish(outcome{err: wit.Errorf(wit.CodeUnavailable, "account %s was stopped", a.ref)})
		return
	}
	a.queue = append([]*input{in}, a.queue...)
}

// kick makes sure that somebody looks at the mailbox.
func (a *actor) kick() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.draining {
		a.kicked = true
		return
	}
	if len(a.queue) > 0 && a.spawn(a.drain) {
		a.draining = true
	}
}

func (a *actor) drain(ctx context.Context) {
	for {
		in := a.next(ctx)
		if in == nil {
			return
		}
		if in.flush {
			a.flush()
			continue
		}
		a.handle(ctx, in)
	}
}

// next takes the next input, or ends the drainer when there is none or the plugin is absent.
func (a *actor) next(ctx context.Context) *input {
	for {
		_, callable := a.Plugins.Channel(a.channel)
		a.mu.Lock()
		if len(a.queue) > 0 && (callable || a.queue[0].flush) && ctx.Err() == nil {
			in := a.queue[0]
			a.queue = a.queue[1:]
			a.kicked = false
			a.mu.Unlock()
			return in
		}
		if !a.kicked || ctx.Err() != nil {
			a.draining = false
			a.mu.Unlock()
			return nil
		}
		a.kicked = false
		a.mu.Unlock()
	}
}

// current reports whether the start that an input belongs to goes on.
func (a *actor) current(in *input) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return in.gen == 0 || in.gen == a.gen
}

// pause waits, and reports false when the start that in belongs to has ended meanwhile.
func (a *actor) pause(ctx context.Context, in *input, d time.Duration) bool {
	var own <-chan struct{}
	if in.gen != 0 {
		a.mu.Lock()
		own = a.ctx.Done()
		a.mu.Unlock()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-own:
	case <-ctx.Done():
		return false
	}
	return a.current(in) && ctx.Err() == nil
}
