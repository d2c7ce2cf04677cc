package schedule

import (
	"context"
	"strings"
	"time"

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
)

// Run runs jobs until ctx ends and every handler has returned. First it deals with what the last run left:
// interrupted jobs, then missed ones. It is called once. Errors: CodeConflict if it is running already; those
// of the store at the start.
func (s *Scheduler) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.work != nil {
		s.mu.Unlock()
		return wit.NewError(wit.CodeConflict, "the scheduler is already running")
	}
	s.work = ctx
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.work = nil // before the wait, so that no RunNow starts after it
		s.mu.Unlock()
		s.wait.Wait()
	}()
	err := s.replan(ctx)
	if err == nil {
		err = s.resume(ctx)
	}
	if ctx.Err() != nil {
		return nil // the rest is dealt with at the next start
	}
	if err != nil {
		return err
	}
	s.loop(ctx)
	return nil
}

func (s *Scheduler) loop(ctx context.Context) {
	last := s.now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.wake:
		}
		err := error(nil)
		if now := s.now(); now.Round(0).Before(last.Round(0).Add(-clockRepair)) {
			err = s.replan(ctx)
		}
		last = s.now()
		var sleep time.Duration
		if err == nil {
			sleep, err = s.fireDue(ctx)
		}
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			s.log.Error("reading due jobs failed, retrying", "error", err)
			sleep = storeRetry
		}
		timer.Reset(sleep)
	}
}

// fireDue starts what is due and returns how long nothing will be.
func (s *Scheduler) fireDue(ctx context.Context) (time.Duration, error) {
	now := s.millis()
	due, err := s.due(ctx, store.Range{To: dueKey(now+1, "")})
	if err != nil {
		return 0, err
	}
	for _, k := range due {
		owner, id, _ := strings.Cut(k[16:], "\x00")
		if !s.room(Owner(owner).Kind()) {
			continue // the end of another run wakes the loop
		}
		if _, _, err := s.start(ctx, ctx, Owner(owner), id, false); err != nil && wit.CodeOf(err) != wit.CodeNotFound {
			return 0, err
		}
	}
	// Only now: what has been started is planned anew.
	next, err := s.due(ctx, store.Range{From: dueKey(now+1, ""), Limit: 1})
	if err != nil || len(next) == 0 {
		return longestSleep, err
	}
	return min(longestSleep, time.Duration(dueAt(next[0])-now)*time.Millisecond), nil
}

// due lists keys of the space dues.
func (s *Scheduler) due(ctx context.Context, r store.Range) (keys []string, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		for rec, err := range tx.Scan(dues, r) {
			if err != nil {
				return err
			}
			keys = append(keys, rec.Key)
		}
		return nil
	})
	return keys, err
}

func dueAt(key string) int64 {
	n := int64(0)
	for _, c := range key[:15] {
		n = n*10 + int64(c-'0')
	}
	return n
}

func (s *Scheduler) room(kind string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy[kind] < max(s.handlers[kind].Parallel, 1)
}

// replan corrects jobs whose times were planned while the clock was far ahead.
func (s *Scheduler) replan(ctx context.Context) error {
	limit := s.now().Add(clockRepair).UnixMilli()
	err := s.store.Update(ctx, func(tx store.Tx) error {
		for row, err := range jobs.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			j := row.Value
			if j.State.LastDue <= limit || j.Spec.At != 0 || !j.Enabled {
				continue
			}
			before := j.State.NextRunAt
			j.State.LastDue = 0
			s.plan(&j)
			if err := save(tx, before, j); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// resume continues the runs that a crash or a shutdown interrupted.
func (s *Scheduler) resume(ctx context.Context) error {
	var interrupted []Job
	err := s.store.View(ctx, func(tx store.Tx) error {
		for row, err := range jobs.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			if row.Value.State.Firing != nil {
				interrupted = append(interrupted, row.Value)
			}
		}
		return nil
	})
	for _, j := range interrupted {
		if err == nil {
			err = s.rerun(ctx, j)
		}
	}
	return err
}

// rerun calls the handler once more for an interrupted run, or records that the run cannot be resumed.
func (s *Scheduler) rerun(ctx context.Context, j Job) error {
	f := *j.State.Firing
	if h := s.handler(j.Owner.Kind()); !h.Resumable || f.Attempt >= maxAttempts {
		f.Job = j
		_, err := s.finish(f, j.State.RunningAt, "", wit.NewError(wit.CodeUnavailable, "interrupted: the gateway stopped while the job ran"))
		return err
	}
	f.Attempt++
	err := s.change(ctx, func(tx store.Tx) ([]Change, error) {
		var err error
		if j, err = get(tx, j.Owner, j.ID); err != nil {
			return nil, err
		}
		j.State.Firing, j.State.RunningAt = &f, s.millis()
		return []Change{started(j)}, save(tx, j.State.NextRunAt, j)
	})
	if err == nil {
		s.launch(ctx, j)
	}
	return err
}
