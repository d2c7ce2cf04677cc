// Package rate bounds how often something may happen.
package rate

import "time"

// Limit is a number of events a second, and how many may come at once.
type Limit struct {
	PerSecond float64
	Burst     int
}

// Bucket is a token bucket: full at first, it refills at the limit's rate. The zero value is ready. It is
// not safe for concurrent use, so that one that belongs to a goroutine costs nothing; who shares one locks.
type Bucket struct {
	tokens float64
	last   time.Time
}

// Take uses one token and returns 0, or how long it takes until there is one.
func (b *Bucket) Take(now time.Time, l Limit) (wait time.Duration) {
	if b.last.IsZero() {
		b.tokens = float64(l.Burst)
	} else {
		b.tokens = min(b.tokens+now.Sub(b.last).Seconds()*l.PerSecond, float64(l.Burst))
	}
	b.last = now
	if b.tokens < 1 {
		return max(time.Duration((1-b.tokens)/l.PerSecond*float64(time.Second)), 1)
	}
	b.tokens--
	return 0
}
