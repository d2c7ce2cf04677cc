package channel

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// Inbox is what accounts commit to. *inbox.Service is one.
type Inbox interface {
	Commit(ctx context.Context, b inbox.Batch) (inbox.Result, error)
	State(ctx context.Context, a message.Account) (inbox.State, error)
	PutState(ctx context.Context, a message.Account, s inbox.State) error
}

// DeadLetters keeps events that cannot be handled. *inbox.DeadLetters is one.
type DeadLetters interface {
	Record(ctx context.Context, f inbox.Failure) (inbox.Recorded, error)
	Get(ctx context.Context, id string) (inbox.DeadLetter, error)
	Drop(ctx context.Context, id string) error
}

// worker does for a loop what takes time: it calls the plugin and writes. The loop has it do one thing at a
// time, in a goroutine, and hears the result; the worker keeps nothing and changes nothing of the loop's. What it
// does under a claim that is lost meanwhile is not written.
type worker struct {
	id      message.Account
	plugins Finder
	inbox   Inbox
	letters DeadLetters
	builds  *builds
	view    *atomic.Pointer[view]
}

// callable reports whether the plugin can be called now.
func (w *worker) callable() bool {
	_, ok := w.plugins.Channel(w.id.Channel)
	return ok
}

// attempted is what came of handling a series of events once.
type attempted struct {
	plugin  Plugin
	made    made        // which of its code that was
	stored  inbox.State // what was in the store; valid when loaded
	loaded  bool
	answers []*wit.ChannelAnswer // of the first events, of all or fewer
	done    inbox.Result
	state   inbox.State
	kept    keeping

	err      error // of the first event; nil when answers were committed
	blame    blame
	rollback error // why the old code could not be put back
}

// keeping is what becomes of a handled event's state.
type keeping int

const (
	keepNothing keeping = iota // it is what it was
	keepWritten                // with the messages
	keepLater                  // it came without messages: it is written soon
)

// attempt handles a series once with the code of this moment, and commits what it answers.
func (w *worker) attempt(ctx context.Context, series []*input, k keeper) (r attempted) {
	if r.err = w.handle(ctx, series, k, &r); r.err != nil {
		w.assign(ctx, &r)
		return r
	}
	w.builds.handled(w.id.Channel, r.made.build)
	return r
}

// handle is an attempt without its blame. The state that k carries is read from the store the first time. Where a series
// cannot be committed, and the store is not to blame, its first event is handled alone: so it is known which one it is.
func (w *worker) handle(ctx context.Context, series []*input, k keeper, r *attempted) (err error) {
	if !k.loaded {
		if r.stored, err = w.inbox.State(ctx, w.id); err != nil {
			return err
		}
		r.loaded = true
		k.read(r.stored)
	}
	for err = errReplaced; errors.Is(err, errReplaced); {
		var ok bool
		if r.plugin, ok = w.plugins.Channel(w.id.Channel); !ok {
			return wit.Errorf(wit.CodeUnavailable, "channel %s is being replaced", w.id.Channel)
		}
		r.made = madeOf(r.plugin)
		var before inbox.State
		if before, err = migrate(ctx, r.plugin, w.id, k.state); err == nil {
			err = w.answer(ctx, series, before, r)
		}
	}
	if err != nil {
		return err
	}
	err = w.commit(ctx, series[0], k.state.Version, r)
	if err != nil && len(r.answers) > 1 && !inbox.IsStoreError(err) {
		return w.handle(ctx, series[:1], k, r)
	}
	return err
}

// migrate brings a state that another version left to this one's form.
func migrate(ctx context.Context, p Plugin, id message.Account, from inbox.State) (inbox.State, error) {
	if from.State == nil || from.Version == p.Version() || !slices.Contains(p.Facts().Operations, "migrate") {
		return from, nil
	}
	to, err := p.Migrate(ctx, &wit.Migration{FromVersion: from.Version, Account: id.ID, State: from.State})
	if err != nil {
		return inbox.State{}, wit.Errorf(wit.CodeOf(err), "migrate the state from version %s: %w", from.Version, err)
	}
	return inbox.State{Version: p.Version(), State: to.State}, nil
}

// ask gives the plugin an event with a state, and checks what it answers.
func (w *worker) ask(ctx context.Context, p Plugin, e wit.ChannelEvent, s inbox.State) (*wit.ChannelAnswer, error) {
	e = w.fill(e, s)
	answer, err := p.Event(ctx, &e)
	if err != nil {
		return nil, err
	}
	if answer == nil {
		answer = &wit.ChannelAnswer{}
	}
	return answer, nil
}

// fill completes an event with what belongs to the moment; the plugin's door adds the configuration.
func (w *worker) fill(e wit.ChannelEvent, s inbox.State) wit.ChannelEvent {
	e.Account, e.State, e.Now = w.id.ID, s.State, time.Now().UnixMilli()
	return e
}

// commit writes the answers' messages with the rules of this moment. A replayed event, which is alone, leaves the state
// alone: the account has gone on meanwhile.
func (w *worker) commit(ctx context.Context, in *input, version string, r *attempted) (err error) {
	if claim.Lost(ctx) {
		return claim.ErrLost
	}
	if something, state := brought(r.answers); !something && in.letter == "" {
		if state || r.state.Version != version && r.state.State != nil {
			r.kept = keepLater
		}
		return nil
	}
	now := w.view.Load()
	b := inbox.Batch{Account: w.id, Access: now.settings.Access, Self: now.report.self(), Replayed: in.letter}
	gather(&b, r.answers)
	if in.letter == "" {
		b.State, r.kept = &r.state, keepWritten
	}
	r.done, err = w.inbox.Commit(ctx, b)
	return err
}

// assign finds out whose failure an error is, and puts old code back where new code is to blame.
func (w *worker) assign(ctx context.Context, r *attempted) {
	switch {
	case ctx.Err() != nil:
		r.blame = blameStop
	case !w.callable():
		r.blame = blameAbsence
	case inbox.IsStoreError(r.err):
		r.blame = blameStore
	case r.plugin == nil:
		r.blame = blameReplaced // it was away for a moment
	default:
		var replaced bool
		if replaced, r.rollback = w.builds.fallback(w.id.Channel, r.made, r.err); replaced {
			r.blame = blameReplaced
		}
	}
}

// skipped is what a plugin said to an event that cannot be handled.
type skipped struct {
	next *inbox.State // steps over it; nil when nothing does
	err  error
}

// skip asks the plugin for the state that steps over an event, where it can.
func (w *worker) skip(ctx context.Context, in *input, s inbox.State) skipped {
	p, ok := w.plugins.Channel(w.id.Channel)
	if !ok || !slices.Contains(p.Facts().Operations, "skip") {
		return skipped{}
	}
	e := w.fill(in.event, s)
	to, err := p.Skip(ctx, &e)
	if err != nil || to == nil {
		return skipped{err: err}
	}
	return skipped{next: &inbox.State{Version: p.Version(), State: to.State, At: time.Now().UnixMilli()}}
}

// recorded is what came of keeping a dead letter.
type recorded struct {
	letter inbox.Recorded
	err    error
}

// record keeps the event of a trial that was given up.
func (w *worker) record(ctx context.Context, t *trial) (r recorded) {
	if claim.Lost(ctx) {
		return recorded{err: claim.ErrLost}
	}
	r.letter, r.err = w.letters.Record(ctx, inbox.Failure{Account: w.id, Event: t.in.event, Cause: t.cause, Next: t.next})
	return r
}

// flushed is what came of writing the state.
type flushed struct{ err error }

// flush writes a state that came without messages, unless the claim was lost. It does not end with ctx.
func (w *worker) flush(ctx context.Context, s inbox.State) flushed {
	if claim.Lost(ctx) {
		return flushed{claim.ErrLost}
	}
	return flushed{w.inbox.PutState(ctx, w.id, s)}
}
