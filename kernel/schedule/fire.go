package schedule

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Mode says when RunNow runs a job.
type Mode string

// The modes of RunNow.
const (
	Due   Mode = "due"   // only if its time has come
	Force Mode = "force" // in any case, also if it is disabled
)

// RunNow runs a job and returns its record when it is done, or ran false if it was not due. If ctx ends
// first the job goes on, and ran is true beside the error. A forced one-shot that succeeds is over: it is
// not run again at its time.
//
// Errors: CodeNotFound; CodeConflict if it is running already; CodeUnavailable if the scheduler is not.
func (s *Scheduler) RunNow(ctx context.Context, owner Owner, id string, mode Mode) (run Run, ran bool, err error) {
	_, done, err := s.Start(ctx, owner, id, mode)
	if err != nil || done == nil {
		return Run{}, false, err
	}
	select {
	case run = <-done:
		return run, true, nil
	case <-ctx.Done():
		return Run{}, true, wit.Errorf(wit.CodeTimeout, "job %q still runs: %w", id, ctx.Err())
	}
}

// Start is RunNow without the wait: it returns the run's key and a channel that gets its record, or nil
// if the job was not due.
func (s *Scheduler) Start(ctx context.Context, owner Owner, id string, mode Mode) (key string, done <-chan Run, err error) {
	s.mu.Lock()
	work := s.work
	if work != nil {
		s.wait.Add(1) // Run must not end between here and the handler's start
		defer s.wait.Done()
	}
	s.mu.Unlock()
	if work == nil {
		return "", nil, wit.NewError(wit.CodeUnavailable, "the scheduler is not running: try again when the gateway has started")
	}
	return s.start(ctx, work, owner, id, mode == Force)
}

// start claims a job for its due time, with ctx, and calls its handler, with work. It does nothing, and
// returns nil, if the job is not due.
func (s *Scheduler) start(ctx, work context.Context, owner Owner, id string, force bool) (string, <-chan Run, error) {
	var j Job
	claimed := false
	err := s.change(ctx, func(tx store.Tx) (changes []Change, err error) {
		if j, err = get(tx, owner, id); err != nil {
			return nil, err
		}
		changes, claimed, err = s.claim(tx, &j, force)
		return changes, err
	})
	if err != nil || !claimed {
		return "", nil, err
	}
	return j.State.Firing.Key, s.launch(work, j), nil
}

// claim records, before the handler is called, that the job's due time has been taken, and plans the next.
func (s *Scheduler) claim(tx store.Tx, j *Job, force bool) ([]Change, bool, error) {
	now, before := s.millis(), j.State.NextRunAt
	isDue := before != 0 && before <= now
	switch {
	case force && j.State.Firing != nil:
		return nil, false, wit.Errorf(wit.CodeConflict, "job %q runs already: wait until it is done", j.ID)
	case !force && !isDue:
		return nil, false, nil
	case j.State.Firing != nil && j.Spec.At != 0:
		return nil, false, nil // it stays due until the forced run is done
	case j.State.Firing != nil:
		changes, err := s.skip(tx, j, now)
		return changes, false, err
	}
	f := Firing{Due: before, Attempt: 1}
	if isDue {
		s.advance(j, now)
		f.Key = fmt.Sprintf("%s:%s:%d", j.Owner, j.ID, f.Due)
	} else {
		f.Due, f.Forced = now, true
		f.Key = fmt.Sprintf("%s:%s:%d:forced", j.Owner, j.ID, now)
	}
	j.State.Firing, j.State.RunningAt = &f, now
	return []Change{started(*j)}, true, save(tx, before, *j)
}

// advance sets the next due time after the one that is due. It is after now too, so that many missed
// times are one, and after the due time, should the clock have gone back a little.
func (s *Scheduler) advance(j *Job, now int64) {
	j.State.LastDue = j.State.NextRunAt
	j.State.NextRunAt = j.Spec.next(max(now, j.State.LastDue), j.CreatedAt, s.zone)
}

// skip records that a due time came while the job still ran.
func (s *Scheduler) skip(tx store.Tx, j *Job, now int64) ([]Change, error) {
	before := j.State.NextRunAt
	run := Run{Due: before, StartedAt: now, Status: Skipped, Error: "the job was still running", Key: fmt.Sprintf("%s:%s:%d", j.Owner, j.ID, before)}
	s.advance(j, now)
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

// launch calls the handler of a claimed job. The channel gets the record of the run.
func (s *Scheduler) launch(ctx context.Context, j Job) <-chan Run {
	done := make(chan Run, 1)
	kind := j.Owner.Kind()
	s.mu.Lock()
	s.busy[kind]++
	h := s.handlers[kind]
	s.wait.Add(1)
	s.mu.Unlock()
	f := *j.State.Firing
	f.Job = j
	go func() {
		defer s.wait.Done()
		summary, err := s.call(ctx, h, f)
		defer func() {
			s.mu.Lock()
			s.busy[kind]--
			s.mu.Unlock()
			s.nudge()
		}()
		if err != nil && ctx.Err() != nil && h.Resumable {
			done <- Run{Due: f.Due, StartedAt: j.State.RunningAt, Status: Failed, Error: "the gateway stops, the job goes on at its next start", Key: f.Key}
			return // its state stays as a crash would leave it
		}
		run, err := s.finish(f, j.State.RunningAt, summary, err)
		if err != nil {
			s.log.Error("recording the end of a job failed", "owner", j.Owner, "job", j.ID, "error", err)
		}
		done <- run
	}()
	return done
}

// call turns a missing handler and a panic into errors.
func (s *Scheduler) call(ctx context.Context, h Handler, f Firing) (summary string, err error) {
	if h.Fire == nil {
		return "", wit.Errorf(wit.CodeUnavailable, "no service runs the jobs of %s", f.Job.Owner)
	}
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("job handler panicked", "panic", r, "stack", string(debug.Stack()))
			err = wit.Errorf(wit.CodeInternal, "the job's handler panicked: %v", r)
		}
	}()
	return h.Fire(ctx, f)
}

// finish records the end of a run, also while the gateway stops.
func (s *Scheduler) finish(f Firing, startedAt int64, summary string, cause error) (Run, error) {
	now := s.millis()
	run := Run{Due: f.Due, StartedAt: startedAt, Duration: max(now-startedAt, 0), Status: OK, Summary: cut(summary), Key: f.Key, Forced: f.Forced}
	if cause != nil {
		run.Status, run.Error = Failed, cut(cause.Error())
		s.log.Warn("job failed", "owner", f.Job.Owner, "job", f.Job.ID, "name", f.Job.Name, "error", cause)
	}
	err := s.change(context.Background(), func(tx store.Tx) ([]Change, error) {
		j, err := get(tx, f.Job.Owner, f.Job.ID)
		if wit.CodeOf(err) == wit.CodeNotFound { // removed while it ran
			j = f.Job
			j.State.NextRunAt, j.State.RunningAt, j.State.Firing = 0, 0, nil
			return []Change{{Action: Finished, Job: j, Run: &run}}, nil
		}
		if err != nil {
			return nil, err
		}
		return s.recordEnd(tx, &j, f, &run)
	})
	return run, err
}

// recordEnd writes the end of a run into its job.
func (s *Scheduler) recordEnd(tx store.Tx, j *Job, f Firing, run *Run) ([]Change, error) {
	if j.State.Firing == nil || j.State.Firing.Key != f.Key { // removed and added again while it ran
		return []Change{{Action: Finished, Job: f.Job, Run: run}}, nil
	}
	before := j.State.NextRunAt
	j.State.Firing, j.State.RunningAt = nil, 0
	j.State.LastRunAt, j.State.LastStatus, j.State.LastError, j.State.LastDuration = run.StartedAt, run.Status, run.Error, run.Duration
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

// record appends to the job's history and drops what is too old. The caller saves the job.
func record(tx store.Tx, j *Job, run Run) error {
	j.State.Runs++
	err := runs.Put(tx, runKey(j.key(), j.State.Runs), run)
	if j.State.Runs > MaxRuns {
		err = errors.Join(err, runs.Delete(tx, runKey(j.key(), j.State.Runs-MaxRuns)))
	}
	return err
}

func cut(text string) string {
	if len(text) > maxSummary {
		text = text[:maxSummary] + "…"
	}
	return strings.ToValidUTF8(text, "")
}
