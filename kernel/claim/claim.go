// Package claim is the port through which work that may run only once is claimed, when several gateways may
// share one state: a session's runs, an account's loop, a job's firing.
//
// A claim is kept until it is released or lost: a lease in a shared store, say, is lost by a holder that cannot
// renew it. It says nothing about what the holder does. Everything is safe for concurrent use.
package claim

import (
	"context"
	"errors"
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

// Local grants claims within one process, which is all there is on an embedded store: at once, unless the
// same process holds the key already. It loses none. The zero value is ready.
type Local struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed by the release
}

// Claim implements Claims.
func (l *Local) Claim(ctx context.Context, key string) (held context.Context, release func(), err error) {
	for {
		released, mine := l.take(key)
		if mine {
			return l.granted(ctx, key)
		}
		select {
		case <-released:
		case <-ctx.Done():
			return nil, nil, wit.Errorf(wit.CodeTimeout, "%s is held by somebody else: %w", key, context.Cause(ctx))
		}
	}
}

// Try implements Claims.
func (l *Local) Try(ctx context.Context, key string) (held context.Context, release func(), err error) {
	if _, mine := l.take(key); mine {
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

// take holds a free key, or returns what is closed when it becomes free.
func (l *Local) take(key string) (released chan struct{}, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if released, held := l.held[key]; held {
		return released, false
	}
	if l.held == nil {
		l.held = map[string]chan struct{}{}
	}
	l.held[key] = make(chan struct{})
	return nil, true
}

func (l *Local) drop(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.held[key])
	delete(l.held, key)
}
