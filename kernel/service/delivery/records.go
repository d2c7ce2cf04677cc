package delivery

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	writeTimeout = 30 * time.Second
	// retryStore is the pause after the store has failed.
	retryStore = time.Second
)

// errGone says that the owner has removed the message meanwhile.
var errGone = errors.New("the message was removed from the queue")

// entry is a record with its key.
type entry struct {
	key string
	record
	// began is when the attempt that has failed found its account as it was; an account that has connected since is another
	// one. It is not kept.
	began time.Time
}

// records reads and writes what is kept of messages, each method in one transaction. It keeps nothing in
// memory, so the store decides between a send that goes on and the owner who drops its message.
type records struct {
	store store.Store
	log   hclog.Logger
}

// read returns a message of the queue. Errors: CodeNotFound when it is over; the store's.
func (q records) read(ctx context.Context, key string) (e entry, err error) {
	e.key = key
	err = q.store.View(ctx, func(tx store.Tx) error {
		e.record, err = queueTable.Get(tx, key)
		return err
	})
	return e, err
}

// find returns a message by its id, in the queue or among the outcomes. Errors: CodeNotFound; the store's.
func (q records) find(ctx context.Context, id string) (e entry, err error) {
	err = q.store.View(ctx, func(tx store.Tx) error {
		e, err = lookup(tx, id)
		return err
	})
	return e, err
}

// arrival is a message that is to be sent, for its lane: without its text, since a queue may be long. One whose record
// is damaged has nothing but its key and the error.
type arrival struct {
	key, lane, channel string
	damage             error
}

// after lists the messages that are to be sent and whose keys are behind from, in the order of their commits.
// With an error it returns those before the place where it came up.
func (q records) after(ctx context.Context, from string) (list []arrival, err error) {
	err = q.store.View(ctx, func(tx store.Tx) error {
		for row, err := range queueTable.Scan(tx, store.Range{From: from}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			switch {
			case row.Key == from || row.Value.Held:
			case err != nil:
				list = append(list, arrival{key: row.Key, damage: err})
			default:
				list = append(list, arrival{key: row.Key, lane: row.Value.lane(), channel: row.Value.Channel})
			}
		}
		return nil
	})
	return list, err
}

// save replaces a message's record. Errors: errGone when it is no longer in the queue; the store's.
func (q records) save(e *entry) error {
	return q.update(func(tx store.Tx) error {
		if err := inQueue(tx, e); err != nil {
			return err
		}
		return queueTable.Put(tx, e.key, e.record)
	})
}

// hold is save for a message that waits for the owner from now on.
func (q records) hold(e *entry) error {
	return q.update(func(tx store.Tx) error {
		if err := inQueue(tx, e); err != nil {
			return err
		}
		if err := queueTable.Put(tx, e.key, e.record); err != nil {
			return err
		}
		return heldTally().Add(tx, 1)
	})
}

// reread replaces what is known of a message by its record, with what every transaction before this one has written:
// a snapshot might be older. Errors: errGone when it is no longer in the queue; the store's.
func (q records) reread(e *entry) error {
	return q.update(func(tx store.Tx) error {
		now, err := queueTable.Get(tx, e.key)
		switch {
		case wit.CodeOf(err) == wit.CodeNotFound:
			return errGone
		case err == nil:
			e.record = now
		}
		return err
	})
}

// take notes the ids of a piece that the platform has taken, unless its outcome is known by now. Errors: reread's.
func (q records) take(e *entry, i int, ids []string) error {
	return q.update(func(tx store.Tx) error {
		now, err := queueTable.Get(tx, e.key)
		switch {
		case wit.CodeOf(err) == wit.CodeNotFound:
			return errGone
		case err != nil:
			return err
		}
		e.record = now
		if p := &e.Pieces[i]; p.Sending != 0 {
			p.IDs = ids
			return queueTable.Put(tx, e.key, e.record)
		}
		return nil
	})
}

// settle has a wait settled. Errors: reread's.
func (q records) settle(e *entry, w *wait, c wit.Confirmation) error {
	err := q.update(func(tx store.Tx) error {
		_, err := w.settle(tx, c)
		return err
	})
	if err != nil {
		return err
	}
	return q.snapshot(e)
}

// snapshot is reread with what was committed before it is called.
func (q records) snapshot(e *entry) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	now, err := q.read(ctx, e.key)
	switch {
	case wit.CodeOf(err) == wit.CodeNotFound:
		return errGone
	case err == nil:
		e.record = now.record
	}
	return err
}

// end moves a message to the outcomes. Errors: errGone when it is no longer in the queue; the store's.
func (q records) end(e *entry) error {
	return q.update(func(tx store.Tx) error {
		if err := inQueue(tx, e); err != nil {
			return err
		}
		return moveToDone(tx, e)
	})
}

// persist writes what cannot be taken back: it tries until the store takes it, the message is gone, or the
// gateway stops. Then what was sent is in the send window.
func (q records) persist(ctx context.Context, write func(*entry) error, e *entry) error {
	for {
		err := write(e)
		if err == nil || errors.Is(err, errGone) {
			return err
		}
		q.log.Error("progress not written, retrying", "id", e.ID, "error", err)
		if !retry.Sleep(ctx, retryStore) {
			return err
		}
	}
}

// update is a transaction that a stop does not interrupt: it is about what was already done.
func (q records) update(fn func(store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return q.store.Update(ctx, fn)
}

// inQueue returns errGone for a message that the owner has dropped. Its conversation may have moved meanwhile.
func inQueue(tx store.Tx, e *entry) error {
	now, err := queueTable.Get(tx, e.key)
	switch {
	case wit.CodeOf(err) == wit.CodeNotFound:
		return errGone
	case err != nil:
		return err
	}
	e.To = now.To
	return nil
}

// moveToDone keeps the outcome instead of the message.
func moveToDone(tx store.Tx, e *entry) error {
	if err := queueTable.Delete(tx, e.key); err != nil {
		return err
	}
	if err := waitingTally().Add(tx, -1); err != nil {
		return err
	}
	if e.Held {
		if err := heldTally().Add(tx, -1); err != nil {
			return err
		}
	}
	return doneTable.Put(tx, e.key, e.outcome())
}

// release lets a held message be sent again and returns it; the caller puts it on its lane. Errors:
// CodeNotFound; CodeConflict when it is not held; the store's.
func (q records) release(ctx context.Context, id string) (e entry, err error) {
	err = q.store.Update(ctx, func(tx store.Tx) (err error) {
		if e, err = lookup(tx, id); err != nil {
			return unknown(id, err)
		}
		if e.State != StateHeld {
			return wit.Errorf(wit.CodeConflict, "message %s is not held: it is %s", id, e.State)
		}
		e.Held, e.State, e.Error, e.NextAt = false, "", nil, 0
		for i := range e.Pieces {
			// The owner accepts that the piece in doubt may arrive twice: it is not to be held again for the same send.
			e.Pieces[i].Sending = 0
		}
		if err := queueTable.Put(tx, e.key, e.record); err != nil {
			return err
		}
		return heldTally().Add(tx, -1)
	})
	return e, err
}

// drop cancels a message that is not over and returns its outcome; the caller announces it. Errors:
// CodeNotFound; CodeConflict when it is over; the store's.
func (q records) drop(ctx context.Context, id string) (e entry, err error) {
	err = q.store.Update(ctx, func(tx store.Tx) (err error) {
		if e, err = lookup(tx, id); err != nil {
			return unknown(id, err)
		}
		if e.State != StateHeld && e.State != StateQueued {
			return wit.Errorf(wit.CodeConflict, "message %s is over: it was %s", id, e.State)
		}
		e.State, e.Error = StateCancelled, wit.NewError(wit.CodeForbidden, "the owner dropped it")
		e.DoneAt = time.Now().UnixMilli()
		return moveToDone(tx, &e)
	})
	return e, err
}

// unknown says which message there is not.
func unknown(id string, err error) error {
	return store.Named(err, "there is no message %.100q: delivery.list shows which there are", id)
}

// list shows messages as they are selected, at most limit, without damaged ones: the queue, oldest first, or outcomes,
// newest first.
// show must not keep the record.
func (q records) list(ctx context.Context, in ListParams, limit int, show func(*record)) error {
	table, reverse := queueTable, false
	if in.State != "" && in.State != StateQueued && in.State != StateHeld {
		table, reverse = doneTable, true
	}
	return q.store.View(ctx, func(tx store.Tx) error {
		left, err := in.most(tx)
		if err != nil || left == 0 {
			return err
		}
		shown := 0
		for row, err := range table.Scan(tx, store.Range{Reverse: reverse}) {
			if store.Damaged(err) {
				continue
			}
			if err != nil {
				return err
			}
			r := row.Value
			r.State = r.state()
			if in.State != "" && in.State != r.State {
				continue
			}
			if left--; in.Channel == "" || in.Channel == r.Channel {
				show(&r)
				shown++
			}
			if shown == limit || left == 0 {
				break
			}
		}
		return nil
	})
}

// most is how many messages of the state there are, where that is known, so that the queue is read no further: mostly
// none is held. Errors: the store's.
func (p ListParams) most(tx store.Tx) (int, error) {
	if p.State == StateHeld {
		return heldTally().Of(tx)
	}
	return math.MaxInt, nil
}

// count returns how many messages are not over, damaged ones too, and, among them, are held.
func (q records) count(ctx context.Context) (waiting, held int, err error) {
	err = q.store.View(ctx, func(tx store.Tx) (err error) {
		if waiting, err = waitingTally().Of(tx); err != nil {
			return err
		}
		held, err = heldTally().Of(tx)
		return err
	})
	return waiting, held, err
}

// recount counts anew what count returns.
func (q records) recount(ctx context.Context) error {
	return q.store.Update(ctx, func(tx store.Tx) error {
		if _, err := waitingTally().Mend(tx); err != nil {
			return err
		}
		_, err := heldTally().Mend(tx)
		return err
	})
}
