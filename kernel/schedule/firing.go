package schedule

import (
	"encoding/json"
	"fmt"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// firingKey is what a handler may use as idempotency key: one due time of one job has one.
func firingKey(j *Job, due int64) string { return fmt.Sprintf("%s:%s:%d", j.Owner, j.ID, due) }

// begin records, before the handler is called, that the job's due time has been taken, and plans the next. The job
// is claimed and does not run. The second result is false if there is nothing to call.
func begin(tx store.Tx, plans planner, j *Job, force bool) ([]Change, bool, error) {
	now, before := plans.millis(), j.slot()
	changes, err := leaveOut(tx, plans, j, now)
	if err != nil {
		return nil, false, err
	}
	due := j.State.NextRunAt
	isDue := due != 0 && due <= now
	if !force && !isDue {
		if changes != nil {
			err = save(tx, before, *j)
		}
		return changes, false, err
	}
	f := Firing{Due: due, Attempt: 1}
	if isDue {
		plans.advance(j, now)
		f.Key = firingKey(j, f.Due)
	} else {
		f.Due, f.Forced = now, true
		f.Key = firingKey(j, now) + ":forced"
	}
	j.State.Firing, j.State.RunningAt = &f, now
	return append(changes, started(*j)), true, save(tx, before, *j)
}

// leaveOut passes over the due times that were missed and are not to be run, and records that. The caller saves the
// job, unless there is no change.
func leaveOut(tx store.Tx, plans planner, j *Job, now int64) ([]Change, error) {
	due := j.State.NextRunAt
	if !plans.missed(*j) {
		return nil, nil
	}
	next := plans.resume(*j)
	if next == due {
		return nil, nil
	}
	j.State.LastDue, j.State.NextRunAt = due, next
	if j.Spec.At != 0 {
		j.Enabled = false
	}
	run := Run{
		Due: due, StartedAt: now, Status: Skipped, Key: firingKey(j, due), NextRunAt: next,
		Error: "missed while the gateway was down or asleep, and not to be made up for",
	}
	if err := record(tx, j, run); err != nil {
		return nil, err
	}
	return []Change{{Action: Finished, Job: *j, Run: &run}}, nil
}

// skip records that a due time came while the job still ran. A one-shot stays due until its forced run is done, and so
// does what is to wait.
func skip(tx store.Tx, plans planner, j *Job) ([]Change, error) {
	now, before := plans.millis(), j.slot()
	waits := j.Spec.At != 0 || j.Policy.Overlap == OverlapQueue || plans.catchesUp(*j)
	if before.due == 0 || before.due > now || waits {
		return nil, nil
	}
	run := Run{Due: before.due, StartedAt: now, Status: Skipped, Error: "the job was still running", Key: firingKey(j, before.due)}
	plans.advance(j, now)
	run.NextRunAt = j.State.NextRunAt
	if err := record(tx, j, run); err != nil {
		return nil, err
	}
	return []Change{{Action: Finished, Job: *j, Run: &run}}, save(tx, before, *j)
}

// takeUp deals with a firing whose gateway has gone or lost its claim: it is to be called once more, or recorded as
// interrupted. The attempt is counted before the call: a job that brings the gateway down does so maxAttempts
// times at most. The second result is false if there is nothing to call.
func takeUp(tx store.Tx, plans planner, j *Job, resumable bool) ([]Change, bool, error) {
	f := *j.State.Firing
	if !resumable || f.Attempt >= maxAttempts {
		f.Job = *j
		run := f.ended(plans.millis(), Result{}, wit.NewError(wit.CodeUnavailable, "interrupted: the gateway stopped while the job ran"))
		changes, err := recordEnd(tx, j, f, &run, nil)
		return changes, false, err
	}
	f.Attempt++
	j.State.Firing, j.State.RunningAt = &f, plans.millis()
	return []Change{started(*j)}, true, save(tx, j.slot(), *j)
}

// ended is the record of a run that has its end now. f.Job is the job as it was begun.
func (f Firing) ended(now int64, res Result, cause error) Run {
	began := f.Job.State.RunningAt
	run := Run{Due: f.Due, StartedAt: began, Duration: max(now-began, 0), Status: OK, Summary: cut(res.Summary), Key: f.Key, Forced: f.Forced}
	run.Details = keepable(res.Details)
	if cause != nil {
		run.Status, run.Error = Failed, cut(cause.Error())
	}
	return run
}

// keepable is JSON of a handler's own that can be kept, else nil.
func keepable(raw json.RawMessage) json.RawMessage {
	if len(raw) <= maxDetails && json.Valid(raw) {
		return raw
	}
	return nil
}

func started(j Job) Change {
	f := j.State.Firing
	return Change{Action: Started, Job: j, Run: &Run{Due: f.Due, StartedAt: j.State.RunningAt, Key: f.Key, Forced: f.Forced}}
}

// recordEnd writes the end of a run into its job, and completes the run with the next due time. f.Job is the
// job as it was begun, j as it is now: a schedule that was changed meanwhile is not over with this run.
func recordEnd(tx store.Tx, j *Job, f Firing, run *Run, memory json.RawMessage) ([]Change, error) {
	// It was removed and added again while it ran, or, its claim being lost, taken up by somebody else.
	if now := j.State.Firing; now == nil || now.Key != f.Key || now.Attempt != f.Attempt {
		return []Change{{Action: Finished, Job: f.Job, Run: run}}, nil
	}
	before := j.slot()
	j.State.Firing, j.State.RunningAt = nil, 0
	j.State.LastRunAt, j.State.LastStatus, j.State.LastError, j.State.LastDuration = run.StartedAt, run.Status, run.Error, run.Duration
	if j.State.Failures++; run.Status != Failed {
		j.State.Failures = 0
	}
	if kept := keepable(memory); kept != nil {
		j.State.Memory = kept
	}
	// A one-shot is over, unless it was forced and failed: then it still has its own time.
	if j.Spec == f.Job.Spec && j.Spec.At != 0 && (run.Status == OK || !f.Forced) {
		if j.DeleteAfterRun && run.Status == OK {
			if err := record(tx, j, *run); err != nil {
				return nil, err
			}
			done := *j
			done.State.NextRunAt = 0
			return []Change{{Action: Finished, Job: done, Run: run}, {Action: Removed, Job: done}}, retire(tx, done, before)
		}
		j.Enabled, j.State.LastDue, j.State.NextRunAt = false, j.Spec.At, 0
	}
	run.NextRunAt = j.State.NextRunAt
	if err := record(tx, j, *run); err != nil {
		return nil, err
	}
	return []Change{{Action: Finished, Job: *j, Run: run}}, save(tx, before, *j)
}
