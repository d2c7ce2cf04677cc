package schedule

import (
	"context"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// claimWait is how long a forced run waits for another gateway that only looks at the job.
const claimWait = 2 * time.Second

// runner is the runs of jobs: it claims them, calls their handlers and records how they ended. What it
// knows is in the records, but for the runs that go on here.
type runner struct {
	records  *records
	handlers *handlers
	claims   claim.Claims
	plans    planner
	life     *lifetime
	here     here
	ended    signal // a run has ended, so there may be room for another
	log      hclog.Logger
}

// here is the jobs that run in this gateway: their firings' keys by their own. The zero value is ready.
type here struct{ sync.Map }

func (h *here) firing(job string) (key string, ok bool) {
	v, ok := h.Load(job)
	if ok {
		key, ok = v.(string)
	}
	return key, ok
}

// start claims a job, records that its due time is taken, with ctx, and calls its handler, with work. A firing
// that nobody carries out any more is taken up first. It does nothing, and returns nil, if the job is not due.
//
// Errors: CodeConflict while another gateway holds the job, or it runs here and is forced; CodeUnavailable when
// nobody can be asked for the claim; CodeNotFound; those of the store.
func (r *runner) start(ctx, work context.Context, owner Owner, id string, force bool) (string, <-chan Run, error) {
	if firing, ok := r.here.firing(key(owner, id)); ok {
		if err := r.overlap(ctx, owner, id, firing, force); err != nil || !force {
			return "", nil, err
		}
	}
	held, release, err := r.claim(work, owner, id, force)
	if err != nil {
		return "", nil, err
	}
	j, begun, err := r.begin(ctx, owner, id, force)
	if err != nil || !begun {
		release()
		return "", nil, err
	}
	return j.State.Firing.Key, r.launch(held, release, j), nil
}

// claim claims a job. What is forced waits a moment for it.
func (r *runner) claim(work context.Context, owner Owner, id string, force bool) (held context.Context, release func(), err error) {
	name := "job/" + string(owner) + "/" + id
	held, release, err = r.claims.Try(work, name)
	if !force || wit.CodeOf(err) != wit.CodeConflict {
		return held, release, err
	}
	ctx, cancel := context.WithCancel(work)
	late := time.AfterFunc(claimWait, cancel)
	held, free, err := r.claims.Claim(ctx, name)
	switch {
	case err == nil && late.Stop():
		return held, func() { free(); cancel() }, nil
	case err == nil:
		free()
	}
	cancel()
	return nil, nil, errRuns(id)
}

// overlap deals with a job that still runs here: a due time that has come is skipped, and what is forced refused.
// It does nothing when the run has just ended, or the job is a new one of the same id, which has to wait.
func (r *runner) overlap(ctx context.Context, owner Owner, id, firing string, force bool) error {
	return r.records.change(ctx, func(tx store.Tx) ([]Change, error) {
		j, err := get(tx, owner, id)
		switch f := j.State.Firing; {
		case err != nil || f == nil || f.Key != firing:
			return nil, err
		case force:
			return nil, errRuns(id)
		}
		return skip(tx, r.plans, &j)
	})
}

func errRuns(id string) error {
	return wit.Errorf(wit.CodeConflict, "job %q runs already, here or in another gateway: wait until it is done", id)
}

// begin records that a claimed job runs from now on. It returns false if there is nothing to call.
func (r *runner) begin(ctx context.Context, owner Owner, id string, force bool) (j Job, begun bool, err error) {
	err = r.records.change(ctx, func(tx store.Tx) (changes []Change, err error) {
		if j, err = get(tx, owner, id); err != nil {
			return nil, err
		}
		if j.State.Firing != nil {
			changes, begun, err = takeUp(tx, r.plans, &j, r.handlers.of(owner.Kind()).Resumable)
			r.log.Warn("job was interrupted", "owner", owner, "job", id, "again", begun)
			if err != nil || begun {
				return changes, err
			}
		}
		more, begins, err := begin(tx, r.plans, &j, force)
		begun = begins
		return append(changes, more...), err
	})
	return j, begun, err
}

// launch calls the handler of a job that was begun. The channel gets the record of the run, when the claim is
// released.
func (r *runner) launch(held context.Context, release func(), j Job) <-chan Run {
	done := make(chan Run, 1) // nobody has to listen
	kind := j.Owner.Kind()
	h := r.handlers.take(kind)
	f := *j.State.Firing
	f.Job = j
	r.here.Store(j.key(), f.Key)
	end := func() {
		r.handlers.release(kind)
		release()
		r.here.Delete(j.key())
		r.ended.raise()
	}
	r.life.spawn(func() {
		run := func() Run {
			defer end()
			return r.carryOut(held, h, f)
		}()
		done <- run
	})
	return done
}

// carryOut calls the handler and records the end, unless somebody goes on with the run later.
func (r *runner) carryOut(held context.Context, h Handler, f Firing) Run {
	res, err := r.call(held, h, f)
	if err != nil && held.Err() != nil && h.Resumable {
		why := "the gateway stops, the job goes on at its next start"
		if claim.Lost(held) {
			why = "the job's claim was lost, who has it now goes on"
		}
		return Run{Due: f.Due, StartedAt: f.Job.State.RunningAt, Status: Failed, Error: why, Key: f.Key} // its state stays as a crash would leave it
	}
	return r.conclude(held, f, res, err)
}

// conclude records the end of a run, and again while the store fails: a job whose end is not recorded is never due
// again. If that goes on until the claim ends, the run is taken up later.
func (r *runner) conclude(held context.Context, f Firing, res Result, cause error) (run Run) {
	if cause != nil {
		r.log.Warn("job failed", "owner", f.Job.Owner, "job", f.Job.ID, "name", f.Job.Name, "error", cause)
	}
	_ = retry.While(held, store.Failed, storeRetry, func() (err error) {
		if run, err = r.finish(f, res, cause); err != nil {
			r.log.Error("recording the end of a job failed", "owner", f.Job.Owner, "job", f.Job.ID, "error", err)
		}
		return err
	})
	return run
}

// call turns a missing handler and a panic into errors.
func (r *runner) call(ctx context.Context, h Handler, f Firing) (res Result, err error) {
	if h.Fire == nil {
		return res, wit.Errorf(wit.CodeUnavailable, "no service runs the jobs of %s", f.Job.Owner)
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
func (r *runner) finish(f Firing, res Result, cause error) (Run, error) {
	run := f.ended(r.plans.millis(), res, cause)
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
		return recordEnd(tx, &j, f, &run, res.Memory)
	})
	return run, err
}

// resume takes up the runs that nobody carries out any more: their gateway has gone, or lost its claim.
func (r *runner) resume(ctx context.Context) error {
	begun, err := r.records.begun(ctx)
	if err != nil {
		return err
	}
	for _, j := range begun {
		if _, here := r.here.firing(j.key()); here {
			continue
		}
		if _, _, err := r.start(ctx, ctx, j.Owner, j.ID, false); err != nil && !passing(err) {
			return err
		}
	}
	return nil
}

// passing reports whether a job that could not be started may be left at that for now: another gateway is at it, or
// it has been removed.
func passing(err error) bool {
	return wit.CodeOf(err) == wit.CodeConflict || wit.CodeOf(err) == wit.CodeNotFound
}

// cut bounds what a handler says to what the history keeps, as valid UTF-8.
func cut(text string) string {
	if len(text) > maxSummary {
		text = text[:maxSummary] + "…"
	}
	return strings.ToValidUTF8(text, "")
}
