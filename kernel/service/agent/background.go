package agent

import (
	"context"
	"sync"
)

// background is work that nobody waits for, within run and not outside it. The zero value is ready.
type background struct {
	wg sync.WaitGroup

	mu  sync.Mutex
	ctx context.Context // of run; nil outside it
}

// run lets work begin until ctx ends, and returns when all of it has ended.
func (b *background) run(ctx context.Context) {
	b.mu.Lock()
	b.ctx = ctx
	b.mu.Unlock()
	<-ctx.Done()
	b.mu.Lock()
	b.ctx = nil
	b.mu.Unlock()
	b.wg.Wait()
}

// start calls fn on its own goroutine, or not at all outside run.
// What is started this way may be lost at any moment, so it is only ever what can be found out again.
func (b *background) start(fn func(context.Context)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx := b.ctx; ctx != nil {
		b.wg.Go(func() { fn(ctx) })
	}
}
