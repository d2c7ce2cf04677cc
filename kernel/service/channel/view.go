package channel

import (
	"time"

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
	attached bool // a connection is open
	state    keeper
	outlets  map[string]*outlet // of the open connections
}

// ready returns nil when messages can be sent through the account. One that stopped at an event still sends.
func (v *view) ready() error {
	state := v.report.status.State
	switch {
	case v.phase == phaseOff, v.phase == phaseDisabled, v.phase == phaseIdle, v.phase == phaseWaiting, v.phase == phaseInvalid:
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
	c.Login = v.report.status.Login != nil
	return c
}

// meant reports whether the account is to be connected by this gateway: neither its owner has switched it off, nor does
// another gateway run it.
func (v *view) meant() bool {
	switch v.phase {
	case phaseOff, phaseDisabled:
		return false
	case phaseWaiting:
		return v.report.status.State == wit.ConnectionStateFailed
	}
	return true
}

// silence is for how long the platform was not heard of. While a connection is open it is asked whether it is there.
func (v *view) silence(now time.Time) time.Duration {
	if v.attached && v.report.connectedAt != 0 {
		return 0
	}
	return max(now.Sub(time.UnixMilli(v.report.lastHeardAt)), 0)
}
