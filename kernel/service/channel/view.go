package channel

import (
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// view is an account as its loop last showed it. It does not change, so anybody may read it.
type view struct {
	id       message.Account
	settings Account
	phase    phase
	failures int // starts in a row that failed
	removed  bool
	report   report
}

// ready returns nil when messages can be sent through the account. One that stopped at an event still sends.
func (v *view) ready() error {
	state := v.report.status.State
	switch {
	case v.phase == phaseOff, v.phase == phaseDisabled, v.phase == phaseIdle, v.phase == phaseWaiting:
		return v.phase.refusal(v.id, v.report.status)
	case v.phase == phaseFailed, v.phase == phaseRunning && state == wit.ConnectionStateFailed:
		return wit.Errorf(wit.CodeUnavailable, "account %s has failed: see channels.status", v.id)
	case state == wit.ConnectionStateNeedsLogin:
		return wit.Errorf(wit.CodeUnavailable, "account %s needs a login", v.id)
	case v.phase == phaseRunning && !v.report.started:
		return wit.Errorf(wit.CodeUnavailable, "account %s is starting", v.id)
	}
	return nil
}

// changed is the view as an event.
func (v *view) changed(redact func(string) string) Changed {
	c := Changed{Channel: v.id.Channel, Account: v.id.ID, State: v.report.status.State, Phase: string(v.phase)}
	if m := v.report.status.Message; m != nil {
		c.Message = redact(*m)
	}
	return c
}
