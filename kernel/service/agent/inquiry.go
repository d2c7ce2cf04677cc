package agent

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/wit"
)

// inquiry is something that is wanted of the first of a chain who can give it. Whatever asks a model, asks by one: an answer, a
// summary, vectors. Each seat is asked in its turn, what has failed rests for all who come later, and what may pass is waited
// for. It is one goroutine's.
type inquiry struct {
	models *Models
	// session is whose it is: it keeps to a key.
	session string
	// chain is who may be asked, at least one; it is read before each round.
	chain func() []choice
	// log says who asks.
	log hclog.Logger
	// ask asks one, in the attempt that it is told, of which the last one has no other one after it.
	ask func(ctx context.Context, s seat, f *failures, attempt int) (outcome, error)
	// waits is told before a pause; nil is not.
	waits func(attempt int, pause time.Duration, cause error)
}

// outcome is what became of one who was to be asked.
type outcome int

const (
	// replied has an answer, or its error decides whether another one is asked.
	replied outcome = iota
	// unfit could not be asked this, which says nothing of how it is.
	unfit
	// ended ends the inquiry, which another one would not better; nothing is said of how it is.
	ended
)

// lastAttempt is the one after which nobody is asked again.
const lastAttempt = retries + 1

// run asks until there is an answer, another one would do no better, or waiting would not help. A provider that asks for a longer
// pause than maxRetryDelay is not waited for: whoever asked is better served by an error now. Errors: that of the only one, or
// what became of each; ctx's.
func (q *inquiry) run(ctx context.Context) error {
	f, backoff := newFailures(), retry.Backoff{Min: time.Second, Max: maxRetryDelay}
	for attempt := 1; ; attempt++ {
		done, err := q.round(ctx, f, attempt)
		if done || ctx.Err() != nil {
			return err
		}
		if attempt == lastAttempt {
			return f.error()
		}
		pause, ok := f.again(backoff.Delay(attempt))
		if !ok {
			return f.error()
		}
		cause := f.error()
		q.log.Warn("provider failed; it is asked again", "provider", f.latest.seat.provider, "attempt", attempt, "wait", pause, "error", cause)
		if q.waits != nil {
			q.waits(attempt, pause, cause)
		}
		if !retry.Sleep(ctx, pause) {
			return cause
		}
	}
}

// round asks one after the other.
func (q *inquiry) round(ctx context.Context, f *failures, attempt int) (done bool, err error) {
	chain := q.chain()
	for _, s := range q.models.queue(chain, q.session) {
		if f.has(s) || q.passesOver(s, f) {
			continue
		}
		what, err := q.ask(ctx, s, f, attempt)
		switch {
		case err == nil && what == replied:
			q.models.rests.Worked(ctx, s.provider, s.key, s.model)
			return true, nil
		case ctx.Err() != nil || what == ended || what == unfit && len(chain) == 1:
			return true, err
		case what == unfit:
			f.add(s, err)
		case !passesOn(wit.CodeOf(err)):
			return true, err
		default:
			q.note(ctx, s, f, err)
		}
	}
	return false, f.error()
}

// passesOver reports whether a seat is not to be asked, and takes note of why: its provider wants to be left alone, or what is asked
// is too long for it.
func (q *inquiry) passesOver(s seat, f *failures) bool {
	if e := q.models.leftAlone(s); e != nil {
		f.add(s, e)
		return true
	}
	if f.small > 0 && q.models.contextOf(s.provider, s.model) <= f.small {
		f.add(s, wit.NewError(wit.CodeTooLarge, "it reads no more than the one before"))
		return true
	}
	return false
}

// note takes note that a seat has failed: for this inquiry, and for all that come.
func (q *inquiry) note(ctx context.Context, s seat, f *failures, err error) {
	f.add(s, err)
	e := wit.AsError(err)
	if e.Code == wit.CodeTooLarge {
		f.small = max(f.small, q.models.contextOf(s.provider, s.model))
	}
	if !rests(e.Code) {
		return
	}
	p := q.models.rests.Failed(ctx, s.subject(e.Code), publicError(err))
	q.log.Warn("a model has failed and rests", "model", s.String(), "for", p.Left(), "failures", p.Failures, "error", err)
}
