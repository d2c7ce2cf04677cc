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
	peers map[string]*failures
}

// failures are those of one bucket since it last logged in.
type failures struct {
	count int
	last  time.Time
	until time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, peers: map[string]*failures{}}
}

// wait returns how long the peer has to stay away, 0 for not at all.
func (l *limiter) wait(p Peer) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.peers[p.bucket()]
	if f == nil {
		return 0
	}
	return max(f.until.Sub(l.now()), 0)
}

// fail counts a failure and sets the delay, or returns how much is left of the last one: what fails while its
// peer is slowed down makes it no longer. Who has been quiet for long begins anew.
func (l *limiter) fail(p Peer) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, key := l.now(), p.bucket()
	f := l.peers[key]
	if f != nil && f.until.After(now) {
		return f.until.Sub(now)
	}
	if f == nil || now.Sub(f.last) > forgetAfter {
		l.room()
		f = &failures{}
		l.peers[key] = f
	}
	f.count++
	f.last = now
	free, backoff := freeFailures, retry.Backoff{Min: firstDelay, Max: ceiling}
	if p.Local {
		free, backoff = freeLocal, retry.Backoff{Min: firstLocal, Max: ceilingLocal}
	}
	if over := f.count - free; over > 0 {
		f.until = now.Add(backoff.Delay(over))
	}
	return 0
}

// pass removes the failures of a peer that has logged in.
func (l *limiter) pass(p Peer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.peers, p.bucket())
}

// room keeps the table bounded: it forgets the peer that failed longest ago.
func (l *limiter) room() {
	if len(l.peers) < maxPeers {
		return
	}
	var oldest string
	for key, f := range l.peers {
		if oldest == "" || f.last.Before(l.peers[oldest].last) {
			oldest = key
		}
	}
	delete(l.peers, oldest)
}
