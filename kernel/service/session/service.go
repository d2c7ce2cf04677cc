package session

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Deps is what the service uses. All fields are needed.
type Deps struct {
	Store    store.Store
	Bus      *event.Bus
	Settings func() Settings
}

// Service is the sessions as clients see them.
type Service struct {
	Deps
}

// New returns the service; it starts nothing.
func New(d Deps) *Service { return &Service{d} }

// ChangedEvent says that a session's entry, queue or history is not what it was.
type ChangedEvent struct {
	SessionKey Key    `json:"sessionKey"`
	AgentID    string `json:"agentId"`
	// Reason is message, run, patch, reset or delete.
	Reason string `json:"reason"`
	// Ts is in Unix milliseconds.
	Ts int64 `json:"ts"`
}

// Changes is the kind sessions.changed: a session's entry, queue or history is not what it was.
var Changes = event.Kind[ChangedEvent]{Name: "sessions.changed", Scope: wire.ScopeRead, DropIfSlow: true}

// Events lists the kinds that this package publishes.
func Events() []event.Row { return []event.Row{Changes.Row()} }

// Changed announces a committed change.
func (s *Service) Changed(key Key, reason string) {
	Changes.Publish(s.Bus, ChangedEvent{SessionKey: key, AgentID: key.Agent(), Reason: reason, Ts: time.Now().UnixMilli()})
}

// sweepBatch is how many records one transaction of Sweep deletes.
const sweepBatch = 500

// Sweep frees the histories that were given up, in small transactions. It is called after a deletion
// and once at start, for what a crash left over.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		id := ""
		if err := s.view(ctx, func(tx store.Tx) error {
			for row, err := range trash.Scan(tx, store.Range{Limit: 1}) {
				if err != nil {
					return err
				}
				id = row.Key
			}
			return nil
		}); err != nil || id == "" {
			return err
		}
		if err := s.Store.Update(ctx, func(tx store.Tx) error { return sweep(tx, id) }); err != nil {
			return err
		}
	}
}

// sweep deletes a batch of a history, and with the last one the traces of it.
func sweep(tx store.Tx, id string) error {
	var keys []string
	for rec, err := range tx.Scan(string(history), store.Range{Prefix: id + "/", Limit: sweepBatch}) {
		if err != nil {
			return err
		}
		keys = append(keys, rec.Key)
	}
	for _, key := range keys {
		if err := history.Delete(tx, key); err != nil {
			return err
		}
	}
	if len(keys) == sweepBatch {
		return nil
	}
	if err := ids.Delete(tx, id); err != nil {
		return err
	}
	return trash.Delete(tx, id)
}

func (s *Service) view(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.View(ctx, fn)
}
