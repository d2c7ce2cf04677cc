package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Link is an account as a send finds it: what its plugin has left, and its connections, at one moment.
type Link interface {
	// State is what a send is given of the account. Errors: CodeUnavailable.
	State(ctx context.Context) (wit.JSON, error)
	// Write writes frames on the account's connections and returns when that is done. ended is closed when the last
	// one's connection has ended and what came on it was handled; nil is never.
	//
	// Errors: CodeUnavailable when nothing was written, CodeTimeout when some may have been, and others for frames
	// that the connection does not write.
	Write(ctx context.Context, frames []wit.Frame) (ended <-chan struct{}, err error)
}

// ticket names what a send waits for.
type ticket struct {
	account message.Account
	token   string
}

// wait is a piece that waits for its token. The piece's record says what becomes of it: told only has it looked at.
type wait struct {
	key   string
	piece int
	ids   []string // the platform's, where the confirmation has none
	told  chan struct{}
	// flight is the send's, which knows what was said before it waited.
	flight flight
	// cause is why it was not sent, where the record says that the outcome is known.
	cause *wit.Error
}

// awaiting are the waits of this process, and what was confirmed before its send has come to wait. After its end each is a piece in the
// send window, as after a request that was not answered. It is safe for concurrent use.
type awaiting struct {
	mu    sync.Mutex
	waits map[ticket]*wait
	early map[message.Account]*early
}

// add has w wait for t, unless something does: then false.
func (a *awaiting) add(t ticket, w *wait) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waits[t] != nil {
		return false
	}
	if a.waits == nil {
		a.waits = map[ticket]*wait{}
	}
	a.waits[t] = w
	return true
}

// remove ends a wait. A transaction that begins afterwards does not find it.
func (a *awaiting) remove(t ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waits, t)
}

// meet returns who waits for t. Where nobody does, what was said of it is kept for the sends that are on their way, for when it is
// committed.
func (a *awaiting) meet(t ticket, c wit.Confirmation) *wait {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.waits[t]
	if e := a.early[t.account]; w == nil && e != nil {
		e.keep(c)
	}
	return w
}

// Confirm implements message.Confirmer. The piece is sent, or known not to be, with the commit of tx; with a later one where its
// send does not wait yet.
func (q *Queue) Confirm(tx store.Tx, a message.Account, c wit.Confirmation) (known bool, err error) {
	if w := q.awaiting.meet(ticket{a, c.Token}, c); w != nil {
		return w.settle(tx, c)
	}
	return false, nil
}

// settle records what was said of the piece; false where that was known, or the owner has dropped it. Errors: the store's.
func (w *wait) settle(tx store.Tx, c wit.Confirmation) (news bool, err error) {
	r, err := queueTable.Get(tx, w.key)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p := &r.Pieces[w.piece]
	if p.Sending == 0 {
		return false, nil
	}
	p.Sending = 0
	if w.cause = c.Error; c.Error == nil {
		p.Sent, p.IDs = true, c.IDs
		if len(c.IDs) == 0 {
			p.IDs = w.ids
		}
	}
	return true, queueTable.Put(tx, w.key, r)
}

// Confirmed implements message.Confirmer.
func (q *Queue) Confirmed(a message.Account, list []wit.Confirmation) {
	for _, c := range list {
		if w := q.awaiting.confirmed(ticket{a, c.Token}); w != nil {
			select {
			case w.told <- struct{}{}:
			default: // it has not looked yet since the last one
			}
		}
	}
}

// over has a piece's frames written, and waits for what its plugin awaits. Whether that came is the record's word, so
// that a confirmation which was committed counts, also where it comes with the end of the time or of the connection.
// Errors: Link.Write's; the confirmation's; CodeTimeout when none came, and the piece may have arrived.
func (d *dispatcher) over(ctx context.Context, e *entry, i int, link Link, sent *wit.Sent, f flight) (*wit.Sent, error) {
	ctx, cancel := graceful(ctx)
	defer cancel()
	if sent.Awaits == nil {
		_, err := link.Write(ctx, sent.Frames)
		return sent, err
	}
	t := ticket{message.Account{Channel: e.Channel, ID: e.Account}, sent.Awaits.Token}
	w := &wait{key: e.key, piece: i, ids: sent.IDs, told: make(chan struct{}, 1), flight: f}
	if !d.awaiting.add(t, w) {
		return nil, wit.Errorf(wit.CodeUnavailable, "another message of account %s waits for the token %.80q", t.account, t.token)
	}
	if err := d.take(ctx, e, i, sent); err != nil {
		d.awaiting.remove(t)
		return nil, err
	}
	err := d.await(ctx, e, i, link, sent, w)
	d.awaiting.remove(t)
	if err != nil {
		if bad := d.records.persist(ctx, d.records.reread, e); bad != nil {
			return nil, bad
		}
	}
	switch p := e.Pieces[i]; {
	case p.Sent, p.taken() && wit.CodeOf(err) == wit.CodeTimeout:
		return &wit.Sent{IDs: p.IDs, Moved: sent.Moved}, nil
	case p.Sending == 0:
		return nil, w.cause
	}
	return nil, err
}

// take notes the ids of a piece that counts as sent unless the platform says otherwise, before that is waited for: a crash
// meanwhile finds them.
func (d *dispatcher) take(ctx context.Context, e *entry, i int, sent *wit.Sent) error {
	if !sent.Awaits.Taken || len(sent.IDs) == 0 {
		return nil
	}
	return d.records.persist(ctx, func(e *entry) error { return d.records.take(e, i, sent.IDs) }, e)
}

// await writes frames and waits, aside, until the record says what became of the piece: then the error is nil. It looks whenever it is
// told, which may be of an earlier attempt that waited for the same token.
func (d *dispatcher) await(ctx context.Context, e *entry, i int, link Link, sent *wit.Sent, w *wait) error {
	ended, err := link.Write(ctx, sent.Frames)
	if err != nil {
		return err
	}
	within := sent.Awaits.Within
	if within == 0 {
		within = wit.AwaitedWithinDefault
	}
	timer := time.NewTimer(time.Duration(min(within, wit.AwaitedWithinCut)) * time.Millisecond)
	defer timer.Stop()
	defer d.aside(e.Channel)()
	for {
		if err := d.heed(ctx, e, sent, w); err != nil || e.Pieces[i].Sending == 0 {
			return err
		}
		select {
		case <-w.told:
			// What it was told is committed: a snapshot has it, and waits for no other transaction.
			if err := d.records.persist(ctx, d.records.snapshot, e); err != nil {
				return err
			}
			if e.Pieces[i].Sending == 0 {
				return nil
			}
		case <-timer.C:
			return wit.NewError(wit.CodeTimeout, "the platform did not confirm it in time")
		case <-ended:
			return wit.NewError(wit.CodeTimeout, "the connection ended before the platform had confirmed it")
		case <-ctx.Done():
			return wit.NewError(wit.CodeTimeout, "the gateway has no time left to wait for the platform's confirmation")
		}
	}
}

// heed records what was said of a piece before its send waited. A piece that goes over a connection was not there before its frames are
// written: what was said before is of another one with the same token. Errors: reread's.
func (d *dispatcher) heed(ctx context.Context, e *entry, sent *wit.Sent, w *wait) error {
	if len(sent.Frames) > 0 {
		return nil
	}
	c, ok := w.flight.heard(sent.Awaits.Token)
	if !ok {
		return nil
	}
	return d.records.persist(ctx, func(e *entry) error { return d.records.settle(e, w, c) }, e)
}
