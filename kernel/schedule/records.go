package schedule

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The spaces. A job's key is owner NUL id; dues has an empty record under time NUL job key for each job
// that is due some time, begun one under the key of each job that runs; runs has job key NUL number.
const (
	jobs  = store.Table[Job]("schedule.job")
	dues  = "schedule.due"
	begun = "schedule.begun"
	runs  = store.Table[Run]("schedule.run")
)

// dueDigits is the width of the time in a key of dues, padded so that keys sort by time up to maxTime.
const dueDigits = 15

func key(owner Owner, id string) string { return string(owner) + "\x00" + id }

func (j Job) key() string { return key(j.Owner, j.ID) }

func dueKey(at int64, job string) string { return fmt.Sprintf("%0*d\x00%s", dueDigits, at, job) }

// parseDue is dueKey backwards.
func parseDue(key string) (at int64, owner Owner, id string) {
	for _, c := range key[:dueDigits] {
		at = at*10 + int64(c-'0')
	}
	name, id, _ := strings.Cut(key[dueDigits+1:], "\x00")
	return at, Owner(name), id
}

func runKey(job string, n uint64) string { return fmt.Sprintf("%s\x00%012d", job, n) }

// gone has the jobs that have removed themselves, while their history is kept: owner NUL number, in that order.
const gone = store.Table[Job]("schedule.gone")

// records is the jobs and their history in the store. All changes of one scheduler go through change.
type records struct {
	store    store.Store
	handlers *handlers
	skips    *store.Skips
	changing sync.Mutex // held over a commit and its report, so that reports keep the order of commits
}

// change commits fn and then reports what it returns. If the commit fails, nothing is reported.
func (r *records) change(ctx context.Context, fn func(store.Tx) ([]Change, error)) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	var changes []Change
	var written *notes
	err := r.store.Update(ctx, func(tx store.Tx) (err error) {
		written = &notes{Tx: tx}
		changes, err = fn(written)
		return err
	})
	if err != nil {
		return err
	}
	r.handlers.touch(written.jobs)
	r.handlers.report(changes)
	return nil
}

// notes is a transaction that notes the keys of the jobs that it writes and deletes.
type notes struct {
	store.Tx
	jobs []string
}

func (n *notes) note(space, key string) {
	if space == string(jobs) {
		n.jobs = append(n.jobs, key)
	}
}

func (n *notes) Put(space, key string, value []byte) error {
	n.note(space, key)
	return n.Tx.Put(space, key, value)
}

func (n *notes) Insert(space, key string, value []byte) error {
	n.note(space, key)
	return n.Tx.Insert(space, key, value)
}

func (n *notes) Delete(space, key string) error {
	n.note(space, key)
	return n.Tx.Delete(space, key)
}

func (r *records) get(ctx context.Context, owner Owner, id string) (j Job, err error) {
	err = r.store.View(ctx, func(tx store.Tx) error {
		j, err = get(tx, owner, id)
		return err
	})
	return j, err
}

// list returns the jobs in a range of keys that satisfy want, all if it is nil. Damaged ones are left out.
func (r *records) list(ctx context.Context, in store.Range, want func(Job) bool) (list []Job, err error) {
	err = r.store.View(ctx, func(tx store.Tx) error {
		for row, err := range jobs.Scan(tx, in) {
			if r.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			if want == nil || want(row.Value) {
				list = append(list, row.Value)
			}
		}
		return nil
	})
	return list, err
}

// due lists keys of the space dues.
func (r *records) due(ctx context.Context, in store.Range) (keys []string, err error) {
	err = r.store.View(ctx, func(tx store.Tx) error {
		for rec, err := range tx.Scan(dues, in) {
			if err != nil {
				return err
			}
			keys = append(keys, rec.Key)
		}
		return nil
	})
	return keys, err
}

// begun lists the jobs that run, here or elsewhere, or did when their gateway stopped.
func (r *records) begun(ctx context.Context) (list []Job, err error) {
	err = r.store.View(ctx, func(tx store.Tx) error {
		for rec, err := range tx.Scan(begun, store.Range{}) {
			if err != nil {
				return err
			}
			j, err := jobs.Get(tx, rec.Key)
			if r.skips.Skip(err) || wit.CodeOf(err) == wit.CodeNotFound {
				continue
			}
			if err != nil {
				return err
			}
			list = append(list, j)
		}
		return nil
	})
	return list, err
}

// history returns the runs of a job, the latest first; limit 0 is all. Errors: CodeNotFound.
func (r *records) history(ctx context.Context, owner Owner, id string, limit int) (list []Run, err error) {
	err = r.store.View(ctx, func(tx store.Tx) error {
		j, err := known(tx, owner, id)
		if err != nil {
			return err
		}
		for row, err := range runs.Scan(tx, store.Range{Prefix: j.key() + "\x00", Limit: max(limit, 0), Reverse: true}) {
			if r.skips.Skip(err) {
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

// get reads a job. An id that no job can have is CodeNotFound too, for whoever looks it up.
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

// known is get that finds a job too that has removed itself.
func known(tx store.Tx, owner Owner, id string) (Job, error) {
	j, err := get(tx, owner, id)
	if wit.CodeOf(err) != wit.CodeNotFound {
		return j, err
	}
	for row, lost := range gone.Scan(tx, store.Range{Prefix: key(owner, "")}) {
		if lost != nil && !store.Damaged(lost) {
			return j, lost
		}
		if lost == nil && row.Value.ID == id {
			return row.Value, nil
		}
	}
	return j, err
}

// roomFor refuses one job more than so many.
func roomFor(tx store.Tx, owner Owner, most int) error {
	n, err := counted(tx, owner)
	if err == nil && n.On+n.Off >= most {
		err = wit.Errorf(wit.CodeTooLarge, "%s has %d jobs, which is the most: remove some", owner, most)
	}
	return err
}

// save stores a job, notes in begun whether it runs, and moves it in dues and in the order from where it is
// stored, nil for a new one.
func save(tx store.Tx, before *slot, j Job) error {
	if err := rank(tx, j.Owner, j.ID, before, j.slot()); err != nil {
		return err
	}
	if before != nil && before.due != 0 && before.due != j.State.NextRunAt {
		if err := tx.Delete(dues, dueKey(before.due, j.key())); err != nil {
			return err
		}
	}
	if at := j.State.NextRunAt; at != 0 {
		if err := tx.Put(dues, dueKey(at, j.key()), nil); err != nil {
			return err
		}
	}
	note := tx.Delete
	if j.State.Firing != nil {
		note = func(space, key string) error { return tx.Put(space, key, nil) }
	}
	if err := note(begun, j.key()); err != nil {
		return err
	}
	return jobs.Put(tx, j.key(), j)
}

// erase is remove for the job with a key, also where its record is damaged: its due time is looked for then. It
// returns what it has removed, of a damaged one the owner and the id. Errors: CodeNotFound.
func erase(tx store.Tx, owner Owner, id string) (Job, error) {
	j, err := get(tx, owner, id)
	lost := store.Damaged(err)
	if lost {
		j = Job{Owner: owner, ID: id}
		j.State.NextRunAt, err = planned(tx, j.key())
	}
	if err != nil {
		return j, err
	}
	if err := remove(tx, j); err != nil || !lost {
		return j, err
	}
	return j, counts.Delete(tx, string(owner)) // nobody knows how it was counted
}

// planned looks for when a job is due, 0 for never.
func planned(tx store.Tx, job string) (at int64, err error) {
	for rec, err := range tx.Scan(dues, store.Range{}) {
		if err != nil {
			return 0, err
		}
		if due, owner, id := parseDue(rec.Key); key(owner, id) == job {
			at = due
		}
	}
	return at, nil
}

// remove deletes a job as it is stored, and its history.
func remove(tx store.Tx, j Job) error {
	if err := unplan(tx, j, j.slot()); err != nil {
		return err
	}
	return forget(tx, j)
}

// unplan deletes a job that is stored so, and leaves its history.
func unplan(tx store.Tx, j Job, stored *slot) error {
	if err := rank(tx, j.Owner, j.ID, stored, nil); err != nil {
		return err
	}
	if stored.due != 0 {
		if err := tx.Delete(dues, dueKey(stored.due, j.key())); err != nil {
			return err
		}
	}
	if err := tx.Delete(begun, j.key()); err != nil {
		return err
	}
	return jobs.Delete(tx, j.key())
}

// forget deletes the history of a job.
func forget(tx store.Tx, j Job) error {
	for rec, err := range tx.Scan(string(runs), store.Range{Prefix: j.key() + "\x00"}) {
		if err != nil {
			return err
		}
		if err := tx.Delete(string(runs), rec.Key); err != nil {
			return err
		}
	}
	return nil
}

// retire deletes a job that has removed itself and is stored so. Its history stays, until MaxGone more of
// its owner's have gone the same way.
func retire(tx store.Tx, j Job, stored *slot) error {
	if err := unplan(tx, j, stored); err != nil {
		return err
	}
	n, err := tx.Next(string(gone))
	if err != nil {
		return err
	}
	if err := gone.Put(tx, key(j.Owner, fmt.Sprintf("%012d", n)), j); err != nil {
		return err
	}
	kept := 0
	return dropGone(tx, j.Owner, store.Range{Reverse: true}, func(Job) bool { kept++; return kept > MaxGone })
}

// dropGone forgets those of an owner's jobs that are gone and no longer wanted. One whose record is damaged is a job
// without an id.
func dropGone(tx store.Tx, owner Owner, in store.Range, unwanted func(Job) bool) error {
	var old []store.Row[Job]
	in.Prefix = key(owner, "")
	for row, err := range gone.Scan(tx, in) {
		if err != nil && !store.Damaged(err) {
			return err
		}
		if unwanted(row.Value) {
			old = append(old, row)
		}
	}
	for _, row := range old {
		if err := errors.Join(gone.Delete(tx, row.Key), forget(tx, row.Value)); err != nil {
			return err
		}
	}
	return nil
}
