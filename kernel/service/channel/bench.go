package channel

import (
	"context"
	"time"
)

// bench is where a loop's worker does one thing after the other: it handles an event, or writes the account's
// state. The loop owns it.
type bench struct {
	worker  *worker
	results chan result
	spawn   func(func()) // the loop waits for what it spawned

	busy  bool   // a result is to come
	trial *trial // the event that is being handled; nil for none
	state keeper
}

// result is what the worker did.
type result interface {
	// conclude runs in the loop.
	conclude(l *loop)
}

// advance gives the worker the next thing to do, when it has nothing and there is something. The mailbox is left
// alone unless it is open.
func (b *bench) advance(life context.Context, now time.Time, mail *mailbox, open bool) {
	switch {
	case b.busy:
	case b.state.due(now):
		state := b.state.state
		b.work(func() result { return b.worker.flush(life, state) })
	case b.trial != nil:
		if !b.trial.paused(now) {
			b.try(life, b.trial)
		}
	case open && !mail.empty() && b.worker.callable():
		in, behind := mail.series()
		b.trial = &trial{in: in, behind: behind}
		b.try(life, b.trial)
	}
}

// try does an event's next step.
func (b *bench) try(life context.Context, t *trial) {
	state := b.state
	switch t.stage {
	case stageHandle:
		series := append([]*input{t.in}, t.behind...)
		b.work(func() result { return b.worker.attempt(life, series, state) })
	case stageSkip:
		b.work(func() result { return b.worker.skip(life, t.in, state.state) })
	case stageRecord:
		b.work(func() result { return b.worker.record(life, t) })
	}
}

// work has the worker do something whose result comes to the loop.
func (b *bench) work(fn func() result) {
	b.busy = true
	b.spawn(func() { b.results <- fn() })
}

// take ends the present trial and returns its event.
func (b *bench) take() *input {
	in := b.trial.in
	b.trial = nil
	return in
}

// next is when there is something to do again without anybody asking; zero when never, or when a result is
// to come first.
func (b *bench) next() (t time.Time) {
	if b.busy {
		return t
	}
	if b.state.dirty {
		t = b.state.flushAt
	}
	if b.trial != nil {
		t = earlier(t, b.trial.resumeAt)
	}
	return t
}
