package auth

import (
	"net/netip"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
)

// What the limiter allows: so many failures for free, then a delay that doubles up to a ceiling. The
// ceilings are short because a delay that outlasts an attacker mostly hits the owner.
const (
	freeFailures = 5
	freeLocal    = 20
	firstDelay   = time.Second
	firstLocal   = 100 * time.Millisecond
	ceiling      = 60 * time.Second
	ceilingLocal = 2 * time.Second
	forgetAfter  = 10 * time.Minute
	maxAddresses = 4096
)

// limiter slows down addresses that fail to log in.
type limiter struct {
	now   func() time.Time
	mu    sync.Mutex
	addrs map[string]*failures
}

// failures are those of one network since it last logged in.
type failures struct {
	count int
	last  time.Time
	until time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, addrs: map[string]*failures{}}
}

// network is what counts as one address: a host, or in IPv6 the /64 that one host can use freely.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if a = a.Unmap(); a.Is6() && !a.IsLoopback() {
		p, _ := a.WithZone("").Prefix(64)
		return p.String()
	}
	return a.String()
}

// wait returns how long the address has to stay away, 0 for not at all.
func (l *limiter) wait(ip string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.addrs[network(ip)]
	if f == nil {
		return 0
	}
	return max(f.until.Sub(l.now()), 0)
}

// fail counts one and sets the delay. A network that has been quiet for long begins anew.
func (l *limiter) fail(ip string, local bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, key := l.now(), network(ip)
	f := l.addrs[key]
	if f == nil || now.Sub(f.last) > forgetAfter {
		l.room(now)
		f = &failures{}
		l.addrs[key] = f
	}
	f.count++
	f.last = now
	free, backoff := freeFailures, retry.Backoff{Min: firstDelay, Max: ceiling}
	if local {
		free, backoff = freeLocal, retry.Backoff{Min: firstLocal, Max: ceilingLocal}
	}
	if over := f.count - free; over > 0 {
		f.until = now.Add(backoff.Delay(over))
	}
}

// pass removes the failures of an address that has logged in.
func (l *limiter) pass(ip string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.addrs, network(ip))
}

// room keeps the table bounded: it removes entries that have expired, else the one that failed longest ago.
func (l *limiter) room(now time.Time) {
	if len(l.addrs) < maxAddresses {
		return
	}
	var oldest string
	for key, f := range l.addrs {
		if now.Sub(f.last) > forgetAfter {
			delete(l.addrs, key)
		} else if oldest == "" || f.last.Before(l.addrs[oldest].last) {
			oldest = key
		}
	}
	if len(l.addrs) >= maxAddresses {
		delete(l.addrs, oldest)
	}
}
