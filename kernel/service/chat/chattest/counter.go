package chattest

import (
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// Counter counts, for several goroutines.
type Counter struct {
	mu sync.Mutex
	n  int
}

// Typing implements agent.Typing.
func (c *Counter) Typing(context.Context, message.Account, wit.Conversation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return nil
}

// Count returns the sum.
func (c *Counter) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// Add adds n.
func (c *Counter) Add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
}

// Max keeps the largest n.
func (c *Counter) Max(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n = max(c.n, n)
}
