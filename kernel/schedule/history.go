package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// record appends to the job's history and drops what is too old, of it and of its owner's. The caller saves the job.
func record(tx store.Tx, j *Job, run Run) error {
	j.State.Runs++
	at := runKey(j.key(), j.State.Runs)
	err := runs.Put(tx, at, run)
	if j.State.Runs > MaxRuns {
		err = errors.Join(err, runs.Delete(tx, runKey(j.key(), j.State.Runs-MaxRuns)))
	}
	return errors.Join(err, chronicle(tx, j.Owner, entry{at, run.Key}))
}

// entry is a run of an owner's history. The run of another key is not it: a job that was removed and added again begins
// its history anew.
type entry struct {
	Run string `json:"run"`
	Key string `json:"key"`
}

// history has the latest runs of each owner: owner NUL number, in that order.
const history = store.Table[entry]("schedule.history")

// chronicle appends to an owner's history and drops the run that is too old.
func chronicle(tx store.Tx, owner Owner, e entry) error {
	n, err := tx.Next(string(history) + "." + string(owner))
	if err != nil {
		return err
	}
	if err := history.Put(tx, historyKey(owner, n), e); err != nil || n <= MaxAllRuns {
		return err
	}
	last := historyKey(owner, n-MaxAllRuns)
	old, err := history.Get(tx, last)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil
	}
	if err == nil {
		run, lost := runs.Get(tx, old.Run)
		if err = lost; err == nil && run.Key == old.Key {
			err = runs.Delete(tx, old.Run)
		}
	}
	if err != nil && !store.Damaged(err) && wit.CodeOf(err) != wit.CodeNotFound {
		return err
	}
	return history.Delete(tx, last)
}

func historyKey(owner Owner, n uint64) string { return key(owner, fmt.Sprintf("%012d", n)) }

// clearHistory forgets an owner's history.
func clearHistory(tx store.Tx, owner Owner) error {
	for rec, err := range tx.Scan(string(history), store.Range{Prefix: key(owner, "")}) {
		if err != nil {
			return err
		}
		if err := history.Delete(tx, rec.Key); err != nil {
			return err
		}
	}
	return nil
}

// past reads all runs of an owner, and the jobs whose they are.
func (r *records) past(ctx context.Context, owner Owner) (list []Past, err error) {
	err = r.store.View(ctx, func(tx store.Tx) error {
		list = nil
		for row, err := range runs.Scan(tx, store.Range{Prefix: key(owner, "")}) {
			if r.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			id := strings.Split(row.Key, "\x00")[1]
			if n := len(list); n == 0 || list[n-1].Job.ID != id {
				list = append(list, Past{Job: Job{Owner: owner, ID: id}})
			}
			last := &list[len(list)-1]
			last.Runs = append(last.Runs, row.Value)
		}
		for i, p := range list {
			slices.Reverse(p.Runs)
			j, err := known(tx, owner, p.Job.ID)
			if err == nil {
				list[i].Job = j
			} else if !r.skips.Skip(err) && wit.CodeOf(err) != wit.CodeNotFound {
				return err
			}
		}
		return nil
	})
	return list, err
}
