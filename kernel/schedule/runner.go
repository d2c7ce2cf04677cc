package schedule

import (
	"context"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// runner is the runs of jobs: it claims them, calls their handlers and records how they ended. What it
// knows is in the records; it keeps nothing itself.
type runner struct {
	records  *records
	handlers *handlers
	plans    planner
	life     *lifetime
	ended    signal // a run has ended, so there may be room for another
	log      hclog.Logger
}

// start claims a job for its due time, with ctx, and calls its handler, with work. It does nothing, and
// returns nil, if the job is not due.
func (r *runner) start(ctx, work context.Context, owner Owner, id string, force bool) (string, <-chan Run, error) {
	var j Job
	claimed := false
	err := r.records.change(ctx, func(tx store.Tx) (changes []Change, err error) {
		if j, err = get(tx, owner, id); err != nil {
			return nil, err
		}
		changes, claimed, err = claim(tx, r.plans, &j, force)
		return changes, err
	})
	if err != nil || !claimed {
		return "", nil, err
	}
	return j.State.Firing.Key, r.launch(work, j), nil
}

// launch calls the handler of a claimed job. The channel gets the record of the run.
func (r *runner) launch(ctx context.Context, j Job) <-chan Run {
	done := make(chan Run, 1) // nobody has to listen
	kind := j.Owner.Kind()
	h := r.handlers.take(kind)
	f := *j.State.Firing
	f.Job = j
	r.life.spawn(func() {
		summary, err := r.call(ctx, h, f)
		defer func() {
			r.handlers.release(kind)
			r.ended.raise()
		}()
		if err != nil && ctx.Err() != nil && h.Resumable {
			done <- Run{Due: f.Due, StartedAt: j.State.RunningAt, Status: Failed, Error: "the gateway stops, the job goes on at its next start", Key: f.Key}
			return // its state stays as a crash would leave it
		}
		done <- r.conclude(ctx, f, j.State.RunningAt, summary, err)
	})
	return done
}

// conclude records the end of a run, and again while the store fails: a job whose end is not recorded is never due
// again. If that goes on until the gateway stops, the run is continued at the next start.
func (r *runner) conclude(ctx context.Context, f Firing, startedAt int64, summary string, cause error) (run Run) {
	if cause != nil {
		r.log.Warn("job failed", "owner", f.Job.Owner, "job", f.Job.ID, "name", f.Job.Name, "error", cause)
	}
	_ = retry.While(ctx, store.Failed, storeRetry, func() (err error) {
		if run, err = r.finish(f, startedAt, summary, cause); err != nil {
			r.log.Error("recording the end of a job failed", "owner", f.Job.Owner, "job", f.Job.ID, "error", err)
		}
		return err
	})
	return run
}

// call turns a missing handler and a panic into errors.
func (r *runner) call(ctx context.Context, h Handler, f Firing) (summary string, err error) {
	if h.Fire == nil {
		return "", wit.Errorf(wit.CodeUnavailable, "no service runs the jobs of %s", f.Job.Owner)
	}
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("job handler panicked", "panic", p, "stack", string(debug.Stack()))
			err = wit.Errorf(wit.CodeInternal, "the job's handler panicked: %v", p)
		}
	}()
	return h.Fire(ctx, f)
}

// finish records the end of a run, also while the gateway stops: hence no context of the caller's.
func (r *runner) finish(f Firing, startedAt int64, summary string, cause error) (Run, error) {
	now := r.plans.millis()
	run := Run{Due: f.Due, StartedAt: startedAt, Duration: max(now-startedAt, 0), Status: OK, Summary: cut(summary), Key: f.Key, Forced: f.Forced}
	if cause != nil {
		run.Status, run.Error = Failed, cut(cause.Error())
	}
	err := r.records.change(context.Background(), func(tx store.Tx) ([]Change, error) {
		j, err := get(tx, f.Job.Owner, f.Job.ID)
		if wit.CodeOf(err) == wit.CodeNotFound { // removed while it ran
			j = f.Job
			j.State.NextRunAt, j.State.RunningAt, j.State.Firing = 0, 0, nil
			return []Change{{Action: Finished, Job: j, Run: &run}}, nil
		}
		if err != nil {
			return nil, err
		}
		return recordEnd(tx, &j, f, &run)
	})
	return run, err
}

// resume continues the runs that a crash or a shutdown interrupted. insist does each part of it until the store lets
// it, so that no run is continued twice.
func (r *runner) resume(ctx context.Context, insist func(context.Context, func(context.Context) error) error) error {
	var interrupted []Job
	err := insist(ctx, func(ctx context.Context) (err error) {
		interrupted, err = r.records.list(ctx, store.Range{}, func(j Job) bool { return j.State.Firing != nil })
		return err
	})
	for _, j := range interrupted {
		if err == nil {
			err = insist(ctx, func(ctx context.Context) error { return r.rerun(ctx, j) })
		}
	}
	return err
}

// rerun calls the handler once more for an interrupted run, or records that the run cannot be resumed. The
// attempt is counted before the call: a job that brings the gateway down does so maxAttempts times at most.
func (r *runner) rerun(ctx context.Context, j Job) error {
	f := *j.State.Firing
	if h := r.handlers.of(j.Owner.Kind()); !h.Resumable || f.Attempt >= maxAttempts {
		f.Job = j
		_, err := r.finish(f, j.State.RunningAt, "", wit.NewError(wit.CodeUnavailable, "interrupted: the gateway stopped while the job ran"))
		return err
	}
	f.Attempt++
	err := r.records.change(ctx, func(tx store.Tx) ([]Change, error) {
		var err error
		if j, err = get(tx, j.Owner, j.ID); err != nil {
			return nil, err
		}
		j.State.Firing, j.State.RunningAt = &f, r.plans.millis()
		return []Change{started(j)}, save(tx, j.State.NextRunAt, j)
	})
	if err == nil {
		r.launch(ctx, j)
	}
	return err
}

// cut bounds what a handler says to what the history keeps, as valid UTF-8.
func cut(text string) string {
	if len(text) > maxSummary {
		text = text[:maxSummary] + "…"
	}
	return strings.ToValidUTF8(text, "")
}
