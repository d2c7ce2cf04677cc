package runtime

import (
	"errors"
	"sync"
	"time"
)

// crashes keeps a plugin that crashes again and again from having the gateway make instances for that all the time: what
// an instance leaves behind, memory and a stack, is most of what it costs. Some crashes at once are free, as when a model
// tries what a tool cannot do; from then on they are spaced out, in all instances of the pool together, those that
// computed for long before by more. It is safe for concurrent use. The zero value is ready.
type crashes struct {
	mu   sync.Mutex
	over time.Time // when the next instance may be made
}

const (
	crashRest     = time.Second     // after a crash, with as long again as it computed
	longCrashRest = 4 * time.Second // at most
	freeRest      = 8 * time.Second // is let off, and comes back with time
)

// count counts what ended an instance that computed for so long, if it is a crash.
func (c *crashes) count(err error, computed time.Duration) {
	if crash := (*Crash)(nil); !errors.As(err, &crash) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if earliest := time.Now().Add(-freeRest); c.over.Before(earliest) {
		c.over = earliest
	}
	c.over = c.over.Add(min(crashRest+computed, longCrashRest))
}

// rest is how long to wait before the next instance is made; it is not positive if that may be now.
func (c *crashes) rest() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Until(c.over)
}
