package schedule

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The spaces. A job's key is owner NUL id; dues has an empty record under time NUL job key for each job
// that is due some time; runs has job key NUL number.
const (
	jobs = store.Table[Job]("schedule.job")
	dues = "schedule.due"
	runs = store.Table[Run]("schedule.run")
)

func key(owner Owner, id string) string { return string(owner) + "\x00" + id }

func (j Job) key() string { return key(j.Owner, j.ID) }

func dueKey(at int64, job string) string { return fmt.Sprintf("%015d\x00%s", at, job) }

func runKey(job string, n uint64) string { return fmt.Sprintf("%s\x00%012d", job, n) }

// Add stores a new job and returns it. An empty ID gets a random one. A one-shot whose time has passed
// is due at once.
//
// Errors: CodeInvalid; CodeConflict if the id is taken; CodeTooLarge if the owner has MaxJobs.
func (s *Scheduler) Add(ctx context.Context, j Job) (Job, error) {
	return s.put(ctx, j, false)
}

// Set is Add, or replaces the job of that id. A schedule that stays the same keeps its next due time.
func (s *Scheduler) Set(ctx context.Context, j Job) (Job, error) {
	return s.put(ctx, j, true)
}

func (s *Scheduler) put(ctx context.Context, j Job, replace bool) (Job, error) {
	if j.ID == "" {
		j.ID = strings.ToLower(rand.Text())
	}
	if err := s.check(j); err != nil {
		return Job{}, err
	}
	err := s.change(ctx, func(tx store.Tx) ([]Change, error) {
		old, err := jobs.Get(tx, j.key())
		switch {
		case err == nil && !replace:
			return nil, wit.Errorf(wit.CodeConflict, "there is a job %q already: update it, or use another id", j.ID)
		case err == nil:
			j.CreatedAt, j.State = old.CreatedAt, old.State
			return s.edit(tx, old, &j)
		case wit.CodeOf(err) != wit.CodeNotFound:
			return nil, err
		}
		n := 0
		for _, err := range tx.Scan(string(jobs), store.Range{Prefix: key(j.Owner, "")}) {
			if err != nil {
				return nil, err
			}
			if n++; n >= MaxJobs {
				return nil, wit.Errorf(wit.CodeTooLarge, "%s has %d jobs, which is the most: remove some", j.Owner, MaxJobs)
			}
		}
		now := s.millis()
		j.CreatedAt, j.UpdatedAt, j.State = now, now, State{}
		s.plan(&j)
		return []Change{{Action: Added, Job: j}}, save(tx, 0, j)
	})
	if err != nil {
		return Job{}, err
	}
	s.nudge()
	return j, nil
}

// Update lets edit change a copy of the job, stores it and returns it. ID, Owner, times and State stay
// what they are. A change of the schedule, or enabling, plans it anew from now. edit's error undoes all.
func (s *Scheduler) Update(ctx context.Context, owner Owner, id string, edit func(*Job) error) (Job, error) {
	var j Job
	err := s.change(ctx, func(tx store.Tx) ([]Change, error) {
		old, err := get(tx, owner, id)
		if err != nil {
			return nil, err
		}
		j = old
		if err := edit(&j); err != nil {
			return nil, err
		}
		j.ID, j.Owner, j.CreatedAt, j.State = old.ID, old.Owner, old.CreatedAt, old.State
		if err := s.check(j); err != nil {
			return nil, err
		}
		return s.edit(tx, old, &j)
	})
	if err != nil {
		return Job{}, err
	}
	s.nudge()
	return j, nil
}

// edit stores j in place of old.
func (s *Scheduler) edit(tx store.Tx, old Job, j *Job) ([]Change, error) {
	j.UpdatedAt = s.millis()
	if j.Spec != old.Spec || j.Enabled != old.Enabled {
		s.plan(j)
	}
	return []Change{{Action: Updated, Job: *j}}, save(tx, old.State.NextRunAt, *j)
}

// plan sets the next due time of a job that is new or has changed.
func (s *Scheduler) plan(j *Job) {
	now := s.millis()
	switch {
	case !j.Enabled:
		j.State.NextRunAt = 0
	case j.Spec.At != 0 && j.State.LastDue == j.Spec.At:
		j.State.NextRunAt = 0 // it has had its time
	case j.Spec.At != 0:
		j.State.NextRunAt = j.Spec.At
	default:
		j.State.NextRunAt = j.Spec.next(now, j.CreatedAt, s.zone)
	}
}

// save stores a job and moves its record in dues from when it was planned before.
func save(tx store.Tx, before int64, j Job) error {
	if before != 0 && before != j.State.NextRunAt {
		if err := tx.Delete(dues, dueKey(before, j.key())); err != nil {
			return err
		}
	}
	if at := j.State.NextRunAt; at != 0 {
		if err := tx.Put(dues, dueKey(at, j.key()), nil); err != nil {
			return err
		}
	}
	return jobs.Put(tx, j.key(), j)
}

// Remove deletes a job and its history. A run that goes on is not stopped. Errors: CodeNotFound.
func (s *Scheduler) Remove(ctx context.Context, owner Owner, id string) error {
	return s.change(ctx, func(tx store.Tx) ([]Change, error) {
		j, err := get(tx, owner, id)
		if err != nil {
			return nil, err
		}
		return []Change{{Action: Removed, Job: j}}, remove(tx, j)
	})
}

// RemoveAll deletes all jobs of an owner that is gone.
func (s *Scheduler) RemoveAll(ctx context.Context, owner Owner) error {
	return s.change(ctx, func(tx store.Tx) (changes []Change, err error) {
		for row, err := range jobs.Scan(tx, store.Range{Prefix: key(owner, "")}) {
			if err != nil {
				return nil, err
			}
			if err := remove(tx, row.Value); err != nil {
				return nil, err
			}
			changes = append(changes, Change{Action: Removed, Job: row.Value})
		}
		return changes, nil
	})
}

func remove(tx store.Tx, j Job) error {
	if at := j.State.NextRunAt; at != 0 {
		if err := tx.Delete(dues, dueKey(at, j.key())); err != nil {
			return err
		}
	}
	for rec, err := range tx.Scan(string(runs), store.Range{Prefix: j.key() + "\x00"}) {
		if err != nil {
			return err
		}
		if err := tx.Delete(string(runs), rec.Key); err != nil {
			return err
		}
	}
	return jobs.Delete(tx, j.key())
}

// Get returns a job. Errors: CodeNotFound.
func (s *Scheduler) Get(ctx context.Context, owner Owner, id string) (j Job, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		j, err = get(tx, owner, id)
		return err
	})
	return j, err
}

func get(tx store.Tx, owner Owner, id string) (Job, error) {
	if checkID(id) != nil {
		return Job{}, errNoJob(owner, id)
	}
	j, err := jobs.Get(tx, key(owner, id))
	if wit.CodeOf(err) == wit.CodeNotFound {
		return j, errNoJob(owner, id)
	}
	return j, err
}

// List returns the jobs of an owner, by id.
func (s *Scheduler) List(ctx context.Context, owner Owner) (list []Job, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		for row, err := range jobs.Scan(tx, store.Range{Prefix: key(owner, "")}) {
			if err != nil {
				return err
			}
			list = append(list, row.Value)
		}
		return nil
	})
	return list, err
}

// Runs returns the history of a job, the latest first; limit 0 is all that is kept. Errors: CodeNotFound.
func (s *Scheduler) Runs(ctx context.Context, owner Owner, id string, limit int) (list []Run, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		j, err := get(tx, owner, id)
		if err != nil {
			return err
		}
		for row, err := range runs.Scan(tx, store.Range{Prefix: j.key() + "\x00", Limit: max(limit, 0), Reverse: true}) {
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

// Status sums up the jobs of an owner.
func (s *Scheduler) Status(ctx context.Context, owner Owner) (Summary, error) {
	list, err := s.List(ctx, owner)
	sum := Summary{Jobs: len(list)}
	for _, j := range list {
		if at := j.State.NextRunAt; at != 0 && (sum.NextRunAt == 0 || at < sum.NextRunAt) {
			sum.NextRunAt = at
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sum.Running = s.work != nil
	return sum, err
}

func (s *Scheduler) check(j Job) error {
	printable := func(text string, least, most int) bool {
		return len(text) >= least && len(text) <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
	}
	switch {
	case !printable(string(j.Owner), 1, 128):
		return wit.Errorf(wit.CodeInvalid, "%.40q cannot own jobs", string(j.Owner))
	case !printable(j.Name, 0, MaxName):
		return wit.Errorf(wit.CodeInvalid, "a job's name has at most %d bytes, all printable", MaxName)
	case len(j.Payload) > MaxPayload:
		return wit.Errorf(wit.CodeTooLarge, "a job's payload has %d bytes, at most %d fit", len(j.Payload), MaxPayload)
	case len(j.Payload) > 0 && !json.Valid(j.Payload):
		return wit.NewError(wit.CodeInvalid, "a job's payload must be JSON")
	}
	if err := checkID(j.ID); err != nil {
		return err
	}
	return j.Spec.check(s.now(), s.zone)
}

func checkID(id string) error {
	if id == "" || len(id) > 128 || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
		return wit.Errorf(wit.CodeInvalid, "%.40q cannot be a job's id: use 1 to 128 printable bytes", id)
	}
	return nil
}
