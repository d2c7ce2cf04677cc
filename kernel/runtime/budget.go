package runtime

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// budget bounds how many instances are alive in an engine. Takers wait in order.
type budget struct {
	mu      sync.Mutex
	free    int
	waiters []chan struct{}
	waiting atomic.Int32
}

// take takes one. When none is free it queues, asks evict to make somebody give one back, and waits.
func (b *budget) take(ctx context.Context, evict func()) error {
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
	evict()
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
		if n < 0 {
			b.give()
		}
		return context.Cause(ctx)
	}
}

func (b *budget) left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.free
}

// contended says that somebody waits, so that an instance is better given back than kept idle.
func (b *budget) contended() bool { return b.waiting.Load() > 0 }

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

// evict gives back the least recently used instance of the pool that has most of them idle. Instances
// of single pools are kept: they hold what their plugin remembers.
func (e *Engine) evict() {
	e.mu.Lock()
	var from *Pool
	most := 0
	for p := range e.pools {
		if p.spec.Mode == Single {
			continue
		}
		p.mu.Lock()
		if len(p.idle) > most {
			from, most = p, len(p.idle)
		}
		p.mu.Unlock()
	}
	e.mu.Unlock()
	if from == nil {
		return
	}
	from.mu.Lock()
	if len(from.idle) == 0 { // taken by a call, which will see that the budget is contended
		from.mu.Unlock()
		return
	}
	i := from.idle[0]
	from.idle = slices.Delete(from.idle, 0, 1)
	from.mu.Unlock()
	from.discard(i)
}
