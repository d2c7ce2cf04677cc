package store

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// A transaction of a conversion has at most so many records, and bytes of values unless one has more. Others take turns with
// it.
const (
	convertRecords = 200
	convertBytes   = 1 << 20
)

// Convert stores all values in another form, or goes on where an earlier call has been left; a nil error says that all have
// it. Others use the store meanwhile. A change to another form that was left is ended first. A record that cannot be
// opened stays as it is, Damaged.
//
// Errors: CodeTimeout when ctx has ended; the store's.
func (s *Sealed) Convert(ctx context.Context, to Form) error {
	s.converting.Lock()
	defer s.converting.Unlock()
	for {
		state, err := s.Sealing(ctx)
		switch {
		case err != nil:
			return err
		case !state.Done:
			err = s.convert(ctx)
		case state.To == to:
			return nil
		default:
			err = s.turn(ctx, state.To, to)
		}
		if err != nil {
			return err
		}
	}
}

// turn begins a change, and empties the indexes of what is to be sealed. Before the first record changes, all transactions end that
// rely on none doing so.
func (s *Sealed) turn(ctx context.Context, from, to Form) error {
	s.mu.Lock()
	s.moving = true
	s.mu.Unlock()
	s.running.Wait()
	return s.inner.Update(ctx, func(tx Tx) error {
		if t, ok := tx.(interface{ forget() error }); ok && to == Closed {
			if err := t.forget(); err != nil {
				return err
			}
		}
		return s.putState(tx, Sealing{From: from, To: to})
	})
}

// convert goes on with a change to its end.
func (s *Sealed) convert(ctx context.Context) error {
	for {
		var state Sealing
		err := s.inner.Update(ctx, func(tx Tx) (err error) {
			if state, err = s.state(tx); err != nil || state.Done {
				return err
			}
			return s.step(tx, &state)
		})
		if err != nil {
			return err
		}
		if state.Done {
			s.mu.Lock()
			s.steady, s.moving = state, false
			s.mu.Unlock()
			return nil
		}
	}
}

// step converts the records that follow, and notes how far it has got.
func (s *Sealed) step(tx Tx, state *Sealing) error {
	t, ok := tx.(interface{ widen(room int) })
	if !ok {
		return wit.NewError(wit.CodeInternal, "store: this one cannot be sealed")
	}
	t.widen(sealRoom)
	batch, err := following(tx, state)
	if err != nil {
		return err
	}
	b := s.buffers.get()
	defer s.buffers.put(b)
	for _, rec := range batch {
		state.Key = rec.Key
		value, err := s.open(state.from(), state.Space, rec.Key, rec.Value)
		if Damaged(err) {
			continue // in its new form it would be none
		}
		if err == nil {
			err = tx.Put(state.Space, rec.Key, s.close(b, state.To, state.Space, rec.Key, value))
		}
		if err != nil {
			return err
		}
	}
	if len(batch) == 0 {
		state.Key = ""
		if state.Space, err = spaceBehind(tx, state.Space, exempt); err != nil {
			return err
		}
		state.Done = state.Space == ""
	}
	return s.putState(tx, *state)
}

// following are the next records of the space, at least one if there is one.
func following(tx Tx, state *Sealing) (batch []Record, err error) {
	if state.Space == "" {
		return nil, nil
	}
	from, size := "", 0
	if state.Key != "" {
		from = state.Key + "\x00"
	}
	for rec, err := range tx.Scan(state.Space, Range{From: from, Limit: convertRecords}) {
		if err != nil {
			return nil, err
		}
		if size += len(rec.Value); size > convertBytes && len(batch) > 0 {
			break
		}
		batch = append(batch, rec)
	}
	return batch, nil
}
