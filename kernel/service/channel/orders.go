package channel

import (
	"bytes"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// configure gives an account its settings and has it look at its plugin again.
type configure struct{ settings Account }

func (o configure) carryOut(l *loop) error {
	p, here := l.plugins.Channel(l.id.Channel)
	if l.machine.phase == phaseRunning && !o.settings.Told && bytes.Equal(l.settings.Config, o.settings.Config) {
		o.settings.Fault = "" // it is the plugin that has changed: one that cannot handle an event is rolled back
	}
	c := change{
		enabled: o.settings.rest() == "", rest: o.settings.rest(), why: o.settings.Fault != l.settings.Fault, config: !bytes.Equal(l.settings.Config, o.settings.Config),
		code: here && l.machine.build != p.Build(), idle: l.idle(),
	}
	l.settings, l.removed, l.leaveAt = o.settings, false, time.Time{}
	switch l.machine.react(c) {
	case reactBegin:
		l.begin()
	case reactRest:
		l.rest(o.settings)
	}
	return nil
}

// rest stops an account that is not to run, and says why where that is a mistake.
func (l *loop) rest(settings Account) {
	var why *wit.AccountStatus
	if settings.Fault != "" {
		why = &wit.AccountStatus{State: wit.ConnectionStateFailed, Message: &settings.Fault}
	}
	l.stop(settings.rest(), why)
	l.publish()
}

// remove stops an account that is no longer configured. Its loop stays, so that there are never two of one
// account.
type remove struct{}

func (remove) carryOut(l *loop) error {
	l.stop(phaseDisabled, nil)
	l.removed = true
	l.publish()
	return nil
}

// absentFor is how long a plugin may be away before its accounts are left to other gateways; an upgrade is quicker.
const absentFor = time.Minute

// absent notes that the plugin of an account is away.
type absent struct{}

func (absent) carryOut(l *loop) error {
	if l.leaveAt.IsZero() && l.machine.phase.claims() {
		l.leaveAt = time.Now().Add(absentFor)
	}
	return nil
}

// start starts an account that does not run. CodeInvalid for one that is disabled or cannot run with its settings, CodeUnavailable for one that waits
// for its claim.
type start struct{}

func (start) carryOut(l *loop) error {
	switch {
	case l.settings.Fault != "":
		return wit.Errorf(wit.CodeInvalid, "account %s cannot run with its settings: %s", l.id, l.settings.Fault)
	case !l.settings.Enabled:
		return wit.Errorf(wit.CodeInvalid, "account %s is disabled in the settings: enable it there", l.id)
	case l.machine.phase == phaseWaiting:
		return l.refusal()
	case l.machine.phase != phaseRunning:
		l.begin()
		if !l.bench.worker.callable() {
			return absent{}.carryOut(l)
		}
	}
	return nil
}

// restart starts an account anew that has not started since, unless it is disabled or the owner has stopped it.
type restart struct{ since Mark }

func (o restart) carryOut(l *loop) error {
	if l.settings.rest() == "" && l.machine.restarts() && l.started <= o.since {
		l.begin()
	}
	return nil
}

// resume starts an account that stopped at an event.
type resume struct{}

func (resume) carryOut(l *loop) error {
	if l.machine.phase == phaseStopped {
		l.begin()
	}
	return nil
}

// stop stops an account until it is started again or the gateway is.
type stop struct{}

func (stop) carryOut(l *loop) error {
	l.stop(phaseOff, &wit.AccountStatus{State: wit.ConnectionStateDisconnected})
	l.publish()
	return nil
}

// deliver puts a webhook, a command or a replay in the mailbox. CodeUnavailable when the account does not
// take it now.
type deliver struct{ in *input }

func (o deliver) carryOut(l *loop) error {
	switch {
	case l.machine.phase == phaseWaiting:
		return l.refusal()
	case !l.bench.worker.callable():
		return wit.Errorf(wit.CodeUnavailable, "channel %s is not loaded now: see plugins.status", l.id.Channel)
	case !l.wanted(o.in):
		return wit.Errorf(wit.CodeUnavailable, "account %s is not running: start it first", l.id)
	case !l.mail.room(o.in.origin):
		return wit.Errorf(wit.CodeUnavailable, "account %s has too much to do now", l.id)
	}
	l.mail.put(o.in)
	return nil
}

// probed notes that the owner asked how the account is.
type probed struct{}

func (probed) carryOut(l *loop) error {
	l.report.lastProbeAt = time.Now().UnixMilli()
	return nil
}
