package schedule

import (
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/wit"
)

// lifetime is the time while Run does: it gives handlers their context and waits for them at the end.
type lifetime struct {
	mu   sync.Mutex
	work context.Context // the handlers', nil while Run does not
	wait sync.WaitGroup  // handlers, and calls of Start that may still start one
}

// begin starts it. Errors: CodeConflict if it goes on already.
func (l *lifetime) begin(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.work != nil {
		return wit.NewError(wit.CodeConflict, "the scheduler is already running")
	}
	l.work = ctx
	return nil
}

// end refuses who wants to join from now on, and then waits for all that have: in this order, so that no
// handler starts after the wait.
func (l *lifetime) end() {
	l.mu.Lock()
	l.work = nil
	l.mu.Unlock()
	l.wait.Wait()
}

// join holds the end back until leave is called and returns the handlers' context.
//
// Errors: CodeUnavailable if Run does not run.
func (l *lifetime) join() (work context.Context, leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.work == nil {
		return nil, nil, wit.NewError(wit.CodeUnavailable, "the scheduler is not running: try again when the gateway has started")
	}
	l.wait.Add(1)
	return l.work, l.wait.Done, nil
}

// spawn runs fn on a goroutine that the end waits for. The caller has joined, or is Run itself.
func (l *lifetime) spawn(fn func()) { l.wait.Go(fn) }

func (l *lifetime) going() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.work != nil
}
