package delivery

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// ownerMethods are how the owner sees the queue and decides about messages: delivery.*.
type ownerMethods struct {
	records  records
	lanes    *lanes
	outcomes *outcomes
}

// methods lists the rows.
func (m *ownerMethods) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("delivery.list", wire.ScopeRead, m.list).Doc("Lists outgoing messages: those that are not over, the oldest first, or those of one state."),
		rpc.New("delivery.release", wire.ScopeAdmin, m.release).Audited().Fails(wire.NotFound, wire.Conflict).Emits("message.delivered", "message.failed").
			Doc("Sends a held message after all."),
		rpc.New("delivery.drop", wire.ScopeAdmin, m.drop).Audited().Fails(wire.NotFound, wire.Conflict).Emits("message.failed").
			Doc("Takes a message that is not over out of the queue."),
	}
}

// ListParams select outgoing messages.
type ListParams struct {
	Channel string `json:"channel,omitempty" rpc:"min=1,max=128"`
	// State of sent, failed or cancelled gives the newest first; without one all that is not over comes.
	State State `json:"state,omitempty" rpc:"enum=queued|held|sent|failed|cancelled"`
	// Limit is 100 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=1000"`
}

// ListResult is a list of outgoing messages.
type ListResult struct {
	Messages []Row `json:"messages"`
}

// Row is an outgoing message. Times are Unix milliseconds.
type Row struct {
	ID         string `json:"id"`
	State      State  `json:"state" rpc:"enum=queued|held|sent|failed|cancelled"`
	Channel    string `json:"channel"`
	AccountID  string `json:"accountId"`
	To         string `json:"to"`
	RunID      string `json:"runId,omitempty"`
	SessionKey string `json:"sessionKey,omitempty"`
	// Pieces is in how many the message is cut, SentPieces how many of them have arrived, as IDs.
	Pieces     int      `json:"pieces"`
	SentPieces int      `json:"sentPieces"`
	IDs        []string `json:"ids,omitempty"`
	Attempts   int      `json:"attempts,omitempty"`
	// NextAt is when it is tried again.
	NextAt    int64      `json:"nextAt,omitempty"`
	CreatedAt int64      `json:"createdAt"`
	DoneAt    int64      `json:"doneAt,omitempty"`
	Error     *wit.Error `json:"error,omitempty"`
	// Waiting says why nothing is tried now.
	Waiting string `json:"waiting,omitempty"`
}

// IDParams name a message by the id of delivery.list.
type IDParams struct {
	ID string `json:"id" rpc:"required,min=1,max=1024"`
}

// IDResult names the message that was changed.
type IDResult struct {
	OK bool   `json:"ok"`
	ID string `json:"id"`
}

// defaultLimit is how many messages a list has when the client names no limit.
const defaultLimit = 100

// list shows the queue, oldest first, or the outcomes, newest first.
func (m *ownerMethods) list(ctx context.Context, in ListParams) (ListResult, error) {
	limit := in.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	out := ListResult{Messages: []Row{}}
	err := m.records.list(ctx, in, limit, func(r *record) { out.Messages = append(out.Messages, m.row(r)) })
	return out, err
}

// row shows a record; what it waits for only the lane knows.
func (m *ownerMethods) row(r *record) Row {
	v := Row{
		ID: r.ID, State: r.State, Channel: r.Channel, AccountID: r.Account, To: r.To.ID, RunID: r.RunID, SessionKey: r.SessionKey,
		Pieces: len(r.Pieces), IDs: r.ids(), Attempts: r.Attempts, NextAt: r.NextAt, CreatedAt: r.CreatedAt, DoneAt: r.DoneAt, Error: r.Error,
	}
	for _, p := range r.Pieces {
		if p.Sent {
			v.SentPieces++
		}
	}
	if r.State == StateQueued {
		v.Waiting = m.lanes.parked(r.lane())
	}
	return v
}

// release sends a held message again, behind what its conversation has waiting: the order was given up when
// the message was held.
func (m *ownerMethods) release(ctx context.Context, in IDParams) (IDResult, error) {
	e, err := m.records.release(ctx, in.ID)
	if err != nil {
		return IDResult{}, err
	}
	m.lanes.push(e.lane(), e.Channel, e.key)
	return IDResult{true, in.ID}, nil
}

// drop takes a message that is not over out of the queue. Its lane finds that by itself; a send that is under
// way goes on, and no further one begins.
func (m *ownerMethods) drop(ctx context.Context, in IDParams) (IDResult, error) {
	e, err := m.records.drop(ctx, in.ID)
	if err != nil {
		return IDResult{}, err
	}
	m.outcomes.announce(ctx, &e.record)
	return IDResult{true, in.ID}, nil
}
