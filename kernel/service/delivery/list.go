package delivery

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// list shows the queue, oldest first, or the outcomes, newest first.
func (s *Service) list(ctx context.Context, in ListParams) (ListResult, error) {
	limit := in.Limit
	if limit == 0 {
		limit = 100
	}
	table, reverse := queueTable, false
	if in.State != "" && in.State != StateQueued && in.State != StateHeld {
		table, reverse = doneTable, true
	}
	out := ListResult{Messages: []Row{}}
	err := s.Store.View(ctx, func(tx store.Tx) error {
		for rec, err := range table.Scan(tx, store.Range{Reverse: reverse}) {
			if err != nil {
				return err
			}
			r := rec.Value
			if r.State == "" {
				r.State = StateQueued
				if r.Held {
					r.State = StateHeld
				}
			}
			if (in.State != "" && in.State != r.State) || (in.Channel != "" && in.Channel != r.Channel) {
				continue
			}
			if out.Messages = append(out.Messages, s.row(&r)); len(out.Messages) == limit {
				break
			}
		}
		return nil
	})
	return out, err
}

func (s *Service) row(r *record) Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := Row{ID: r.ID, State: r.State, Channel: r.Channel, AccountID: r.Account, To: r.To.ID, RunID: r.RunID, SessionKey: r.SessionKey,
		Pieces: len(r.Pieces), IDs: r.ids(), Attempts: r.Attempts, NextAt: r.NextAt, CreatedAt: r.CreatedAt, DoneAt: r.DoneAt, Error: r.Error}
	for _, p := range r.Pieces {
		if p.Sent {
			v.SentPieces++
		}
	}
	if l := s.lanes[r.lane()]; l != nil && l.parked && r.State == StateQueued {
		v.Waiting = l.waiting
	}
	return v
}

// release sends a held message again, behind what its conversation has waiting.
func (s *Service) release(ctx context.Context, in IDParams) (IDResult, error) {
	var key string
	var r record
	err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if key, r, err = lookup(tx, in.ID); err != nil {
			return unknown(in.ID, err)
		}
		if r.State != StateHeld {
			return wit.Errorf(wit.CodeConflict, "message %s is not held: it is %s", in.ID, r.State)
		}
		r.Held, r.State, r.Error, r.NextAt = false, "", nil, 0
		if i := r.next(); i < len(r.Pieces) {
			r.Pieces[i].Sending = 0
		}
		return queueTable.Put(tx, key, r)
	})
	if err != nil {
		return IDResult{}, err
	}
	s.push(r.lane(), r.Channel, key)
	return IDResult{true, in.ID}, nil
}

// drop takes a message that is not over out of the queue.
func (s *Service) drop(ctx context.Context, in IDParams) (IDResult, error) {
	var r record
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		key, found, err := lookup(tx, in.ID)
		if err != nil {
			return unknown(in.ID, err)
		}
		if r = found; r.State != StateHeld && r.State != StateQueued {
			return wit.Errorf(wit.CodeConflict, "message %s is over: it was %s", in.ID, r.State)
		}
		r.State, r.Error = StateCancelled, wit.NewError(wit.CodeForbidden, "the owner dropped it")
		if err := queueTable.Delete(tx, key); err != nil {
			return err
		}
		return doneTable.Put(tx, key, r.outcome())
	})
	if err != nil {
		return IDResult{}, err
	}
	s.announce(ctx, &r, StateCancelled)
	return IDResult{true, in.ID}, nil
}

func unknown(id string, err error) error {
	return wit.Errorf(wit.CodeOf(err), "there is no message %q: %w", id, err)
}
