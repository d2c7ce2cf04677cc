package channel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// act does what an answer asks for, after its commit. A replayed event's answer has only its messages:
// the account has gone on meanwhile.
func (a *actor) act(p Plugin, in *input, answer *wit.ChannelAnswer, done committed) {
	a.noteCommit(done)
	if in.aside == "" && a.current(in) {
		a.noteYield(in, answer)
		a.noteStatus(answer.Status, in.event.Kind)
		for _, id := range answer.Close {
			a.closeConn(id)
		}
		for _, o := range answer.Open {
			a.open(o)
		}
		for _, f := range answer.Frames {
			a.send(f)
		}
		for _, t := range answer.Timers {
			a.setTimer(t)
		}
		for i := range answer.Requests {
			a.request(p, &answer.Requests[i])
		}
	}
	in.finish(outcome{reply: answer.Reply, status: answer.Status})
	for _, r := range answer.Receipts {
		ReceiptKind.Publish(a.Bus, Receipt{Channel: a.channel, Account: a.account, Receipt: r})
	}
}

// noteCommit tells the others what a commit has for them.
func (a *actor) noteCommit(done committed) {
	if done.accepted > 0 {
		a.Inbound.Wake()
	}
	if done.told {
		a.Outbox.Wake()
	}
	if len(done.news) > 0 || done.duplicates > 0 {
		a.mu.Lock()
		a.report.Duplicates += done.duplicates
		a.report.Received += len(done.news)
		a.report.LastInboundAt = time.Now().UnixMilli()
		a.mu.Unlock()
	}
	for _, n := range done.news {
		ReceivedKind.Publish(a.Bus, n)
	}
}

// Responses that come at once and bring nothing are let be this often in a row; the requests after them
// wait, so that a server which does not hold a long poll is not asked without end.
const (
	quick        = 100 * time.Millisecond
	maxFruitless = 50
	maxSlowdown  = time.Second
)

func (a *actor) noteYield(in *input, answer *wit.ChannelAnswer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case in.event.Kind != wit.EventKindResponse:
	case in.took < quick && len(answer.Messages) == 0:
		a.fruitless++
	default:
		a.fruitless = 0
	}
}

func (a *actor) slowdown() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if over := a.fruitless - maxFruitless; over > 0 {
		return min(time.Millisecond<<min(over, 10), maxSlowdown)
	}
	return 0
}

// request makes an HTTP request, now or when one of the account's slots is free. The response, or why
// there is none, comes back as an event.
func (a *actor) request(p Plugin, r *wit.HTTPRequest) {
	a.mu.Lock()
	gen, ctx := a.gen, a.ctx
	run := func() { a.perform(ctx, gen, p, r) }
	switch {
	case a.running < maxRunning:
		a.running++
		a.mu.Unlock()
		a.spawn(func(context.Context) { run() })
	case len(a.waiting) < maxQueued:
		a.waiting = append(a.waiting, run)
		a.mu.Unlock()
	default:
		a.mu.Unlock()
		a.post(responded(gen, refusal(r.ID, wit.Errorf(wit.CodeRateLimited, "%d requests of account %s are waiting already", maxQueued, a.ref))))
	}
}

// perform makes one request and then, in the same goroutine, those that waited for its slot.
func (a *actor) perform(ctx context.Context, gen uint64, p Plugin, r *wit.HTTPRequest) {
	if !wait(ctx, a.slowdown()) {
		return
	}
	began := time.Now()
	resp, err := p.Do(ctx, a.account, r)
	if ctx.Err() != nil {
		return
	}
	took := time.Since(began)
	if err != nil || resp == nil {
		resp = refusal(r.ID, err)
	}
	resp.ID = r.ID
	if !wait(ctx, a.calm(resp)) {
		return
	}
	a.mu.Lock()
	if a.gen != gen {
		a.mu.Unlock()
		return
	}
	var next func()
	if len(a.waiting) > 0 {
		next, a.waiting = a.waiting[0], a.waiting[1:]
	} else {
		a.running--
	}
	in := responded(gen, resp)
	in.took = took
	a.queue = append(a.queue, in)
	a.mu.Unlock()
	if next != nil && !a.spawn(func(context.Context) { next() }) {
		return
	}
	a.kick()
}

// calm is how long the news of a failed request is held back: longer and longer while all of them fail,
// so that a plugin that asks again at once does not spin.
func (a *actor) calm(resp *wit.HTTPResponse) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if resp.Error == nil {
		a.failures = 0
		return 0
	}
	a.failures++
	if a.failures == 1 {
		return 0
	}
	return min(250*time.Millisecond<<min(a.failures-2, 8), 10*time.Second)
}

// wait reports false when ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func responded(gen uint64, r *wit.HTTPResponse) *input {
	return &input{gen: gen, event: wit.ChannelEvent{Kind: wit.EventKindResponse, Response: r}}
}

func refusal(id string, err error) *wit.HTTPResponse {
	if err == nil {
		err = wit.NewError(wit.CodeInternal, "the request came to no result")
	}
	return &wit.HTTPResponse{ID: id, Error: wit.AsError(err)}
}

// setTimer sets, moves or clears a timer.
func (a *actor) setTimer(t wit.Timer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old, ok := a.timers[t.ID]; ok {
		old.Stop()
		delete(a.timers, t.ID)
	}
	if t.After <= 0 {
		return
	}
	if len(a.timers) >= maxTimers {
		a.Log.Warn("a timer was not set: the account has too many", "account", a.ref, "timer", clip(t.ID, 80))
		return
	}
	gen, entry := a.gen, &timer{}
	entry.Timer = time.AfterFunc(time.Duration(min(t.After, maxDelay))*time.Millisecond, func() { a.fire(t.ID, entry, gen) })
	a.timers[t.ID] = entry
}

// maxDelay is the longest timer in milliseconds; more would not fit a time.Duration.
const maxDelay = int64(365 * 24 * time.Hour / time.Millisecond)

// timer is one setting of a timer.
type timer struct{ *time.Timer }

// fire posts a timer's event, unless the timer was moved or cleared while it went off.
func (a *actor) fire(id string, entry *timer, gen uint64) {
	a.mu.Lock()
	if a.gen != gen || a.timers[id] != entry {
		a.mu.Unlock()
		return
	}
	delete(a.timers, id)
	a.queue = append(a.queue, &input{gen: gen, event: wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &id}})
	a.mu.Unlock()
	a.kick()
}
