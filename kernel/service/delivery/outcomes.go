package delivery

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/wit"
)

// outcomes records what became of a message and then tells everybody: events, whoever waits, hooks. Nobody
// hears of an outcome that is not written. A crash between the two keeps the outcome and loses the news.
type outcomes struct {
	log     hclog.Logger
	bus     *event.Bus
	hooks   Hooks
	records records
	waiters *waiters
	drafts  Drafts
	count   *service.Counter
}

// finish ends a message. One that the owner dropped meanwhile has been announced as that, and keeps it.
func (o *outcomes) finish(ctx context.Context, e *entry, state State, cause *wit.Error) step {
	e.State, e.Error, e.DoneAt = state, cause, time.Now().UnixMilli()
	err := o.records.persist(ctx, o.records.end, e)
	switch {
	case err == nil:
		o.drafts.Drop(ctx, e.ID)
		o.announce(ctx, &e.record)
	case isGone(err):
		o.log.Warn("message ended after it was dropped", "id", e.ID, "state", state)
	}
	return after(err, step{pop: true})
}

// hold takes a message out of its lane until the owner decides.
func (o *outcomes) hold(ctx context.Context, e *entry, why string) step {
	e.Held = true
	e.Error = wit.NewError(wit.CodeConflict, why+": release it to send it again, or drop it")
	err := o.records.persist(ctx, o.records.hold, e)
	if err == nil {
		o.announce(ctx, &e.record)
	}
	return after(err, step{pop: true})
}

// announce publishes where a record is now, wakes who waits for it, and runs the hook. Observers run last and
// outlive ctx: they may take their time, and what they watch has happened.
func (o *outcomes) announce(ctx context.Context, r *record) {
	state := r.state()
	d := Delivered{
		ID: r.ID, Channel: r.Channel, AccountID: r.Account, To: r.To.ID, IDs: r.ids(),
		RunID: r.RunID, SessionKey: r.SessionKey, TS: time.Now().UnixMilli(),
	}
	o.count.Add(r.Channel, outcomeOf(state))
	if state == StateSent {
		DeliveredKind.Publish(o.bus, d)
	} else {
		o.log.Warn("message not delivered", "id", r.ID, "channel", r.Channel, "state", state, "error", r.Error)
		FailedKind.Publish(o.bus, Failed{Delivered: d, State: state, Error: r.Error})
	}
	o.waiters.tell(r.ID, outcome{state, d.IDs, r.Error})
	if state == StateSent || state == StateFailed {
		o.hooks.Sent(context.WithoutCancel(ctx), r.hookContext(), wit.MessageSent{
			Channel: r.Channel, Account: r.Account, To: r.To.ID, Text: r.Text, IDs: d.IDs, Error: r.Error,
		})
	}
}
