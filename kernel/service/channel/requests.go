package channel

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of the requests that a plugin asked for.
const (
	maxRunning = 16 // at the same time
	maxQueued  = 64 // that wait for a slot
)

// A response that comes at once and brings nothing is an empty poll. So many of them in a row are let be; the
// requests after them wait, so that a server which does not hold a long poll is not asked without end.
const (
	quick         = 100 * time.Millisecond
	maxEmptyPolls = 50
)

var (
	emptyPollDelays = retry.Backoff{Min: 2 * time.Millisecond, Max: time.Second}
	// failureDelays hold requests back from the second failure in a row on, so that a plugin that asks again at
	// once does not spin. The plugin hears of each failure at once, and its own pause runs meanwhile.
	failureDelays = retry.Backoff{Min: 250 * time.Millisecond, Max: comeback, Jitter: true}
)

// query is one request, with the code that asked for it.
type query struct {
	plugin  Plugin
	request *wit.HTTPRequest
}

// requests are those of an account's present start: a request has a slot from its begin until its response
// is in the mailbox. The loop owns them.
type requests struct {
	running    int
	waiting    []query
	failures   int       // in a row without an answer
	failedAt   time.Time // the last of them
	resumeAt   time.Time // no request is made before, since they failed
	emptyPolls int       // in a row
}

// admission is what becomes of a request.
type admission int

const (
	admitNow admission = iota // it has a slot
	admitLater
	admitNever
)

func (r *requests) admit(q query) admission {
	switch {
	case r.running < maxRunning:
		r.running++
		return admitNow
	case len(r.waiting) < maxQueued:
		r.waiting = append(r.waiting, q)
		return admitLater
	}
	return admitNever
}

// release frees a slot and returns the request that gets it, if one waits.
func (r *requests) release() (q query, ok bool) {
	if len(r.waiting) == 0 {
		r.running--
		return query{}, false
	}
	q = r.waiting[0]
	if r.waiting = r.waiting[1:]; len(r.waiting) == 0 {
		r.waiting = nil
	}
	return q, true
}

// failed counts a request without an answer, which took so long. Those that were under way together failed together.
func (r *requests) failed(took time.Duration, now time.Time) {
	if now.Add(-took).Before(r.failedAt) {
		return
	}
	r.failures++
	r.failedAt, r.resumeAt = now, now.Add(failureDelays.Delay(r.failures-1))
}

// answered ends a row of failures.
func (r *requests) answered() { r.failures, r.resumeAt = 0, time.Time{} }

// yielded counts what a response brought.
func (r *requests) yielded(took time.Duration, messages int) {
	if took < quick && messages == 0 {
		r.emptyPolls++
	} else {
		r.emptyPolls = 0
	}
}

// slowdown is how long the next request waits.
func (r *requests) slowdown(now time.Time) time.Duration {
	return max(emptyPollDelays.Delay(r.emptyPolls-maxEmptyPolls), r.resumeAt.Sub(now))
}

func (r *requests) idle() bool { return r.running == 0 && len(r.waiting) == 0 }

// clear forgets all of them; those under way end with their start.
func (r *requests) clear() { *r = requests{} }
