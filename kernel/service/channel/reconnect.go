package channel

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/wit"
)

// comeback is how long an account may take at most to find that a platform which it could not reach is back. To ask
// one that is away costs next to nothing.
const comeback = 5 * time.Second

// Those that broke together do not come back together.
var (
	// reopenDelays are what a connection that breaks waits.
	reopenDelays = retry.Backoff{Min: 500 * time.Millisecond, Max: time.Minute, Jitter: true}
	// dialDelays are what one waits whose other side cannot be reached, or is not ready.
	dialDelays = retry.Backoff{Min: 500 * time.Millisecond, Max: comeback, Jitter: true}
)

const (
	// lasting is how long a connection lives that was a good one: there are routers and proxies that end each after half a minute, and
	// behind those an account is not to be deaf for longer and longer.
	lasting   = 10 * time.Second
	maxBreaks = 256 // ids that are remembered
)

// breaks is what is remembered of a connection's id that breaks again and again.
type breaks struct {
	failures int       // ends in a row of what did not last
	missed   int       // attempts in a row that reached nobody
	until    time.Time // it is not opened before
	told     *string   // what the account's status says of it
}

// reconnects is the back-off of an account's connections, by their ids. The loop owns it.
type reconnects map[string]breaks

// broke notes an end and returns how long the id has to wait now.
func (r reconnects) broke(id string, err error, lived time.Duration, now time.Time) time.Duration {
	if len(r) >= maxBreaks {
		clear(r)
	}
	b := r[id]
	var delay time.Duration
	switch {
	case lived == 0 && refused(err):
		delay = reopenDelays.Max
	case lived == 0 && away(err):
		b.missed++
		delay = dialDelays.Delay(b.missed)
	default:
		if b.missed = 0; lived >= lasting {
			b.failures = 0
		}
		b.failures++
		delay = reopenDelays.Delay(b.failures)
	}
	delay = max(delay, retry.Asked(wit.AsError(err).RetryAfter, maxDelay))
	b.until = now.Add(delay)
	r[id] = b
	return delay
}

// refused reports whether the owner has to do something before another attempt to dial can work. One is made
// all the same, now and then: it may have been a network that gives false addresses.
func refused(err error) bool {
	switch wit.CodeOf(err) {
	case wit.CodeInvalid, wit.CodeForbidden, wit.CodeNotFound, wit.CodeTooLarge:
		return true
	}
	return false
}

// away reports whether nobody answered an attempt to dial, or somebody that they are not ready.
func away(err error) bool {
	code := wit.CodeOf(err)
	return code == wit.CodeUnavailable || code == wit.CodeTimeout
}

// lost shows the owner that a connection is gone, unless a login or a failure is shown.
func (r reconnects) lost(c *connection, now *report, reason string, refused bool) {
	now.lastError = reason
	b := r[c.id]
	state := now.status.State
	well := state == wit.ConnectionStateConnected || state == wit.ConnectionStateConnecting
	switch {
	case refused:
		now.status.State = wit.ConnectionStateFailed
	case c.request.Once || !well && now.status.Message != b.told:
		return
	default:
		now.status.State = wit.ConnectionStateDisconnected
	}
	b.told, now.status.Message = &reason, &reason
	r[c.id] = b
}

// restored takes back what lost has shown, and reports whether it did.
func (r reconnects) restored(id string, now *report) bool {
	told := r[id].told
	if told == nil || now.status.Message != told {
		return false
	}
	now.status.State, now.status.Message = wit.ConnectionStateConnected, nil
	return true
}
