package auth

import (
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
)

// What the limiter allows: so many failures for free, then a delay that doubles up to a ceiling.
const (
	freeFailures = 5
	freeLocal    = 20
	firstDelay   = time.Second
	firstLocal   = 100 * time.Millisecond
	ceiling      = 60 * time.Second
	ceilingLocal = 2 * time.Second
	forgetAfter  = 10 * time.Minute
	maxPeers     = 4096
)

// limiter slows down peers that fail to log in, by their buckets.
type limiter struct {
	now   func() time.Time
	mu    sync.Mutex
	peers map[bucket]*failures
}

// bucket is those who are slowed down together. This machine's are slowed down less.
type bucket struct {
	name  string
	local bool
}

// ofDevice is the bucket of a device that was let in before: what strangers do at its address is not its fault.
func ofDevice(id string) bucket { return bucket{"device " + id, false} }

// failures are those of one bucket since it last logged in.
type failures struct {
	count int
	last  time.Time
	until time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, peers: map[bucket]*failures{}}
}

// wait returns how long the peers of a bucket have to stay away, 0 for not at all.
func (l *limiter) wait(b bucket) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.peers[b]
	if f == nil {
		return 0
	}
	return max(f.until.Sub(l.now()), 0)
}

// fail counts a failure and sets the delay, or returns how much is left of the last one: what fails while its
// bucket is slowed down makes it no longer. Who has been quiet for long begins anew.
func (l *limiter) fail(b bucket) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	f := l.peers[b]
	if f != nil && f.until.After(now) {
		return f.until.Sub(now)
	}
	if f == nil || now.Sub(f.last) > forgetAfter {
		l.room()
		f = &failures{}
		l.peers[b] = f
	}
	f.count++
	f.last = now
	free, backoff := freeFailures, retry.Backoff{Min: firstDelay, Max: ceiling}
	if b.local {
		free, backoff = freeLocal, retry.Backoff{Min: firstLocal, Max: ceilingLocal}
	}
	if over := f.count - free; over > 0 {
		f.until = now.Add(backoff.Delay(over))
	}
	return 0
}

// pass removes the failures of a bucket from which somebody has logged in.
func (l *limiter) pass(b bucket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.peers, b)
}

// room keeps the table bounded: it forgets the peer that failed longest ago.
func (l *limiter) room() {
	if len(l.peers) < maxPeers {
		return
	}
	var oldest bucket
	for key, f := range l.peers {
		if oldest.name == "" || f.last.Before(l.peers[oldest].last) {
			oldest = key
		}
	}
	delete(l.peers, oldest)
}
