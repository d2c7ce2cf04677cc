package session

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// Spoken lists where sessions were spoken to through an account, and by whom: for each session where it began, and where it
// was spoken to last. Errors: the store's.
func (s *Service) Spoken(ctx context.Context, a message.Account) (list []message.Origin, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		list = list[:0]
		for row, err := range entries.Scan(tx, store.Range{}) {
			if store.Damaged(err) {
				continue
			}
			if err != nil {
				return err
			}
			for _, o := range []*message.Origin{row.Value.Route, &row.Value.Origin} {
				if o != nil && o.At() == a && o.Conversation != nil {
					list = append(list, *o)
				}
			}
		}
		return nil
	})
	return list, err
}
