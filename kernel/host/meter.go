package host

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rate"
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

// bucket is a rate that all calls of a plugin share.
type bucket struct {
	limit rate.Limit
	mu    sync.Mutex
	level rate.Bucket
}

func newBucket(perSecond float64, burst int) *bucket {
	return &bucket{limit: rate.Limit{PerSecond: perSecond, Burst: burst}}
}

// take uses one token and returns 0, or how long it takes until there is one.
func (b *bucket) take() (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.level.Take(time.Now(), b.limit)
}

func tooOften(what string, wait time.Duration) error {
	e := wit.NewError(wit.CodeRateLimited, what+": this plugin asks too often")
	e.RetryAfter = new(max(wait.Milliseconds(), 1))
	return e
}
