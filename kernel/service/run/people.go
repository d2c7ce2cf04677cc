package run

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// Line is a run in an export of what is known of a person.
type Line struct {
	Type string `json:"type"`
	Run  Run    `json:"run"`
}

// Lines yields the runs that a person has asked for, and those in their own conversations, until yield fails. Errors: yield's; the store's.
func (s *Service) Lines(ctx context.Context, p message.Party, yield func(any) error) error {
	list, err := s.askedBy(ctx, p)
	if err != nil {
		return err
	}
	for _, r := range list {
		if err := yield(Line{"run", r}); err != nil {
			return err
		}
	}
	return nil
}

// Forget stops these runs, and removes them with what was asked; a run's id is free again then. It
// returns how many. Errors: as Stop's; the store's.
func (s *Service) Forget(ctx context.Context, p message.Party) (int, error) {
	list, err := s.askedBy(ctx, p)
	if err != nil {
		return 0, err
	}
	for _, r := range list {
		if !r.State.Live() {
			continue
		}
		if _, err := s.Stop(ctx, Selection{Session: r.Session, ID: r.ID}, "purge"); err != nil {
			return 0, err
		}
	}
	if err := s.unquote(ctx, p); err != nil {
		return 0, err
	}
	n := 0
	err = s.store.Update(ctx, func(tx store.Tx) error {
		n = 0
		gone := map[string]bool{}
		for _, r := range list {
			if now, err := runs.Get(tx, r.ID); err == nil && now.State.Live() {
				continue // an urgent one that has not ended yet
			}
			gone[r.ID] = true
			n++
			if err := runs.Delete(tx, r.ID); err != nil {
				return err
			}
		}
		return forgetEnds(tx, gone)
	})
	return n, err
}

// unquote takes what a person has said out of what others have asked.
func (s *Service) unquote(ctx context.Context, p message.Party) error {
	return s.store.Update(ctx, func(tx store.Tx) error {
		var quoting []Run
		for row, err := range runs.Scan(tx, store.Range{}) {
			if s.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			r := row.Value
			if text := p.Unquote(r.Text); r.Origin.Channel == p.Channel && text != r.Text {
				r.Text = text
				quoting = append(quoting, r)
			}
		}
		for _, r := range quoting {
			if err := runs.Put(tx, r.ID, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// forgetEnds removes when runs ended.
func forgetEnds(tx store.Tx, gone map[string]bool) error {
	var rows []string
	for row, err := range finished.Scan(tx, store.Range{}) {
		if err != nil && !store.Damaged(err) {
			return err
		}
		if gone[row.Value] {
			rows = append(rows, row.Key)
		}
	}
	for _, row := range rows {
		if err := finished.Delete(tx, row); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) askedBy(ctx context.Context, p message.Party) (list []Run, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		list = nil
		for row, err := range runs.Scan(tx, store.Range{}) {
			if s.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			if p.Said(&row.Value.Origin) || slices.Contains(p.Keys, string(row.Value.Session)) {
				list = append(list, row.Value)
			}
		}
		return nil
	})
	return list, err
}
