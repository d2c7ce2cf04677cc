package delivery

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// Count counts the messages that wait and, among them, those that are held.
func (s *Service) Count(ctx context.Context) (waiting, held int, err error) {
	err = s.Store.View(ctx, func(tx store.Tx) error {
		for row, err := range queueTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			waiting++
			if row.Value.Held {
				held++
			}
		}
		return nil
	})
	return waiting, held, err
}
