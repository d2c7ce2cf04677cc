package channel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// phase is what a loop is doing about its account.
type phase string

const (
	phaseIdle     phase = "idle"     // not started: its plugin is gone, or the gateway begins or stops
	phaseWaiting  phase = "waiting"  // for its claim, which another gateway holds
	phaseRunning  phase = "running"  // events are handled
	phaseStopped  phase = "stopped"  // an event could not be handled: the owner has to decide
	phaseOff      phase = "off"      // the owner stopped it
	phaseDisabled phase = "disabled" // by the settings
	phaseInvalid  phase = "invalid"  // it cannot run with its settings: the owner has to correct them
	phaseFailed   phase = "failed"   // start failed: it is tried again
)

// claims reports whether the account is this gateway's, or is to be.
func (p phase) claims() bool {
	switch p {
	case phaseWaiting, phaseRunning, phaseStopped, phaseFailed:
		return true
	}
	return false
}

// refusal is what those hear who want something of an account that does not run.
func (p phase) refusal(id message.Account, s wit.AccountStatus) error {
	if p == phaseWaiting && s.Message != nil {
		return wit.Errorf(wit.CodeUnavailable, "account %s waits: %s", id, *s.Message)
	}
	if p == phaseInvalid && s.Message != nil {
		return wit.Errorf(wit.CodeUnavailable, "account %s cannot run with its settings: %s", id, *s.Message)
	}
	return wit.Errorf(wit.CodeUnavailable, "account %s is %s", id, p)
}

// restartDelays are what an account whose start failed waits.
var restartDelays = retry.Backoff{Min: 5 * time.Second, Max: 5 * time.Minute}

// machine is an account's phase and its present start. All transitions are here.
//
// A start is the time between `start` and the next one, or a stop. What belongs to it (requests, timers,
// connections, and the events that they bring) carries its number and is void when the number has changed.
type machine struct {
	phase  phase
	gen    uint64          // the number of the present start, or of the stop since
	ctx    context.Context // of the present start: ends with it
	cancel context.CancelFunc

	build     string    // that handled the last event, or failed to for good
	failures  int       // starts in a row that failed
	restartAt time.Time // of a failed account
}

// newMachine returns an account that has not started.
func newMachine() machine { return machine{phase: phaseIdle, cancel: func() {}} }

// begin is the transition to running, from wherever.
func (m *machine) begin(life context.Context) {
	m.cancel()
	m.gen++
	m.phase, m.restartAt = phaseRunning, time.Time{}
	m.ctx, m.cancel = context.WithCancel(life)
}

// end is the transition to a phase in which nothing is under way.
func (m *machine) end(to phase) {
	m.cancel()
	m.gen++
	m.phase, m.restartAt = to, time.Time{}
}

// fail is the transition of a start that failed. It is made again at restartAt.
func (m *machine) fail(now time.Time) {
	m.end(phaseFailed)
	m.failures++
	m.restartAt = now.Add(restartDelays.Delay(m.failures))
}

// handled notes that a build has handled an event.
func (m *machine) handled(build string) { m.build, m.failures = build, 0 }

// restartDue reports whether a failed account is to start again.
func (m *machine) restartDue(now time.Time) bool {
	return m.phase == phaseFailed && !m.restartAt.After(now)
}

// current reports whether a start goes on; 0 belongs to all.
func (m *machine) current(gen uint64) bool { return gen == 0 || gen == m.gen }

// restarts reports whether a new credential, say, is a reason to start anew.
func (m *machine) restarts() bool {
	return m.phase != phaseOff && m.phase != phaseIdle && m.phase != phaseWaiting
}

// change is what a look at settings and plugins has brought.
type change struct {
	enabled bool
	rest    phase // that of an account which is not enabled
	why     bool  // for another reason than before
	config  bool  // the account's section is another one
	code    bool  // the plugin is here, with a build that has not handled an event of the account
	idle    bool  // nothing is under way that would bring an event
}

// reaction is what follows from a change.
type reaction int

const (
	reactStay reaction = iota
	reactBegin
	reactRest
)

// react decides what follows from a change. New code gets the next event; where none is to be expected the
// account starts anew, and so does one that had stopped.
func (m *machine) react(c change) reaction {
	begin := false
	switch {
	case !c.enabled && (m.phase != c.rest || c.why):
		return reactRest
	case !c.enabled, m.phase == phaseOff, m.phase == phaseWaiting:
	case m.phase == phaseRunning:
		begin = c.config || c.code && m.build != "" && c.idle
	case m.phase == phaseStopped, m.phase == phaseFailed:
		begin = c.config || c.code
	default:
		begin = true
	}
	if begin {
		return reactBegin
	}
	return reactStay
}
