package runtime

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// budget bounds how many instances are alive in an engine. Takers wait in order. It is safe for concurrent use.
type budget struct {
	total int
	evict func() // makes somebody give one back, if somebody can spare one

	mu      sync.Mutex
	free    int
	waiters []chan struct{}
	waiting atomic.Int32
}

func newBudget(total int, evict func()) *budget {
	return &budget{total: total, free: total, evict: evict}
}

// take takes one. When none is free it queues, evicts, and waits. It returns the cause when ctx ends.
func (b *budget) take(ctx context.Context) error {
	b.mu.Lock()
	if b.free > 0 {
		b.free--
		b.mu.Unlock()
		return nil
	}
	wait := make(chan struct{}, 1)
	b.waiters = append(b.waiters, wait)
	b.mu.Unlock()
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	b.evict()
	select {
	case <-wait:
		return nil
	case <-ctx.Done():
		b.mu.Lock()
		n := slices.Index(b.waiters, wait)
		if n >= 0 {
			b.waiters = slices.Delete(b.waiters, n, n+1)
		}
		b.mu.Unlock()
		if n < 0 { // it was given one just then
			b.give()
		}
		return context.Cause(ctx)
	}
}

// give gives one back, to the one who waits longest if somebody waits.
func (b *budget) give() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiters) > 0 {
		b.waiters[0] <- struct{}{}
		b.waiters = slices.Delete(b.waiters, 0, 1)
		return
	}
	b.free++
}

// contended says that somebody waits, so that an instance is better given back than kept idle.
func (b *budget) contended() bool { return b.waiting.Load() > 0 }

// used is how many are taken.
func (b *budget) used() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total - b.free
}
