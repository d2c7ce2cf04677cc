package host

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// meters hold what a plugin has used of its rates.
type meters struct {
	log, emit, http *bucket
	requests        chan struct{} // one per http_request that runs
	open            connections
	dropped         atomic.Int64 // log lines since the last one that was written
}

func newMeters() *meters {
	return &meters{log: newBucket(wit.LimitLogPerSecond, wit.LimitLogBurst), emit: newBucket(wit.LimitEmitPerSecond, wit.LimitEmitBurst),
		http: newBucket(wit.LimitHTTPPerSecond, wit.LimitHTTPBurst), requests: make(chan struct{}, wit.LimitHTTPAtOnce)}
}

// enter waits for a free place among the requests that run; leave gives it back.
func (m *meters) enter(ctx context.Context) error {
	select {
	case m.requests <- struct{}{}:
		return nil
	case <-ctx.Done():
		return wit.NewError(wit.CodeTimeout, "http: too many requests of this plugin are running")
	}
}

func (m *meters) leave() { <-m.requests }

// bucket refills at a rate up to a burst.
type bucket struct {
	mu          sync.Mutex
	rate, burst float64
	tokens      float64
	at          time.Time
}

func newBucket(perSecond, burst float64) *bucket {
	return &bucket{rate: perSecond, burst: burst, tokens: burst, at: time.Now()}
}

// take uses one token; if there is none it returns how long it takes until there is.
func (b *bucket) take() (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.tokens = min(b.burst, b.tokens+now.Sub(b.at).Seconds()*b.rate)
	b.at = now
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / b.rate * float64(time.Second)), false
	}
	b.tokens--
	return 0, true
}

func tooOften(what string, wait time.Duration) error {
	e := wit.NewError(wit.CodeRateLimited, what+": this plugin asks too often")
	e.RetryAfter = new(max(wait.Milliseconds(), 1))
	return e
}
