package schedule

import (
	"fmt"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// firingKey is what a handler may use as idempotency key: one due time of one job has one.
func firingKey(j *Job, due int64) string { return fmt.Sprintf("%s:%s:%d", j.Owner, j.ID, due) }

// claim records, before the handler is called, that the job's due time has been taken, and plans the next.
// The second result is false if there is nothing to call.
func claim(tx store.Tx, plans planner, j *Job, force bool) ([]Change, bool, error) {
	now, before := plans.millis(), j.State.NextRunAt
	isDue := before != 0 && before <= now
	switch {
	case force && j.State.Firing != nil:
		return nil, false, wit.Errorf(wit.CodeConflict, "job %q runs already: wait until it is done", j.ID)
	case !force && !isDue:
		return nil, false, nil
	case j.State.Firing != nil && j.Spec.At != 0:
		return nil, false, nil // it stays due until the forced run is done
	case j.State.Firing != nil:
		changes, err := skip(tx, plans, j, now)
		return changes, false, err
	}
	f := Firing{Due: before, Attempt: 1}
	if isDue {
		plans.advance(j, now)
		f.Key = firingKey(j, f.Due)
	} else {
		f.Due, f.Forced = now, true
		f.Key = firingKey(j, now) + ":forced"
	}
	j.State.Firing, j.State.RunningAt = &f, now
	return []Change{started(*j)}, true, save(tx, before, *j)
}

// skip records that a due time came while the job still ran.
func skip(tx store.Tx, plans planner, j *Job, now int64) ([]Change, error) {
	before := j.State.NextRunAt
	run := Run{Due: before, StartedAt: now, Status: Skipped, Error: "the job was still running", Key: firingKey(j, before)}
	plans.advance(j, now)
	run.NextRunAt = j.State.NextRunAt
	if err := record(tx, j, run); err != nil {
		return nil, err
	}
	return []Change{{Action: Finished, Job: *j, Run: &run}}, save(tx, before, *j)
}

func started(j Job) Change {
	f := j.State.Firing
	return Change{Action: Started, Job: j, Run: &Run{Due: f.Due, StartedAt: j.State.RunningAt, Key: f.Key, Forced: f.Forced}}
}

// recordEnd writes the end of a run into its job, and completes the run with the next due time. f.Job is the
// job as it was claimed, j as it is now: a schedule that was changed meanwhile is not over with this run.
func recordEnd(tx store.Tx, j *Job, f Firing, run *Run) ([]Change, error) {
	if j.State.Firing == nil || j.State.Firing.Key != f.Key { // removed and added again while it ran
		return []Change{{Action: Finished, Job: f.Job, Run: run}}, nil
	}
	before := j.State.NextRunAt
	j.State.Firing, j.State.RunningAt = nil, 0
	j.State.LastRunAt, j.State.LastStatus, j.State.LastError, j.State.LastDuration = run.StartedAt, run.Status, run.Error, run.Duration
	// A one-shot is over, unless it was forced and failed: then it still has its own time.
	if j.Spec == f.Job.Spec && j.Spec.At != 0 && (run.Status == OK || !f.Forced) {
		if j.DeleteAfterRun && run.Status == OK {
			j.State.NextRunAt = before // what remove looks for
			done := *j
			done.State.NextRunAt = 0
			return []Change{{Action: Finished, Job: done, Run: run}, {Action: Removed, Job: done}}, remove(tx, *j)
		}
		j.Enabled, j.State.LastDue, j.State.NextRunAt = false, j.Spec.At, 0
	}
	run.NextRunAt = j.State.NextRunAt
	if err := record(tx, j, *run); err != nil {
		return nil, err
	}
	return []Change{{Action: Finished, Job: *j, Run: run}}, save(tx, before, *j)
}
