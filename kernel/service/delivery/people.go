package delivery

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Line is a message to a person alone, in an export.
type Line struct {
	Type    string           `json:"type"`
	State   State            `json:"state"`
	Message message.Outbound `json:"message"`
}

// Lines yields the messages to a person alone that are on their way or known yet, until yield fails. Errors: yield's; the
// store's.
func (s *Service) Lines(ctx context.Context, p message.Party, yield func(any) error) error {
	list, err := s.to(ctx, p)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := yield(Line{"delivery", e.state(), e.Outbound}); err != nil {
			return err
		}
	}
	return nil
}

// Forget drops what is on its way to a person alone, and what is known of it. A send that is under way goes on. It returns how
// many messages that were. Errors: the store's.
func (s *Service) Forget(ctx context.Context, p message.Party) (n int, err error) {
	list, err := s.to(ctx, p)
	if err != nil {
		return 0, err
	}
	for _, e := range list {
		if _, err := s.records.drop(ctx, e.ID); err != nil && wit.CodeOf(err) != wit.CodeConflict && wit.CodeOf(err) != wit.CodeNotFound {
			return n, err
		}
		if err := s.records.store.Update(ctx, func(tx store.Tx) error {
			if err := doneTable.Delete(tx, e.key); err != nil {
				return err
			}
			return idTable.Delete(tx, idKey(e.ID))
		}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// to are the messages to a person alone.
func (s *Service) to(ctx context.Context, p message.Party) (list []entry, err error) {
	err = s.records.store.View(ctx, func(tx store.Tx) error {
		list = nil
		for _, table := range []store.Table[record]{queueTable, doneTable} {
			for row, err := range table.Scan(tx, store.Range{}) {
				if err != nil && !store.Damaged(err) {
					return err
				}
				if err == nil && p.In(row.Value.Channel, row.Value.To.ID) {
					list = append(list, entry{key: row.Key, record: row.Value})
				}
			}
		}
		return nil
	})
	return list, err
}
