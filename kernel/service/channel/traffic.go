package channel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// traffic is what an account's present start has under way: the requests, timers and connections that its
// plugin asked for, and what they bring. The loop owns it; the goroutines that it spawns speak to the
// loop at its address.
type traffic struct {
	id     message.Account
	at     address
	dialer Dialer
	redact func(string) string
	spawn  func(func()) // the loop waits for what it spawned
	mail   *mailbox     // the loop's

	gen      uint64          // of the start
	ctx      context.Context // ends with it
	requests requests
	conns    connections
	timers   timers

	complaints complaints // over all starts
}

// roomAgain is when an account that has as many requests waiting as it may is to ask again.
const roomAgain = 5 * time.Second

// begin makes an empty traffic of a new start.
func (t *traffic) begin(ctx context.Context, gen uint64) {
	t.clear()
	t.gen, t.ctx = gen, ctx
}

// clear forgets everything; the goroutines end with their start.
func (t *traffic) clear() {
	t.requests.clear()
	t.conns.clear()
	t.timers.clear()
}

// idle reports whether nothing is under way that would bring an event.
func (t *traffic) idle() bool {
	return t.requests.idle() && t.conns.empty() && t.timers.empty()
}

// shown is an id of the plugin's as logs show it. Secrets go first: of one that is cut, a part would stay.
func (t *traffic) shown(id string) string { return message.Clip(t.redact(id), 80) }

// perform does what an answer to in asks for.
func (t *traffic) perform(p Plugin, in *input, a *wit.ChannelAnswer) {
	if in.event.Kind == wit.EventKindResponse {
		t.requests.yielded(in.took, len(a.Messages))
	}
	for _, id := range a.Close {
		t.conns.close(id)
	}
	for _, o := range a.Open {
		t.open(o)
	}
	for _, id := range a.Secure {
		if !t.conns.secure(id, in) {
			t.complaints.warn("connection not secured: it is not open, or the answer is not to a message on it", "account", t.id, "connection", t.shown(id))
		}
	}
	for _, f := range a.Frames {
		if !t.conns.send(f) {
			t.complaints.warn("frame dropped: its connection is closed", "account", t.id, "connection", t.shown(f.Connection))
		}
	}
	now := time.Now()
	for _, w := range a.Timers {
		if !t.timers.set(w, now, t.mail.count[fromTimer]) {
			t.complaints.warn("timer not set: the account has too many", "account", t.id, "timer", t.shown(w.ID))
		}
	}
	for i := range a.Requests {
		t.request(query{p, &a.Requests[i]})
	}
}

// wake puts the timers that are due in the mailbox.
func (t *traffic) wake(now time.Time) {
	for _, id := range t.timers.due(now) {
		t.mail.put(&input{gen: t.gen, origin: fromTimer, event: wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &id}})
	}
}

// arrived takes notice of what one of the goroutines brought.
func (t *traffic) arrived(in *input) {
	switch in.origin {
	case fromRequest:
		if in.event.Response.Error == nil {
			t.requests.answered()
		} else {
			t.requests.failed(in.took, time.Now())
		}
		if q, ok := t.requests.release(); ok {
			t.fetch(q)
		}
	case fromOverflow:
		t.conns.overflows--
	}
}

// request makes an HTTP request, now or when one of the account's slots is free.
func (t *traffic) request(q query) {
	switch t.requests.admit(q) {
	case admitNow:
		t.fetch(q)
	case admitNever:
		if !t.mail.room(fromRefusal) {
			t.complaints.warn("request dropped: the account has too many", "account", t.id, "request", t.shown(q.request.ID))
			return
		}
		in := responded(t.gen, refusal(q.request.ID, wit.ErrorAfter(wit.CodeRateLimited, roomAgain, "%d requests of account %s are waiting already", maxQueued, t.id)))
		in.origin = fromRefusal
		t.mail.put(in)
	}
}

// fetch makes a request that has a slot.
func (t *traffic) fetch(q query) {
	f := &fetch{query: q, account: t.id.ID, gen: t.gen, at: t.at}
	ctx, pause := t.ctx, t.requests.slowdown(time.Now())
	t.spawn(func() { f.run(ctx, pause) })
}

// open opens a connection, now or when its id has waited long enough. One too many is refused, and not so
// fast that asking again keeps the account busy.
func (t *traffic) open(o wit.OpenConnection) {
	start := t.ctx
	c, ctx, until := t.conns.add(start, o, t.gen)
	switch {
	case c != nil:
		k := &caller{account: t.id, dialer: t.dialer, at: t.at, c: c}
		t.spawn(func() {
			defer c.cancel()
			k.serve(ctx, until)
		})
	case t.conns.overflow():
		in := &input{gen: t.gen, origin: fromOverflow, event: wit.ChannelEvent{
			Kind: wit.EventKindClosed, Connection: &o.Connection, Closed: &wit.Closed{Reason: "the account has too many connections"},
		}}
		t.spawn(func() {
			if retry.Sleep(start, reopenDelays.Min) {
				t.at.post(start, in)
			}
		})
	default:
		t.complaints.warn("connection not opened: the account has too many", "account", t.id, "connection", t.shown(o.Connection))
	}
}
