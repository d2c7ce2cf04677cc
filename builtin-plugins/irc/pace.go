package irc

import (
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Servers count what a client says, and put one out that says too much ("Excess Flood"). A common measure is a few lines at
// once and then one a second; so an account has a bucket of that size, of which each line takes one. Sends of other
// conversations may run meanwhile and take from the same level; that costs a line or two, which the measure has room for.
const (
	burst = 5
	// longestSleep is how long a send waits itself. With more it fails, and is tried again.
	longestSleep = 3 * time.Second
)

// pace waits until lines may be said. The error is rate_limited, with the time after which it is its turn.
func (c *chat) pace(lines int) error {
	interval := c.settings.lineInterval
	if interval <= 0 {
		return nil
	}
	key, now := "pace/"+c.account, time.Now().UnixMilli()
	level := now // when the bucket is full again
	if value, ok, err := c.host.KVGet(key); err == nil && ok {
		if kept, err := strconv.ParseInt(value, 10, 64); err == nil && kept <= now+maxDebt*interval {
			level = max(now, kept)
		}
	}
	wait := max(level+int64(min(lines, burst))*interval-now-burst*interval, 0)
	if wait > longestSleep.Milliseconds() {
		e := wit.NewError(wit.CodeRateLimited, "too much was said on the server lately")
		e.Retryable, e.RetryAfter = true, &wait
		return e
	}
	if err := c.host.KVPut(key, strconv.FormatInt(level+int64(lines)*interval, 10), time.Hour); err != nil {
		c.host.Warn("irc: what was said cannot be remembered: " + err.Error())
	}
	time.Sleep(time.Duration(wait) * time.Millisecond)
	return nil
}

// maxDebt bounds, in lines, what is believed of an earlier level: a clock may have been set back.
const maxDebt = 200
