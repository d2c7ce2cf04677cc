package run

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// damaged is the space of the records that could not be read, as they were, by the ids of their runs.
const damaged = "runs.damaged"

// unreadable reports whether an error is that of a run whose record is damaged, or is not there although the run has
// its place in the queue.
func unreadable(err error) bool { return store.Damaged(err) || wit.CodeOf(err) == wit.CodeNotFound }

// setAside ends the live runs of a session whose records are unreadable, so that the next ones go on. It returns them
// as they are then: failed, and without what they asked.
func setAside(tx store.Tx, key session.Key) (ended []Run, err error) {
	rows, err := places(tx, key)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		_, err := runs.Get(tx, row.Value.Run)
		if unreadable(err) {
			var r Run
			r, err = replace(tx, key, row)
			ended = append(ended, r)
		}
		if err != nil {
			return nil, err
		}
	}
	return ended, nil
}

// replace keeps the record of a run in another space, and ends the run with what its place in the queue tells of it.
func replace(tx store.Tx, key session.Key, row store.Row[place]) (Run, error) {
	r := Run{ID: row.Value.Run, Session: key, Urgent: row.Value.Urgent, State: Running}
	record, err := tx.Get(string(runs), r.ID)
	if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
		return r, err
	}
	if err := tx.Put(damaged, r.ID, record); err != nil {
		return r, err
	}
	_, ticket, _ := strings.Cut(row.Key, "\x00")
	if r.Ticket, err = strconv.ParseUint(ticket, 16, 64); err != nil {
		return r, wit.Errorf(wit.CodeInternal, "run %.40q has no place in its queue: %w", r.ID, err)
	}
	if err := runs.Put(tx, r.ID, r); err != nil {
		return r, err
	}
	return Finish(tx, r.ID, Failed, func(r *Run) {
		r.Error = wit.NewError(wit.CodeInternal, "the record of the run was damaged, so it was not answered: ask again")
	})
}

// discard sets aside what is unreadable in the queue of a session. It returns how long to rest before the next try.
func (s *Service) discard(ctx context.Context, key session.Key) (rest time.Duration) {
	var ended []Run
	if err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		ended, err = setAside(tx, key)
		return err
	}); err != nil {
		s.log.Error("damaged run not set aside; it is tried again", "session", key, "error", err)
		return storeRest
	}
	s.gone(key, ended)
	return 0
}

// check tells the owner which runs were set aside.
func (s *Service) check(ctx context.Context) service.Check {
	var names []string
	if err := s.store.Update(ctx, func(tx store.Tx) error {
		names = nil
		if _, err := queued().Mend(tx); err != nil {
			return err
		}
		for rec, err := range tx.Scan(damaged, store.Range{}) {
			if err != nil {
				return err
			}
			r, err := runs.Get(tx, rec.Key)
			if err != nil {
				return err
			}
			names = append(names, fmt.Sprintf("%.40q of %s", r.ID, r.Session))
		}
		return nil
	}); err != nil {
		return service.Check{Name: "runs", Message: err.Error()}
	}
	if n := len(names); n > 0 {
		return service.Check{
			Name: "runs", OK: true, Warning: true, Hint: "ask again what they asked; their records are kept for a month",
			Message: fmt.Sprintf("damaged, and not answered: %s: %s", service.Count(n, "run"), strings.Join(names[:min(n, maxNamed)], ", ")),
		}
	}
	return service.Check{Name: "runs", OK: true, Message: "every record can be read"}
}

// maxNamed is how many damaged runs are named.
const maxNamed = 10
