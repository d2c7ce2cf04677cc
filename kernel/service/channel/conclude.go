package channel

import (
	"fmt"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// conclude takes over what came of handling events: their answers are acted upon, or it is decided what becomes
// of the first one. Those that were not handled come next.
func (r attempted) conclude(l *loop) {
	series := append([]*input{l.bench.trial.in}, l.bench.trial.behind...)
	handled := max(1, len(r.answers))
	if r.err != nil {
		handled = 1
	}
	l.bench.trial.behind = nil
	l.mail.back(slices.DeleteFunc(series[handled:], func(in *input) bool { return !l.machine.current(in.gen) }))
	if r.loaded && l.bench.trial.in.letter == "" { // a replay may run without the claim
		l.bench.state.read(r.stored)
	}
	if r.rollback != nil {
		l.log.Error("old version not put back", "account", l.id, "error", r.rollback)
	}
	if r.err != nil {
		r.failed(l)
		return
	}
	l.bench.take()
	switch r.kept {
	case keepWritten:
		l.bench.state.committed(r.state)
	case keepLater:
		l.bench.state.keep(r.state, time.Now())
	}
	l.machine.handled(r.made.build)
	l.committed(&r.done)
	for i, a := range r.answers {
		l.act(series[i], r.plugin, a)
	}
}

// failed carries the trial's decision out.
func (r attempted) failed(l *loop) {
	t := l.bench.trial
	wanted := l.wanted(t.in)
	step := t.failed(r.blame, wanted, time.Now())
	switch r.blame {
	case blameStore:
		l.log.Error("event waits for the store", "account", l.id, "event", t.in.event.Kind, "error", r.err)
	case blamePlugin, blameReplaced:
		l.log.Warn("event not handled", "account", l.id, "event", t.in.event.Kind, "attempt", t.failures, "replaced", r.blame == blameReplaced, "error", r.err)
	}
	switch step {
	case stepAgain:
	case stepPutBack:
		l.mail.first(l.bench.take())
	case stepRefuse:
		if !wanted {
			r.err = wit.Errorf(wit.CodeUnavailable, "account %s was stopped", l.id)
		}
		l.giveUp(r.err)
	case stepFail:
		l.giveUp(r.err)
		l.failStart(r.err)
	case stepSkip:
		t.stage, t.cause = stageSkip, r.err
	}
}

// failStart stops the account, to start it again later.
func (l *loop) failStart(cause error) {
	hint := fmt.Sprintf("it could not be started: %v; it is tried again", cause)
	l.machine.fail(time.Now())
	l.noteBuild()
	l.report.lastError = l.redact(cause.Error())
	l.stopped(&wit.AccountStatus{State: wit.ConnectionStateFailed, Message: &hint})
	l.publish()
}

// noteBuild remembers which code failed for good: another one is a reason to start anew.
func (l *loop) noteBuild() {
	if p, ok := l.plugins.Channel(l.id.Channel); ok {
		l.machine.build = p.Build()
	}
}

// conclude goes on to the dead letter. From here on the event is recorded, also when its start has ended.
func (r skipped) conclude(l *loop) {
	if r.err != nil {
		l.log.Error("plugin could not step over an event", "account", l.id, "error", r.err)
	}
	l.bench.trial.stage, l.bench.trial.next = stageRecord, r.next
}

// conclude goes on behind the dead letter, or stops the account at it.
func (r recorded) conclude(l *loop) {
	t := l.bench.trial
	if r.err != nil {
		l.log.Error("dead letter not recorded", "account", l.id, "error", r.err)
		if t.in.event.Kind == wit.EventKindWebhook || !l.wanted(t.in) {
			l.giveUp(r.err)
		} else {
			t.resumeAt = time.Now().Add(storeDelay)
		}
		return
	}
	l.bench.take()
	running := l.machine.phase == phaseRunning && l.wanted(t.in)
	switch {
	case !r.letter.Stopped:
		l.log.Error("dead letter recorded", "account", l.id, "event", t.in.event.Kind, "error", t.cause)
		l.bench.state.committed(*t.next)
		if running && brings(t.in.event.Kind) {
			l.begin()
		}
	case running:
		l.stopAt(t)
	}
	l.finish(t.in, outcome{})
	inbox.DeadLetterKind.Publish(l.bus, inbox.DeadLetterEvent{Channel: l.id.Channel, Account: l.id.ID, ID: r.letter.ID, Reason: r.letter.Reason})
	l.publish()
}

// brings reports whether the answer to an event says what comes next: the next poll, a timer, a connection. An
// account that has stepped over one starts anew. Webhooks and frames come by themselves.
func brings(k wit.EventKind) bool {
	switch k {
	case wit.EventKindResponse, wit.EventKindTimer, wit.EventKindOpened, wit.EventKindClosed:
		return true
	}
	return false
}

// stopAt stops the account visibly.
func (l *loop) stopAt(t *trial) {
	hint := fmt.Sprintf("it stopped at an event (%s) that its plugin could not handle: %s. Update the plugin, or replay or drop the event, to go on",
		t.in.event.Kind, message.Clip(l.redact(t.cause.Error()), 500))
	l.stop(phaseStopped, &wit.AccountStatus{State: wit.ConnectionStateFailed, Message: &hint})
	l.noteBuild()
	l.report.lastError = hint
	l.log.Error("account stopped", "account", l.id, "reason", hint)
}

// conclude takes note of a write; one that failed is made again.
func (r flushed) conclude(l *loop) {
	if r.err != nil {
		l.log.Warn("account state not written", "account", l.id, "error", r.err)
	}
	l.bench.state.flushed(r.err, time.Now())
}
