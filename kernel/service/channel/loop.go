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
// The account runs while the loop holds its claim (see tenure), so that no other gateway does.
//
// A stop does not cut a call of the plugin off: what that has read is committed, and nothing is done about the
// rest of its answer. The call ends with the gateway, with the claim, or at its own deadline.
type loop struct {
	id      message.Account
	at      address
	bus     *event.Bus
	log     hclog.Logger
	redact  func(string) string
	plugins Finder
	view    *atomic.Pointer[view]

	life     context.Context // Run's
	settings Account
	removed  bool // from the settings
	starts   *atomic.Uint64
	started  Mark   // when it was last, of starts
	told     string // the condition that the log has
	machine  machine
	mail     mailbox
	bench    bench
	traffic  traffic
	report   report
	tenure   tenure
	leaveAt  time.Time      // when the account stops since its plugin is gone; zero while it is here
	tasks    sync.WaitGroup // all goroutines that the loop has started
}

// run works until ctx ends and all that the loop has started has ended, with its state written.
func (l *loop) run(ctx context.Context) {
	defer close(l.at.gone)
	l.life = ctx
	alarm := &alarm{}
	defer alarm.stop()
	for ctx.Err() == nil {
		now := time.Now()
		l.traffic.wake(now)
		if l.machine.restartDue(now) {
			l.begin()
		}
		if !l.leaveAt.IsZero() && !l.leaveAt.After(now) {
			l.leave()
		}
		l.settle()
		l.bench.advance(l.tenure.context(l.life), now, &l.mail, l.open())
		alarm.set(l.next())
		select {
		case e := <-l.at.orders:
			err := e.order.carryOut(l)
			l.show()
			e.done <- err
		case in := <-l.door():
			l.receive(in)
		case r := <-l.bench.results:
			l.bench.busy = false
			r.conclude(l)
		case <-l.tenure.ended():
			l.lost()
		case <-alarm.c():
			alarm.rang()
		case <-ctx.Done():
		}
	}
	l.end()
}

// door is where events come in; nobody gets through it while the mailbox is full.
func (l *loop) door() <-chan *input {
	if !l.mail.room(fromRequest) {
		return nil
	}
	return l.at.events
}

// open reports whether the next event may be handled: without the claim none is, for an account that runs.
func (l *loop) open() bool { return l.tenure.hold != nil || l.machine.phase != phaseRunning }

// receive puts an event in the mailbox, unless the start that it belongs to is over.
func (l *loop) receive(in *input) {
	if l.machine.current(in.gen) {
		l.traffic.arrived(in)
		l.mail.put(in)
	}
}

// next is when the loop has something to do again by itself; zero when never.
func (l *loop) next() time.Time {
	return earlier(earlier(l.traffic.timers.first, l.machine.restartAt), earlier(l.leaveAt, l.bench.next()))
}

// begin starts the account anew: what was under way is abandoned and the next event is `start`.
func (l *loop) begin() {
	l.started = Mark(l.starts.Add(1))
	l.machine.begin(l.life)
	l.abandon()
	l.traffic.begin(l.machine.ctx, l.machine.gen)
	l.report.begun()
	l.mail.first(&input{gen: l.machine.gen, event: wit.ChannelEvent{Kind: wit.EventKindStart}})
	l.publish()
}

// stop stops the account; why may be nil. What waits is refused.
func (l *loop) stop(to phase, why *wit.AccountStatus) {
	l.machine.end(to)
	l.stopped(why)
}

// leave stops an account whose plugin is gone. It starts again when that is back.
func (l *loop) leave() {
	l.leaveAt = time.Time{}
	if l.machine.phase.claims() {
		hint := "its plugin is not loaded: see plugins.status"
		l.stop(phaseIdle, &wit.AccountStatus{State: wit.ConnectionStateDisconnected, Message: &hint})
		l.publish()
	}
}

// stopped does what follows from the end of a start.
func (l *loop) stopped(why *wit.AccountStatus) {
	l.abandon()
	l.bench.state.hurry(time.Now())
	l.report.ended(why)
	for _, in := range l.mail.remove(func(*input) bool { return true }) {
		l.finish(in, outcome{err: l.refusal()})
	}
}

// refusal is what those hear whose events an account that does not run will not handle.
func (l *loop) refusal() error {
	return l.machine.phase.refusal(l.id, l.report.status)
}

// abandon forgets the requests, timers and connections of the start that has ended, and the events that they
// brought. An event in a pause is given up with them.
func (l *loop) abandon() {
	l.traffic.clear()
	l.mail.remove(func(in *input) bool { return !l.machine.current(in.gen) })
	if t := l.bench.trial; t != nil && !l.bench.busy && !l.wanted(t.in) {
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
func (l *loop) giveUp(err error) { l.finish(l.bench.take(), outcome{err: err}) }

// finish tells who waits for an input, which may then rely on the view.
func (l *loop) finish(in *input, o outcome) {
	l.show()
	in.finish(o)
}

// show lets everybody see how the account is. Whatever others are told of (an order's answer, an event's
// outcome, news on the bus) is shown before they are.
func (l *loop) show() {
	l.report.connected(l.machine.phase == phaseRunning && l.report.status.State == wit.ConnectionStateConnected)
	l.view.Store(&view{
		id: l.id, settings: l.settings, phase: l.machine.phase, failures: l.machine.failures, removed: l.removed, report: l.report,
		attached: l.traffic.conns.attached(), state: l.bench.state, outlets: l.traffic.conns.outlets,
	})
}

// publish shows how the account is and says that it has changed.
func (l *loop) publish() {
	l.show()
	now := l.view.Load().changed(l.redact)
	l.tell(now)
	ChangedKind.Publish(l.bus, now)
}

// tell logs when the account is connected, when it is no more, and when it cannot be or for another reason.
func (l *loop) tell(now Changed) {
	const connected = string(wit.ConnectionStateConnected)
	condition := now.Condition()
	switch {
	case condition == l.told:
		return
	case condition == string(phaseInvalid):
		if !l.settings.Told {
			l.log.Error("a channel's account cannot run with its settings", "account", l.id, "reason", now.Message)
		}
	case condition == connected:
		l.log.Info("channel connected", "account", l.id)
	case l.told == connected:
		l.log.Info("channel not connected any more", "account", l.id, "state", condition, "reason", now.Message)
	case condition == string(now.State) && now.State != wit.ConnectionStateConnecting, condition == string(phaseFailed):
		l.log.Info("channel not connected", "account", l.id, "state", condition, "reason", now.Message)
	default:
		return
	}
	l.told = condition
}

// idle reports whether nothing is under way that would bring an event.
func (l *loop) idle() bool {
	return l.traffic.idle() && l.mail.empty() && l.bench.trial == nil
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
	if l.bench.busy {
		l.bench.busy = false
		(<-l.bench.results).conclude(l)
	}
	if l.bench.trial != nil {
		l.giveUp(l.refusal())
	}
	if h := l.tenure.hold; h != nil {
		if s := &l.bench.state; s.dirty {
			l.bench.worker.flush(h.ctx, s.state).conclude(l)
		}
		h.release()
	}
	l.show()
}
