package host

import (
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rate"
	"github.com/carapace-gateway/carapace/wit"
)

// bucket is a rate that all calls of all versions of a plugin share.
type bucket struct {
	limit rate.Limit
	mu    sync.Mutex
	level rate.Bucket
}

func newBucket(perSecond float64, burst int) *bucket {
	return &bucket{limit: rate.Limit{PerSecond: perSecond, Burst: burst}}
}

// take uses one token and returns 0, or how long it takes until there is one. Nothing waits here: a guest that waited
// would keep its instance, which others may need.
func (b *bucket) take() (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.level.Take(time.Now(), b.limit)
}

// tooOften tells a guest to wait.
func tooOften(what string, wait time.Duration) error {
	return wit.ErrorAfter(wit.CodeRateLimited, wait, "%s: this plugin asks too often", what)
}
