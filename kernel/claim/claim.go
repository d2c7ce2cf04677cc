// Package claim is the port through which work that may run only once is claimed, when several gateways may
// share one state, such as a session's runs.
//
// A claim is kept until it is released or its holder is gone; it says nothing about what the holder does.
// Everything is safe for concurrent use.
package claim

import (
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/wit"
)

// Claims grants work to one holder at a time.
type Claims interface {
	// Claim returns when nobody else holds key, and holds it until release is called, once. Keys of
	// different kinds of work differ by their first part, such as session/agent:main:main.
	//
	// Errors: CodeTimeout when ctx ends first; CodeUnavailable when nobody can be asked.
	Claim(ctx context.Context, key string) (release func(), err error)
}

// Local grants claims within one process, which is all there is on an embedded store: at once, unless the
// same process holds the key already. The zero value is ready.
type Local struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed by the release
}

// Claim implements Claims.
func (l *Local) Claim(ctx context.Context, key string) (release func(), err error) {
	for {
		released, mine := l.take(key)
		if mine {
			return func() { l.drop(key) }, nil
		}
		select {
		case <-released:
		case <-ctx.Done():
			return nil, wit.Errorf(wit.CodeTimeout, "%s is held by somebody else: %w", key, context.Cause(ctx))
		}
	}
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
