package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Delivered says that a message has arrived at its platform.
type Delivered struct {
	ID         string   `json:"id"`
	Channel    string   `json:"channel"`
	AccountID  string   `json:"accountId"`
	To         string   `json:"to"`
	IDs        []string `json:"ids"`
	RunID      string   `json:"runId,omitempty"`
	SessionKey string   `json:"sessionKey,omitempty"`
	TS         int64    `json:"ts"`
}

// Failed says that a message will not arrive, or (held) that the owner has to decide. IDs are the
// pieces of it that did arrive.
type Failed struct {
	Delivered
	State State      `json:"state"`
	Error *wit.Error `json:"error"`
}

// The service's events.
var (
	DeliveredKind = event.Kind[Delivered]{Name: "message.delivered", Scope: wire.ScopeRead}
	FailedKind    = event.Kind[Failed]{Name: "message.failed", Scope: wire.ScopeRead}
)

// Events lists the kinds that the service publishes.
func Events() []event.Row { return []event.Row{DeliveredKind.Row(), FailedKind.Row()} }

// outcome is what a waiting caller hears.
type outcome struct {
	state State
	ids   []string
	err   *wit.Error
}

// finish moves a message from the queue to the outcomes, and then tells everybody.
func (s *Service) finish(ctx context.Context, item string, r *record, state State, cause *wit.Error) step {
	r.State, r.Error, r.DoneAt = state, cause, time.Now().UnixMilli()
	next := s.settle(ctx, func() error {
		return s.update(func(tx store.Tx) error {
			if _, err := tx.Get(string(queueTable), item); err != nil {
				return gone(err)
			}
			if err := queueTable.Delete(tx, item); err != nil {
				return err
			}
			return doneTable.Put(tx, item, r.outcome())
		})
	}, step{pop: true})
	if next.pop {
		s.announce(ctx, r, state)
	}
	return next
}

// outcome is what is kept of a finished message: not its text.
func (r *record) outcome() record {
	o := *r
	o.Text, o.Attachments, o.Pieces = "", nil, nil
	for _, p := range r.Pieces {
		o.Pieces = append(o.Pieces, piece{Sent: p.Sent, IDs: p.IDs})
	}
	return o
}

// announce publishes an outcome, runs the hook and wakes who waits for it.
func (s *Service) announce(ctx context.Context, r *record, state State) {
	d := Delivered{ID: r.ID, Channel: r.Channel, AccountID: r.Account, To: r.To.ID, IDs: r.ids(),
		RunID: r.RunID, SessionKey: r.SessionKey, TS: time.Now().UnixMilli()}
	if state == StateSent {
		DeliveredKind.Publish(s.Bus, d)
	} else {
		s.Log.Warn("a message was not delivered", "id", r.ID, "channel", r.Channel, "state", state, "error", r.Error)
		FailedKind.Publish(s.Bus, Failed{Delivered: d, State: state, Error: r.Error})
	}
	s.mu.Lock()
	for _, w := range s.waiters[r.ID] {
		w <- outcome{state, d.IDs, r.Error}
	}
	delete(s.waiters, r.ID)
	s.mu.Unlock()
	if s.Hooks != nil && (state == StateSent || state == StateFailed) {
		s.Hooks.Sent(context.WithoutCancel(ctx), r.hookContext(), wit.MessageSent{Channel: r.Channel, Account: r.Account, To: r.To.ID, Text: r.Text, IDs: d.IDs, Error: r.Error})
	}
}

func (r *record) hookContext() wit.HookContext {
	return wit.HookContext{Agent: r.Agent, Session: r.SessionKey, Run: r.RunID, Channel: &r.Channel, Account: &r.Account}
}

// What is kept of outcomes, and how often that is looked at.
const (
	keepAge    = 7 * 24 * time.Hour
	keepCount  = 10_000
	pruneDelay = time.Minute
	pruneEvery = time.Hour
	pruneBatch = 500
)

// prune forgets old outcomes, and with them their ids.
func (s *Service) prune(ctx context.Context) {
	for more := true; more && ctx.Err() == nil; {
		err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
			more, err = pruneDone(tx, time.Now().Add(-keepAge).UnixMilli(), keepCount)
			return err
		})
		if err != nil {
			s.Log.Warn("old outcomes could not be removed", "error", err)
			return
		}
	}
}

func pruneDone(tx store.Tx, before int64, keep uint64) (more bool, err error) {
	var last uint64
	for row, err := range tx.Scan(string(doneTable), store.Range{Limit: 1, Reverse: true}) {
		if err != nil {
			return false, err
		}
		if _, err := fmt.Sscanf(row.Key, "%x", &last); err != nil {
			return false, wit.Errorf(wit.CodeInternal, "delivery: the key %q is damaged: %w", row.Key, err)
		}
	}
	var old []store.Row[record]
	for row, err := range doneTable.Scan(tx, store.Range{Limit: pruneBatch}) {
		if err != nil {
			return false, err
		}
		if row.Value.DoneAt >= before && (last < keep || row.Key > fmt.Sprintf("%016x", last-keep)) {
			break
		}
		old = append(old, row)
	}
	for _, row := range old {
		if err := doneTable.Delete(tx, row.Key); err != nil {
			return false, err
		}
		if err := idTable.Delete(tx, idKey(row.Value.ID)); err != nil {
			return false, err
		}
	}
	return len(old) == pruneBatch, nil
}
