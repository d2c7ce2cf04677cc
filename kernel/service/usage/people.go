package usage

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// Line is what a person's own conversations have used on a day, in an export.
type Line struct {
	Type string `json:"type"`
	Day  string `json:"day"`
	line
}

// Lines yields what a person's own conversations have used, until yield fails. Errors: yield's; the store's.
func (s *Service) Lines(ctx context.Context, p message.Party, yield func(any) error) error {
	found, err := s.of(ctx, p)
	if err != nil {
		return err
	}
	for _, row := range found {
		if err := yield(Line{"usage", row.Key[:min(len(row.Key), len(dayFormat))], row.Value}); err != nil {
			return err
		}
	}
	return nil
}

// Forget removes what a person's own conversations have used; the sums of the days stay. It returns how many records that were.
// Errors: the store's.
func (s *Service) Forget(ctx context.Context, p message.Party) (int, error) {
	found, err := s.of(ctx, p)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return len(found), s.Store.Update(ctx, func(tx store.Tx) error {
		for _, row := range found {
			if err := lines.Delete(tx, row.Key); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) of(ctx context.Context, p message.Party) (found []store.Row[line], err error) {
	err = s.Store.View(ctx, func(tx store.Tx) error {
		found = nil
		for row, err := range lines.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			if err == nil && slices.Contains(p.Keys, row.Value.Session) {
				found = append(found, row)
			}
		}
		return nil
	})
	return found, err
}
