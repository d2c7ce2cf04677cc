package session

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// sweepBatch is how many records one transaction of Sweep deletes.
const sweepBatch = 500

// Sweep frees the histories that were given up, in small transactions. It is called after a deletion
// and once at start, for what a crash left over.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		id := ""
		if err := s.store.View(ctx, func(tx store.Tx) error {
			for row, err := range trash.Scan(tx, store.Range{Limit: 1}) {
				if err != nil {
					return err
				}
				id = row.Key
			}
			return nil
		}); err != nil || id == "" {
			return err
		}
		if err := s.store.Update(ctx, func(tx store.Tx) error { return sweep(tx, id) }); err != nil {
			return err
		}
	}
}

// sweep deletes a batch of a history, and with the last one the traces of it.
func sweep(tx store.Tx, id string) error {
	var keys []string
	for rec, err := range tx.Scan(string(history), store.Range{Prefix: id + "/", Limit: sweepBatch}) {
		if err != nil {
			return err
		}
		keys = append(keys, rec.Key)
	}
	for _, key := range keys {
		if err := history.Delete(tx, key); err != nil {
			return err
		}
		if err := tx.Unindex(Texts, key); err != nil {
			return err
		}
	}
	if len(keys) == sweepBatch {
		return nil
	}
	if err := ids.Delete(tx, id); err != nil {
		return err
	}
	if err := summaries.Delete(tx, id); err != nil {
		return err
	}
	if err := imports.Delete(tx, id); err != nil {
		return err
	}
	if err := unread.Delete(tx, id); err != nil {
		return err
	}
	if err := arriving.Delete(tx, id); err != nil {
		return err
	}
	return trash.Delete(tx, id)
}
