package run

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/store"
)

const (
	// defaultTimeout ends a run that names no other one.
	defaultTimeout = 10 * time.Minute
	// TimedOut is why a run was stopped that took longer than it may.
	TimedOut = "timeout"
	// maxTimeout is the longest one that a time.Duration holds, in milliseconds.
	maxTimeout = math.MaxInt64 / int64(time.Millisecond)
)

// errHeld is why a run does not begin: its session is being reset or deleted. It has no code, so Update marks it
// Unrecorded.
var errHeld = errors.New("the session is held")

// Active is a run in the hands of its executor. It belongs to the goroutine that executes the run.
type Active struct {
	// Run is the record as it was read or written last; the executor keeps it so.
	Run Run
	// Begun is set if the run has begun in the transaction that queued it, and nobody was told of it yet: see
	// Executor.Begin.
	Begun *Beginning

	service *Service
	held    context.Context // the claim's
}

// unrecorded is a failure of the store: the run stays where it is and is tried again.
type unrecorded struct{ error }

func (u unrecorded) Unwrap() error { return u.error }

// Unrecorded reports whether a step failed because the store did. It says nothing about the run, which is
// to be left where it is.
func Unrecorded(err error) bool { return errors.As(err, new(unrecorded)) }

// Update records a step in one transaction. It is not disturbed by the end of the run's context, but nothing is
// recorded once the claim of the run was lost. An error is Unrecorded then and if the store failed, else fn's own.
func (a *Active) Update(fn func(store.Tx) error) error {
	return marked(a.service.store.Update(context.Background(), func(tx store.Tx) error {
		if claim.Lost(a.held) {
			return claim.ErrLost
		}
		return fn(tx)
	}))
}

// View reads on for the run; the end of its context does not disturb it. Errors are as Update's.
func (a *Active) View(fn func(store.Tx) error) error {
	return marked(a.service.store.View(context.Background(), fn))
}

func marked(err error) error {
	if store.Failed(err) {
		return unrecorded{err}
	}
	return err
}

// Begin makes a queued run the session's running one, or counts that a running one is taken up again.
//
// Errors: CodeConflict if it has ended, or another one is running; one that is Unrecorded while the session
// is held; the store's.
func (a *Active) Begin(tx store.Tx) (resumed bool, err error) {
	r, err := Find(tx, a.Run.ID)
	if err != nil {
		return false, err
	}
	if r.State == Queued {
		if a.service.holds.holding(r.Session) {
			return false, errHeld
		}
		a.Run, err = Start(tx, r)
		return false, err
	}
	a.Run, err = Note(tx, r.ID, func(r *Run) { r.Resumed++ })
	return true, err
}

// WithTimeout returns a context that ends, with *Stopped as its cause, when the run's time is over. The time
// counts from now.
func (a *Active) WithTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := defaultTimeout
	if a.Run.Timeout > 0 {
		timeout = time.Duration(min(a.Run.Timeout, maxTimeout)) * time.Millisecond
	}
	return context.WithTimeoutCause(ctx, timeout, &Stopped{TimedOut})
}

// StopOthers stops the session's running run and those that wait, for an urgent run that asks for it.
// Errors are as Service.Stop's.
func (a *Active) StopOthers(ctx context.Context, reason string) error {
	_, err := a.service.Stop(ctx, Selection{Session: a.Run.Session, Waiting: true}, reason)
	return err
}

// Began announces, after the commit, that the run goes on.
func (a *Active) Began() { a.service.sessions.Changed(a.Run.Session, "run") }

// Ended announces, after the commit, that the run has its end, and lets those go on who wait for it.
func (a *Active) Ended() {
	a.service.waiters.release(a.Run.ID)
	a.service.sessions.Changed(a.Run.Session, "run")
}
