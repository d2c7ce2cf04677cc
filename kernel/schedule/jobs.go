package schedule

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Add stores a new job and returns it. An empty ID gets a random one. A one-shot whose time has passed
// is due at once.
//
// Errors: CodeInvalid; CodeConflict if the id is taken; CodeTooLarge if the owner has as many as it may.
func (s *Scheduler) Add(ctx context.Context, j Job) (Job, error) {
	return s.put(ctx, j, false)
}

// Set is Add, or replaces the job of that id, also a damaged one. A schedule that stays the same keeps its next due
// time.
func (s *Scheduler) Set(ctx context.Context, j Job) (Job, error) {
	return s.put(ctx, j, true)
}

func (s *Scheduler) put(ctx context.Context, j Job, replace bool) (Job, error) {
	if j.ID == "" {
		j.ID = strings.ToLower(rand.Text())
	}
	if err := s.plans.check(j); err != nil {
		return Job{}, err
	}
	err := s.records.change(ctx, func(tx store.Tx) ([]Change, error) {
		old, err := jobs.Get(tx, j.key())
		switch {
		case err == nil && !replace:
			return nil, wit.Errorf(wit.CodeConflict, "there is a job %q already: update it, or use another id", j.ID)
		case err == nil:
			j.CreatedAt, j.State = old.CreatedAt, old.State
			return edit(tx, s.plans, old, &j)
		case replace && store.Damaged(err):
			if _, err := erase(tx, j.Owner, j.ID); err != nil {
				return nil, err
			}
		case wit.CodeOf(err) != wit.CodeNotFound:
			return nil, err
		}
		if err := roomFor(tx, j.Owner, s.records.handlers.most(j.Owner)); err != nil {
			return nil, err
		}
		if err := dropGone(tx, j.Owner, store.Range{}, func(old Job) bool { return old.ID == j.ID }); err != nil {
			return nil, err
		}
		now := s.plans.millis()
		j.CreatedAt, j.UpdatedAt, j.State = now, now, State{}
		s.plans.plan(&j)
		return []Change{{Action: Added, Job: j}}, save(tx, nil, j)
	})
	if err != nil {
		return Job{}, err
	}
	s.wake.raise()
	return j, nil
}

// Update lets change edit a copy of the job, stores it and returns it. ID, Owner, times and State stay
// what they are. A change of the schedule, or enabling, plans it anew from now. change's error undoes all.
//
// Errors: change's own; CodeNotFound; those of Add for what it has become.
func (s *Scheduler) Update(ctx context.Context, owner Owner, id string, change func(*Job) error) (Job, error) {
	var j Job
	err := s.records.change(ctx, func(tx store.Tx) ([]Change, error) {
		old, err := get(tx, owner, id)
		if err != nil {
			return nil, err
		}
		j = old
		if err := change(&j); err != nil {
			return nil, err
		}
		j.ID, j.Owner, j.CreatedAt, j.State = old.ID, old.Owner, old.CreatedAt, old.State
		if err := s.plans.check(j); err != nil {
			return nil, err
		}
		return edit(tx, s.plans, old, &j)
	})
	if err != nil {
		return Job{}, err
	}
	s.wake.raise()
	return j, nil
}

// edit stores j in place of old.
func edit(tx store.Tx, plans planner, old Job, j *Job) ([]Change, error) {
	j.UpdatedAt = plans.millis()
	if j.Spec != old.Spec || j.Enabled != old.Enabled {
		plans.plan(j)
	}
	return []Change{{Action: Updated, Job: *j}}, save(tx, old.slot(), *j)
}

// Remove deletes a job and its history. A run that goes on is not stopped. Errors: CodeNotFound.
func (s *Scheduler) Remove(ctx context.Context, owner Owner, id string) error {
	return s.records.change(ctx, func(tx store.Tx) ([]Change, error) {
		j, err := erase(tx, owner, id)
		return []Change{{Action: Removed, Job: j}}, err
	})
}

// RemoveAll deletes all jobs of an owner that is gone, with their history. Runs that go on are not stopped.
func (s *Scheduler) RemoveAll(ctx context.Context, owner Owner) error {
	return s.records.change(ctx, func(tx store.Tx) (changes []Change, err error) {
		for row, err := range jobs.Scan(tx, store.Range{Prefix: key(owner, "")}) {
			if err != nil && !store.Damaged(err) {
				return nil, err
			}
			_, id, _ := strings.Cut(row.Key, "\x00")
			j, err := erase(tx, owner, id)
			if err != nil {
				return nil, err
			}
			changes = append(changes, Change{Action: Removed, Job: j})
		}
		if err := clearHistory(tx, owner); err != nil {
			return nil, err
		}
		return changes, dropGone(tx, owner, store.Range{}, func(Job) bool { return true })
	})
}

// Get returns a job. Errors: CodeNotFound.
func (s *Scheduler) Get(ctx context.Context, owner Owner, id string) (Job, error) {
	return s.records.get(ctx, owner, id)
}

// List returns the jobs of an owner, by id.
func (s *Scheduler) List(ctx context.Context, owner Owner) ([]Job, error) {
	return s.records.list(ctx, store.Range{Prefix: key(owner, "")}, nil)
}

// Version changes whenever what List returns may; see store.Store.
func (s *Scheduler) Version() uint64 { return jobs.Version(s.records.store) }

// Runs returns the history of a job, also of one that has removed itself, the latest first; limit 0 is all that
// is kept. Errors: CodeNotFound.
func (s *Scheduler) Runs(ctx context.Context, owner Owner, id string, limit int) ([]Run, error) {
	return s.records.history(ctx, owner, id, limit)
}

// Past is a job, which may have removed itself, and its history, the latest run first.
type Past struct {
	Job  Job
	Runs []Run
}

// History returns the jobs of an owner that have run, each with what is kept of that. It reads no others.
func (s *Scheduler) History(ctx context.Context, owner Owner) ([]Past, error) {
	return s.records.past(ctx, owner)
}

// Gone returns the jobs of an owner that have removed themselves and whose history is still kept, the earliest first.
func (s *Scheduler) Gone(ctx context.Context, owner Owner) (list []Job, err error) {
	err = s.records.store.View(ctx, func(tx store.Tx) error {
		for row, err := range gone.Scan(tx, store.Range{Prefix: key(owner, "")}) {
			if s.records.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			list = append(list, row.Value)
		}
		return nil
	})
	return list, err
}

// Summary is what Status returns.
type Summary struct {
	// Running says whether jobs are run at all now.
	Running bool
	Jobs    int
	// NextRunAt is the earliest due time, 0 if there is none.
	NextRunAt int64
}

// Status sums up the jobs of an owner. Errors: those of the store; Running is right beside one too.
func (s *Scheduler) Status(ctx context.Context, owner Owner) (Summary, error) {
	sum := Summary{Running: s.life.going()}
	on, err := s.Page(ctx, owner, Enabled, 0, 1)
	if err != nil {
		return sum, err
	}
	off, err := s.Page(ctx, owner, Disabled, 0, 1)
	sum.Jobs = on.Total + off.Total
	if len(on.Jobs) > 0 {
		sum.NextRunAt = on.Jobs[0].State.NextRunAt
	}
	return sum, err
}
