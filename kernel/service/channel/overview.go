package channel

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// List tells how every account is, by channel and account.
func (s *Service) List() []Changed {
	var list []Changed
	for _, a := range s.all() {
		list = append(list, a.summary())
	}
	return list
}

// AsideCount counts the events that were kept aside.
func (s *Service) AsideCount(ctx context.Context) (n int, err error) {
	err = s.Store.View(ctx, func(tx store.Tx) error {
		for _, err := range tx.Scan(string(asideTable), store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}
