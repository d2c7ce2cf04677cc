package run

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Recent returns the live runs, in the queue's order, and after them those that ended, the last one first: at most so many.
// Errors are the store's.
func (s *Service) Recent(ctx context.Context, limit int) (list []Run, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		list = nil
		live, err := Live(tx, s.skips.Skip)
		if err != nil {
			return err
		}
		for _, w := range live {
			for _, id := range w.Runs {
				if list, err = appendFound(tx, list, id, limit); err != nil {
					return err
				}
			}
		}
		for row, err := range finished.Scan(tx, store.Range{Reverse: true, Limit: max(1, limit-len(list))}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			if list, err = appendFound(tx, list, row.Value, limit); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// appendFound adds a run to a list that has room. One whose record is gone or damaged is left out.
func appendFound(tx store.Tx, list []Run, id string, limit int) ([]Run, error) {
	if len(list) >= limit || id == "" {
		return list, nil
	}
	r, err := Find(tx, id)
	switch {
	case wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err) || unreadable(err):
		return list, nil
	case err != nil:
		return list, err
	}
	return append(list, r), nil
}
