package channel

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// loop runs one account. One goroutine owns it and all that is in it; others send it orders and events (see
// address) and read the view that it shows.
//
// What takes time is not done in it: the worker calls the plugin and writes, one thing after the other, in a
// goroutine whose result comes back; requests and connections have goroutines of their own; pauses are times
// that the loop wakes up at. So it answers orders at once, whatever the plugin does.
//
// A stop does not cut a call of the plugin off: what that has read is committed, and nothing is done about the
// rest of its answer. The call ends with the gateway, or at its own deadline.
type loop struct {
	id      message.Account
	at      address
	bus     *event.Bus
	log     hclog.Logger
	redact  func(string) string
	plugins Finder
	dialer  Dialer
	worker  *worker
	view    *atomic.Pointer[view]

	life     context.Context // Run's
	settings Account
	removed  bool // from the settings
	machine  machine
	mail     mailbox
	trial    *trial // the event that is being handled; nil for none
	state    keeper
	requests requests
	conns    connections
	timers   timers
	report   report

	working bool // the worker has something to do
	results chan result
	tasks   sync.WaitGroup // all goroutines that the loop has started
}

// result is what the worker did.
type result interface {
	// conclude runs in the loop.
	conclude(l *loop)
}

// run works until ctx ends and all that the loop has started has ended, with its state written.
func (l *loop) run(ctx context.Context) {
	defer close(l.at.gone)
	l.life = ctx
	alarm := &alarm{}
	defer alarm.stop()
	for ctx.Err() == nil {
		now := time.Now()
		l.wake(now)
		l.advance(now)
		l.show()
		alarm.set(l.next())
		select {
		case e := <-l.at.orders:
			l.carryOut(e)
		case in := <-l.door():
			l.receive(in)
		case r := <-l.results:
			l.working = false
			r.conclude(l)
		case <-alarm.c():
			alarm.rang()
		case <-ctx.Done():
		}
	}
	l.end()
}

func (l *loop) carryOut(e envelope) {
	err := e.order.carryOut(l)
	l.show()
	e.done <- err
}

// door is where events come in; nobody gets through it while the mailbox is full.
func (l *loop) door() <-chan *input {
	if !l.mail.room(fromRequest) {
		return nil
	}
	return l.at.events
}

// receive puts an event in the mailbox, unless the start that it belongs to is over.
func (l *loop) receive(in *input) {
	if !l.machine.current(in.gen) {
		return
	}
	switch in.origin {
	case fromRequest:
		if in.event.Response.Error == nil {
			l.requests.answered()
		}
		if q, ok := l.requests.release(); ok {
			l.fetch(q)
		}
	case fromOverflow:
		l.conns.overflows--
	}
	l.mail.put(in)
}

// wake does what the time has come for.
func (l *loop) wake(now time.Time) {
	for _, id := range l.timers.due(now) {
		l.mail.put(&input{gen: l.machine.gen, origin: fromTimer, event: wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &id}})
	}
	if l.machine.restartDue(now) {
		l.begin()
	}
}

// next is when the loop has something to do again by itself; zero when never.
func (l *loop) next() time.Time {
	next := l.timers.first
	consider := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	consider(l.machine.restartAt)
	if l.working {
		return next // its result is waited for first
	}
	if l.state.dirty {
		consider(l.state.flushAt)
	}
	if l.trial != nil {
		consider(l.trial.resumeAt)
	}
	return next
}

// advance gives the worker the next thing to do, when it has nothing and there is something.
func (l *loop) advance(now time.Time) {
	switch {
	case l.working:
	case l.state.due(now):
		state := l.state.state
		l.work(func(ctx context.Context) result { return l.worker.flush(ctx, state) })
	case l.trial != nil:
		if !l.trial.paused(now) {
			l.try(l.trial)
		}
	case !l.mail.empty() && l.callable():
		l.trial = &trial{in: l.mail.take()}
		l.try(l.trial)
	}
}

func (l *loop) callable() bool {
	_, ok := l.plugins.Channel(l.id.Channel)
	return ok
}

// try does an event's next step.
func (l *loop) try(t *trial) {
	state := l.state
	switch t.stage {
	case stageHandle:
		l.work(func(ctx context.Context) result { return l.worker.attempt(ctx, t.in, state) })
	case stageSkip:
		l.work(func(ctx context.Context) result { return l.worker.skip(ctx, t.in, state.state) })
	case stageRecord:
		l.work(func(ctx context.Context) result { return l.worker.record(ctx, t) })
	}
}

func (l *loop) work(fn func(context.Context) result) {
	l.working = true
	ctx := l.life
	l.tasks.Go(func() { l.results <- fn(ctx) })
}

// begin starts the account anew: what was under way is abandoned and the next event is `start`.
func (l *loop) begin() {
	l.machine.begin(l.life)
	l.abandon()
	l.report.begun()
	l.mail.first(&input{gen: l.machine.gen, event: wit.ChannelEvent{Kind: wit.EventKindStart}})
	l.publish()
}

// stop stops the account; why may be nil. What waits is refused.
func (l *loop) stop(to phase, why *wit.AccountStatus) {
	l.machine.end(to)
	l.stopped(why)
}

// stopped does what follows from the end of a start.
func (l *loop) stopped(why *wit.AccountStatus) {
	l.abandon()
	l.report.ended(why)
	for _, in := range l.mail.remove(func(*input) bool { return true }) {
		l.finish(in, outcome{err: l.refusal()})
	}
}

func (l *loop) refusal() error {
	return wit.Errorf(wit.CodeUnavailable, "account %s is %s", l.id, l.machine.phase)
}

// abandon forgets the requests, timers and connections of the start that has ended, and the events that they
// brought. An event in a pause is given up with them.
func (l *loop) abandon() {
	l.requests.clear()
	l.conns.clear()
	l.timers.clear()
	l.mail.remove(func(in *input) bool { return !l.machine.current(in.gen) })
	if l.trial != nil && !l.working && !l.wanted(l.trial.in) {
		l.giveUp(wit.Errorf(wit.CodeUnavailable, "account %s was stopped", l.id))
	}
}

// wanted reports whether an event is still to be handled: its start goes on. A webhook or a command is
// wanted while the account runs, a replay always.
func (l *loop) wanted(in *input) bool {
	if in.gen == 0 {
		return in.letter != "" || l.machine.phase == phaseRunning
	}
	return l.machine.current(in.gen)
}

// giveUp ends the present trial without handling its event.
func (l *loop) giveUp(err error) {
	in := l.trial.in
	l.trial = nil
	l.finish(in, outcome{err: err})
}

// finish tells who waits for an input, which may then rely on the view.
func (l *loop) finish(in *input, o outcome) {
	l.show()
	in.finish(o)
}

// show lets everybody see how the account is.
func (l *loop) show() {
	l.view.Store(&view{
		id: l.id, settings: l.settings, phase: l.machine.phase, failures: l.machine.failures, removed: l.removed, report: l.report,
	})
}

// publish shows how the account is and says that it has changed.
func (l *loop) publish() {
	l.show()
	ChangedKind.Publish(l.bus, l.view.Load().changed(l.redact))
}

// idle reports whether nothing is under way that would bring an event.
func (l *loop) idle() bool {
	return l.requests.idle() && l.conns.empty() && l.timers.empty() && l.mail.empty() && l.trial == nil
}

// end stops everything, waits for it and writes the state.
func (l *loop) end() {
	l.stop(phaseIdle, nil)
	ended := make(chan struct{})
	go func() {
		l.tasks.Wait()
		close(ended)
	}()
	for waiting := true; waiting; {
		select {
		case e := <-l.at.orders:
			e.done <- wit.NewError(wit.CodeUnavailable, "the gateway is stopping")
		case <-ended:
			waiting = false
		}
	}
	if l.working {
		l.working = false
		(<-l.results).conclude(l)
	}
	if l.trial != nil {
		l.giveUp(l.refusal())
	}
	if l.state.dirty {
		l.worker.flush(l.life, l.state.state).conclude(l)
	}
	l.show()
}
