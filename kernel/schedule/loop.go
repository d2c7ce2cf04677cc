package schedule

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	// longestSleep bounds how late a job is after the machine slept, since timers sleep with it.
	longestSleep = 30 * time.Second
	// storeRetry is how long Run waits after the store has failed.
	storeRetry = 5 * time.Second
	// clockRepair is how far the clock must go back for due times to be planned anew. Less is the
	// ordinary correction of a clock, after which nothing may run twice.
	clockRepair = time.Hour
	// sweepEvery is how often runs are looked for that another gateway has left.
	sweepEvery = time.Minute
	// looked is how many due jobs are looked at before the loop rests for lookOn: many wait for room where many are due at once.
	looked = 1000
	lookOn = 50 * time.Millisecond
	// lookAgain is when a due job is looked at again that another gateway holds.
	lookAgain = time.Second
)

// signal wakes one waiter. Many raises before it looks are one: it reads the store anyway.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// loop is the timer: it starts what is due and sleeps until the next due time or a signal.
type loop struct {
	records  *records
	handlers *handlers
	plans    planner
	runner   *runner
	wake     signal
	log      hclog.Logger

	last  time.Time // what the wall clock showed at the last look
	swept time.Time // when runs that were left were looked for
	from  string    // where to go on among the due jobs, empty for the earliest
}

// run returns when ctx ends. A store that fails is tried again. First of all it looks for runs that were left.
func (l *loop) run(ctx context.Context) {
	l.last = l.plans.now().Round(0)
	for {
		sleep, err := l.look(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			l.log.Error("due jobs not started, retrying", "error", err)
			sleep = storeRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(sleep):
		case <-l.wake:
			l.from = ""
		}
	}
}

// look does what there is to do now, and returns how long there will be nothing.
func (l *loop) look(ctx context.Context) (time.Duration, error) {
	now := l.plans.now().Round(0) // without the monotonic reading, which would hide that the wall clock was set back
	if now.Before(l.last.Add(-clockRepair)) {
		if err := l.replan(ctx); err != nil {
			return 0, err
		}
	}
	l.plans.watch.look(l.last, now)
	l.last = now
	if time.Since(l.swept) >= sweepEvery {
		if err := l.runner.resume(ctx); err != nil {
			return 0, err
		}
		l.swept = time.Now()
	}
	return l.fireDue(ctx)
}

// insist does something again while the store fails, until ctx ends. The error is that of do.
func (l *loop) insist(ctx context.Context, do func(context.Context) error) error {
	return retry.While(ctx, store.Failed, storeRetry, func() error {
		err := do(ctx)
		if store.Failed(err) && ctx.Err() == nil {
			l.log.Error("jobs not readable, retrying", "error", err)
		}
		return err
	})
}

// fireDue starts what is due and returns how long nothing will be. What another gateway holds is passed over: that
// one carries the firing out, or it is due here still when it is looked at again.
func (l *loop) fireDue(ctx context.Context) (time.Duration, error) {
	now := l.plans.millis()
	due, err := l.records.due(ctx, store.Range{From: l.from, To: dueKey(now+1, ""), Limit: looked})
	if err != nil {
		return 0, err
	}
	longest := longestSleep
	if l.from = ""; len(due) == looked {
		l.from, longest = due[looked-1]+"\x00", lookOn
	}
	for _, k := range due {
		_, owner, id := parseDue(k)
		if !l.handlers.room(owner.Kind()) {
			continue // the end of another run wakes the loop
		}
		switch _, _, err := l.runner.start(ctx, ctx, owner, id, false); {
		case wit.CodeOf(err) == wit.CodeConflict:
			longest = min(longest, lookAgain)
		case l.records.skips.Skip(err): // it stays due, should it be mended
		case err != nil && !passing(err):
			return 0, err
		}
	}
	// Only now: what has been started is planned anew.
	next, err := l.records.due(ctx, store.Range{From: dueKey(now+1, ""), Limit: 1})
	if err != nil || len(next) == 0 {
		return longest, err
	}
	at, _, _ := parseDue(next[0])
	return min(longest, time.Duration(at-now)*time.Millisecond), nil
}

// replan corrects jobs whose times were planned while the clock was far ahead, which is no news to anybody, and enters
// runs that were begun before there was a record of them. It reads all jobs, beside everything else that goes on.
func (l *loop) replan(ctx context.Context) error {
	found, err := l.records.list(ctx, store.Range{}, l.unplanned)
	if err != nil {
		return err
	}
	return l.mend(ctx, found)
}

// unplanned reports whether mend has something to look at in a job.
func (l *loop) unplanned(j Job) bool { return j.State.Firing != nil || l.plans.astray(j) }

// mend is replan for the jobs that were found unplanned.
func (l *loop) mend(ctx context.Context, found []Job) error {
	if len(found) == 0 {
		return nil
	}
	return l.records.change(ctx, func(tx store.Tx) ([]Change, error) {
		for _, j := range found {
			j, err := get(tx, j.Owner, j.ID)
			if wit.CodeOf(err) == wit.CodeNotFound || l.records.skips.Skip(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			before := j.slot()
			if l.plans.astray(j) {
				j.State.LastDue = 0
				l.plans.plan(&j)
			}
			if err := save(tx, before, j); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}
