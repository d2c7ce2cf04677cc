package channel

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// act does what an answer asks for, after its commit. A replayed event's answer has only its messages: the
// account has gone on meanwhile.
func (l *loop) act(in *input, r *attempted) {
	l.tell(r.done)
	if in.letter == "" && l.wanted(in) {
		l.perform(in, r)
	}
	l.finish(in, outcome{reply: r.answer.Reply, status: r.answer.Status})
	for _, x := range r.answer.Receipts {
		ReceiptKind.Publish(l.bus, Receipt{Channel: l.id.Channel, Account: l.id.ID, Receipt: x})
	}
}

// tell counts what was committed and publishes it.
func (l *loop) tell(done inbox.Result) {
	l.report.committed(done)
	l.show()
	for _, n := range done.News {
		inbox.ReceivedKind.Publish(l.bus, n)
	}
}

func (l *loop) perform(in *input, r *attempted) {
	a := r.answer
	if in.event.Kind == wit.EventKindResponse {
		l.requests.yielded(in.took, len(a.Messages))
	}
	if l.report.said(a.Status, in.event.Kind, l.redact) {
		l.publish()
	}
	for _, id := range a.Close {
		l.conns.close(id)
	}
	for _, o := range a.Open {
		l.open(o)
	}
	for _, f := range a.Frames {
		if !l.conns.send(f) {
			l.log.Warn("frame dropped: its connection is closed", "account", l.id, "connection", inbox.Clip(f.Connection, 80))
		}
	}
	now := time.Now()
	for _, t := range a.Timers {
		if !l.timers.set(t, now, l.mail.count[fromTimer]) {
			l.log.Warn("timer not set: the account has too many", "account", l.id, "timer", inbox.Clip(t.ID, 80))
		}
	}
	for i := range a.Requests {
		l.request(query{r.plugin, &a.Requests[i]})
	}
}

// request makes an HTTP request, now or when one of the account's slots is free.
func (l *loop) request(q query) {
	switch l.requests.admit(q) {
	case admitNow:
		l.fetch(q)
	case admitNever:
		if !l.mail.room(fromRefusal) {
			l.log.Warn("request dropped: the account has too many", "account", l.id, "request", inbox.Clip(q.request.ID, 80))
			return
		}
		in := responded(l.machine.gen, refusal(q.request.ID, wit.Errorf(wit.CodeRateLimited, "%d requests of account %s are waiting already", maxQueued, l.id)))
		in.origin = fromRefusal
		l.mail.put(in)
	}
}

func (l *loop) fetch(q query) {
	f := &fetch{query: q, account: l.id.ID, gen: l.machine.gen, at: l.at}
	ctx, pause := l.machine.ctx, l.requests.slowdown()
	l.tasks.Go(func() { f.run(ctx, pause) })
}

// open opens a connection, now or when its id has waited long enough. One too many is refused, and not so
// fast that asking again keeps the account busy.
func (l *loop) open(o wit.OpenConnection) {
	gen, start := l.machine.gen, l.machine.ctx
	c, ctx, until := l.conns.add(start, o, gen)
	switch {
	case c != nil:
		k := &caller{account: l.id, dialer: l.dialer, at: l.at, c: c}
		l.tasks.Go(func() {
			defer c.cancel()
			k.serve(ctx, until)
		})
	case l.conns.overflow():
		in := &input{gen: gen, origin: fromOverflow, event: wit.ChannelEvent{
			Kind: wit.EventKindClosed, Connection: &o.Connection, Closed: &wit.Closed{Reason: "the account has too many connections"},
		}}
		l.tasks.Go(func() {
			if retry.Sleep(start, reopenDelays.Min) {
				l.at.post(start, in)
			}
		})
	default:
		l.log.Warn("connection not opened: the account has too many", "account", l.id, "connection", inbox.Clip(o.Connection, 80))
	}
}
