package channel

import (
	"math/rand/v2"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// What unsteady connections wait. One that lasted is not.
const (
	reopenMin = 500 * time.Millisecond
	reopenMax = time.Minute
	lasting   = time.Minute
	maxUnrest = 256
)

// unrest is what an actor remembers of a connection's id that breaks again and again.
type unrest struct {
	times int
	until time.Time
	told  *string // what the account's status says of it
}

// refused reports whether the owner has to do something before another attempt can work. One is made all
// the same, now and then: it may have been a network that gives false addresses.
func refused(err error) bool {
	switch wit.CodeOf(err) {
	case wit.CodeInvalid, wit.CodeForbidden, wit.CodeNotFound, wit.CodeTooLarge:
		return true
	}
	return false
}

// unsettle notes an end and returns how long the id has to wait now. a.mu is held.
func (a *actor) unsettle(id string, err error, refused bool, lived time.Duration) time.Duration {
	if len(a.unrest) >= maxUnrest {
		clear(a.unrest)
	}
	u := a.unrest[id]
	if lived >= lasting {
		u.times = 0
	}
	delay := min(reopenMin<<min(u.times, 10), reopenMax)
	delay = delay/2 + rand.N(delay/2) // those that broke together do not come back together
	if refused {
		delay = reopenMax
	}
	if e := wit.AsError(err); e.RetryAfter != nil {
		delay = max(delay, time.Duration(min(*e.RetryAfter, maxDelay))*time.Millisecond)
	}
	u.times++
	u.until = time.Now().Add(delay)
	a.unrest[id] = u
	return delay
}

// patience is how long an id that broke has to wait still.
func (a *actor) patience(c *connection) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Until(a.unrest[c.id].until)
}

// tell shows the owner that a connection is gone, unless a login or a failure is shown. a.mu is held.
func (a *actor) tell(c *connection, reason string, refused bool) {
	a.report.LastError = reason
	now, u := &a.report.status, a.unrest[c.id]
	well := now.State == wit.ConnectionStateConnected || now.State == wit.ConnectionStateConnecting
	switch {
	case refused:
		now.State = wit.ConnectionStateFailed
	case c.request.Once || !well && now.Message != u.told:
		return
	default:
		now.State = wit.ConnectionStateDisconnected
	}
	u.told, now.Message = &reason, &reason
	a.unrest[c.id] = u
}
