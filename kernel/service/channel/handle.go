package channel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// attempts is how often an event is handled before it is kept aside: once, and three times again.
const attempts = 4

// backoff is how long a failed event waits before attempt n (1 is the second).
func backoff(n int) time.Duration { return time.Second << (n - 1) }

// Restarts of an account whose start failed.
const (
	restartMin = 5 * time.Second
	restartMax = 5 * time.Minute
)

// storeDown is a failure of the store: the event is not to blame.
type storeDown struct{ error }

func (e *storeDown) Unwrap() error { return e.error }

// handle sees one input through: handled and committed, or kept aside, or given up by a stop.
func (a *actor) handle(ctx context.Context, in *input) {
	var failure error
	for n := 0; n < attempts; n++ {
		if !a.current(in) {
			in.finish(outcome{err: wit.Errorf(wit.CodeUnavailable, "account %s was stopped", a.ref)})
			return
		}
		if n > 0 && !a.pause(ctx, in, backoff(n)) {
			in.finish(outcome{err: failure})
			return
		}
		err := a.attempt(ctx, in)
		if err == nil {
			return
		}
		if _, callable := a.Plugins.Channel(a.channel); !callable && ctx.Err() == nil {
			a.putBack(in) // it is handled by what takes the plugin's place
			return
		}
		if down := (*storeDown)(nil); errors.As(err, &down) && in.event.Kind != wit.EventKindWebhook {
			a.Log.Error("an event waits for the store", "account", a.ref, "event", in.event.Kind, "error", err)
			failure, n = err, n-1
			if !a.pause(ctx, in, retryStore) {
				in.finish(outcome{err: err})
				return
			}
			continue
		} else if down != nil || ctx.Err() != nil {
			in.finish(outcome{err: err})
			return
		}
		failure = err
		a.Log.Warn("an event was not handled", "account", a.ref, "event", in.event.Kind, "attempt", n+1, "error", err)
		if a.fallback(err) {
			n = -1
			continue
		}
		if in.event.Kind == wit.EventKindCommand || in.aside != "" {
			break
		}
	}
	a.fail(ctx, in, failure)
}

// attempt handles the event once with the code of this moment. A *storeDown is the store's failure,
// every other error the plugin's.
func (a *actor) attempt(ctx context.Context, in *input) error {
	p, ok := a.Plugins.Channel(a.channel)
	if !ok {
		return wit.Errorf(wit.CodeUnavailable, "channel %s is being replaced", a.channel)
	}
	saved, err := a.saved(ctx)
	if err != nil {
		return &storeDown{err}
	}
	next, err := a.migrate(ctx, p, saved)
	if err != nil {
		return err
	}
	answer, err := a.ask(ctx, p, in, next)
	if err != nil {
		return err
	}
	if answer.State != nil {
		next.State = answer.State
	}
	next.Version = p.Version()
	done, err := a.commit(in, answer, next, saved)
	if err != nil {
		return err
	}
	a.prove(p)
	a.act(p, in, answer, done)
	return nil
}

// migrate brings a state that another version left to this one's form.
func (a *actor) migrate(ctx context.Context, p Plugin, from savedState) (savedState, error) {
	if from.State == nil || from.Version == p.Version() || !slices.Contains(p.Facts().Operations, "migrate") {
		return from, nil
	}
	to, err := p.Migrate(ctx, &wit.Migration{FromVersion: from.Version, Account: a.account, State: from.State})
	if err != nil {
		return savedState{}, wit.Errorf(wit.CodeOf(err), "migrate the state from version %s: %w", from.Version, err)
	}
	return savedState{Version: p.Version(), State: to.State}, nil
}

func (a *actor) ask(ctx context.Context, p Plugin, in *input, s savedState) (*wit.ChannelAnswer, error) {
	e := a.fill(in.event, s)
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
func (a *actor) fill(e wit.ChannelEvent, s savedState) wit.ChannelEvent {
	e.Account, e.State, e.Now = a.account, s.State, time.Now().UnixMilli()
	return e
}

// prove notes that a build has handled an event, so that its later failures are not its upgrade's.
func (a *actor) prove(p Plugin) {
	a.mu.Lock()
	a.build = p.Build()
	a.starts = 0
	a.mu.Unlock()
	a.Service.mu.Lock()
	a.proven[a.channel] = p.Build()
	a.Service.mu.Unlock()
}

// fallback puts the old code back when new code failed its first event, and reports whether the
// event is to be tried again with it.
func (a *actor) fallback(cause error) bool {
	p, ok := a.Plugins.Channel(a.channel)
	if !ok {
		return false
	}
	a.Service.mu.Lock()
	good := a.proven[a.channel]
	a.Service.mu.Unlock()
	if good == "" || good == p.Build() {
		return false
	}
	reason := fmt.Sprintf("version %s failed its first event: %v", p.Version(), cause)
	if err := a.Plugins.Rollback(a.channel, reason); err != nil {
		a.Log.Error("the old version could not be put back", "account", a.ref, "error", err)
		a.Service.mu.Lock()
		a.proven[a.channel] = p.Build() // what follows is its own failure
		a.Service.mu.Unlock()
		return false
	}
	a.Log.Warn("the old version was put back", "account", a.ref, "reason", reason)
	return true
}

// fail decides what becomes of an event that cannot be handled.
func (a *actor) fail(ctx context.Context, in *input, cause error) {
	switch {
	case in.event.Kind == wit.EventKindCommand || in.aside != "":
		in.finish(outcome{err: cause})
	case in.event.Kind == wit.EventKindStart:
		a.failStart(cause)
	default:
		a.setAside(ctx, in, cause)
	}
}

// failStart stops the account and starts it again later.
func (a *actor) failStart(cause error) {
	hint := fmt.Sprintf("it could not be started: %v; it is tried again", cause)
	a.halt(phaseFailed, &wit.AccountStatus{State: wit.ConnectionStateFailed, Message: &hint})
	a.mu.Lock()
	a.report.LastError = a.Redact(cause.Error())
	if p, ok := a.Plugins.Channel(a.channel); ok {
		a.build = p.Build()
	}
	delay := min(restartMin<<min(a.starts, 10), restartMax)
	a.starts++
	gen := a.gen
	a.restart = time.AfterFunc(delay, func() {
		a.beginIf(func() bool { return a.gen == gen && a.phase == phaseFailed })
	})
	a.mu.Unlock()
	a.publish(a)
}
