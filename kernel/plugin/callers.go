package plugin

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/wit"
)

// callers are what calls a version's code, one for each class of calls or, with single instances, for each
// account. The zero value is ready.
type callers struct {
	mu     sync.Mutex
	open   map[string]engine.Caller
	past   engine.Stats // of those that were closed, and of versions before
	closed bool
}

// get returns the caller of a key, which start makes.
// start runs under the lock, so a key is started once; it must not wait for calls.
func (c *callers) get(key string, start func() (engine.Caller, error)) (engine.Caller, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if running := c.open[key]; running != nil {
		return running, nil
	}
	if c.closed {
		return nil, wit.NewError(wit.CodeUnavailable, "the version is being stopped")
	}
	made, err := start()
	if err != nil {
		return nil, err
	}
	if c.open == nil {
		c.open = map[string]engine.Caller{}
	}
	c.open[key] = made
	return made, nil
}

// started reports whether anything has been called.
func (c *callers) started() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open) > 0
}

// keys lists those of what has been called.
func (c *callers) keys() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.open))
}

// close closes all, for good; calls that still run are stopped when ctx ends.
// The lock is not held meanwhile, so figures can be read while old calls end.
func (c *callers) close(ctx context.Context) {
	c.mu.Lock()
	old := c.open
	c.open, c.closed = nil, true
	c.mu.Unlock()
	for _, caller := range old {
		c.end(ctx, caller)
	}
}

// drop closes the caller of a key, if there is one; the next get starts another.
func (c *callers) drop(ctx context.Context, key string) {
	c.mu.Lock()
	old := c.open[key]
	delete(c.open, key)
	c.mu.Unlock()
	if old != nil {
		c.end(ctx, old)
	}
}

// end closes a caller that nobody gets any more, and keeps its figures.
func (c *callers) end(ctx context.Context, caller engine.Caller) {
	_ = caller.Close(ctx) // what had to be stopped fails on its own
	stats := caller.Stats()
	stats.Instances, stats.Memory = 0, 0
	c.addStats(stats)
}

func (c *callers) stats() engine.Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.past
	for _, caller := range c.open {
		s.Add(caller.Stats())
	}
	return s
}

// addStats counts further figures in.
func (c *callers) addStats(s engine.Stats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.past.Add(s)
}
