// Package claim is the port through which work that may run only once is claimed, when several gateways may
// share one state: a session's runs, an account's loop, a job's firing.
//
// A claim is kept until it is released or lost: a lease in a shared store, say, is lost by a holder that cannot
// renew it. It says nothing about what the holder does. Everything is safe for concurrent use.
package claim

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/carapace-gateway/carapace/wit"
)

// Claims grants work to one holder at a time. Keys of different kinds of work differ by their first part, such
// as session/agent:main:main.
//
// What is granted is held until release is called, once, also after a loss. The context held comes from ctx; it
// ends with the claim too, and when that was lost its cause is ErrLost. The work has to end with it: from then on
// somebody else may do it.
type Claims interface {
	// Claim waits until nobody else holds key.
	//
	// Errors: CodeTimeout when ctx ends first; CodeUnavailable when nobody can be asked.
	Claim(ctx context.Context, key string) (held context.Context, release func(), err error)
	// Try is Claim without waiting for another holder. Errors: CodeConflict when there is one; as Claim's.
	Try(ctx context.Context, key string) (held context.Context, release func(), err error)
}

// ErrLost is the cause of the end of a claim that its holder did not release.
var ErrLost = errors.New("the claim was lost")

// Lost reports whether a claim was lost, by its context.
func Lost(held context.Context) bool { return errors.Is(context.Cause(held), ErrLost) }

// Local grants claims within one process, which is all there is on an embedded store: at once, or in the order of
// asking while the same process holds the key. It loses none. The zero value is ready.
type Local struct {
	mu   sync.Mutex
	held map[string][]chan struct{} // by the keys that are held: who waits, each closed when the key is its own
}

// Claim implements Claims.
func (l *Local) Claim(ctx context.Context, key string) (held context.Context, release func(), err error) {
	turn := l.take(key, true)
	if turn == nil {
		return l.granted(ctx, key)
	}
	select {
	case <-turn:
		return l.granted(ctx, key)
	case <-ctx.Done():
		l.leave(key, turn)
		return nil, nil, wit.Errorf(wit.CodeTimeout, "%s is held by somebody else: %w", key, context.Cause(ctx))
	}
}

// Try implements Claims.
func (l *Local) Try(ctx context.Context, key string) (held context.Context, release func(), err error) {
	if l.take(key, false) == nil {
		return l.granted(ctx, key)
	}
	return nil, nil, wit.Errorf(wit.CodeConflict, "%s is held by somebody else", key)
}

// granted is what the holder of key gets.
func (l *Local) granted(ctx context.Context, key string) (held context.Context, release func(), err error) {
	held, cancel := context.WithCancel(ctx)
	return held, func() {
		cancel()
		l.drop(key)
	}, nil
}

// take holds a free key and returns nil. For a held one it returns what is closed when the key is the caller's, who
// is among those who wait for it if he wants to.
func (l *Local) take(key string, wait bool) (turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting, held := l.held[key]
	if l.held == nil {
		l.held = map[string][]chan struct{}{}
	}
	if !held {
		l.held[key] = nil
		return nil
	}
	turn = make(chan struct{})
	if wait {
		l.held[key] = append(waiting, turn)
	}
	return turn
}

// drop gives the key to whoever has waited longest.
func (l *Local) drop(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := l.held[key]
	if len(waiting) == 0 {
		delete(l.held, key)
		return
	}
	l.held[key] = waiting[1:]
	close(waiting[0])
}

// leave waits no longer. A key that was given in that moment goes on to the next.
func (l *Local) leave(key string, turn chan struct{}) {
	l.mu.Lock()
	n := slices.Index(l.held[key], turn)
	if n >= 0 {
		l.held[key] = slices.Delete(l.held[key], n, n+1)
	}
	l.mu.Unlock()
	if n < 0 {
		l.drop(key)
	}
}
