package plugin

import (
	"context"
	"sync"
)

// gate counts the calls inside, until it is closed and the last one has left.
// A WaitGroup will not do: it does not allow an add to race with the wait, which is what a call in the moment of
// an upgrade does.
type gate struct {
	mu     sync.Mutex
	inside int
	closed bool
	shut   chan struct{} // closed with closed
	empty  chan struct{} // closed when the gate is closed and nobody is inside
}

func newGate() *gate { return &gate{shut: make(chan struct{}), empty: make(chan struct{})} }

// enter lets a call in; false once the gate is closed.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside++
	return true
}

// leave lets a call out that enter let in.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 && g.closed {
		close(g.empty)
	}
}

// close lets nobody in any more, and reports whether all have left before ctx ends.
func (g *gate) close(ctx context.Context) bool {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.shut)
		if g.inside == 0 {
			close(g.empty)
		}
	}
	g.mu.Unlock()
	select {
	case <-g.empty:
		return true
	case <-ctx.Done():
		return false
	}
}
