package channel

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// attempts is how often an event is handled before it is a dead letter: once, and three times again.
const attempts = 4

// attemptDelays are 1, 2 and 4 seconds.
var attemptDelays = retry.Backoff{Min: time.Second, Max: 4 * time.Second}

// storeDelay is what is waited for a store that fails.
const storeDelay = time.Second

// blame is whose failure an attempt's error is.
type blame int

const (
	blamePlugin   blame = iota
	blameReplaced       // the plugin's, but other code is in its place now: the old one, or a newer one
	blameAbsence        // the plugin cannot be called now; nobody is to blame
	blameStore
	blameStop // the gateway stops
)

// stage is what is done with an event.
type stage int

const (
	stageHandle stage = iota // it is given to the plugin, and its answer committed
	stageSkip                // it failed for good: the plugin is asked for the state that steps over it
	stageRecord              // it becomes a dead letter
)

// step is what to do with an event whose attempt failed.
type step int

const (
	stepAgain   step = iota // at once, or at the trial's resumeAt
	stepPutBack             // it is the next event when there is a plugin again
	stepRefuse              // who waits hears the error, and nothing is kept
	stepFail                // the start has failed
	stepSkip                // it goes to stageSkip
)

// trial is one event on its way to being handled or given up.
type trial struct {
	in       *input
	behind   []*input // that may be handled with it, in its first attempt
	stage    stage
	failures int       // attempts that the plugin failed
	resumeAt time.Time // the end of a pause; zero when there is none
	cause    error     // the failure that it is given up for
	next     *inbox.State
}

// failed decides what follows an attempt that failed. wanted is false when the event's start is over, or its
// account stopped: then nothing is tried any more.
func (t *trial) failed(b blame, wanted bool, now time.Time) step {
	t.resumeAt = time.Time{}
	switch {
	case b == blameStop || !wanted:
		return stepRefuse
	case b == blameAbsence:
		return stepPutBack
	case b == blameStore && t.in.event.Kind == wit.EventKindWebhook:
		return stepRefuse // the platform sends it again
	case b == blameStore:
		t.resumeAt = now.Add(storeDelay)
		return stepAgain
	case b == blameReplaced:
		t.failures = 0
		return stepAgain
	}
	t.failures++
	switch {
	case t.in.once():
		return stepRefuse
	case t.failures < attempts:
		t.resumeAt = now.Add(attemptDelays.Delay(t.failures))
		return stepAgain
	case t.in.event.Kind == wit.EventKindStart:
		return stepFail
	}
	return stepSkip
}

// paused reports whether the trial waits for a time that has not come.
func (t *trial) paused(now time.Time) bool { return t.resumeAt.After(now) }
