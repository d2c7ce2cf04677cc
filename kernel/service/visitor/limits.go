package visitor

import (
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rate"
	"github.com/carapace-gateway/carapace/wit"
)

// How often, and how much at once.
var (
	visitsOfAddress  = rate.Limit{PerSecond: 1, Burst: 60} // tokens that are asked for
	callsOfAddress   = rate.Limit{PerSecond: 10, Burst: 100}
	callsOfAccount   = rate.Limit{PerSecond: 50, Burst: 500}
	loadsOfAddress   = rate.Limit{PerSecond: 20, Burst: 400} // of files of the page, of pushed ones and of streams
	usualRate        = 30                                    // calls of a visitor in a minute
	usualMost        = 200                                   // connections of an account
	streamsOfVisitor = 8
	streamsOfAddress = 64
	callsAtOnce      = 64 // of an account, that are being read or handled
	callsFromOne     = 16 // of those, from one address
)

// maxBuckets is how many visitors and addresses are remembered. When there are more, those that are full again are forgotten, and where none
// is, all are.
const maxBuckets = 20_000

// limits counts what is under way and what was, of visitors, addresses and accounts.
type limits struct {
	mu      sync.Mutex
	buckets map[string]*bucket
	running map[string]int
	streams int
}

type bucket struct {
	rate.Bucket
	idle time.Time // from when on it is full again
}

func newLimits() *limits { return &limits{buckets: map[string]*bucket{}, running: map[string]int{}} }

// take counts one event of each name, or returns CodeRateLimited where one of them has too many. An empty name has no limit.
func (l *limits) take(name string, of rate.Limit) error {
	if name == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	b := l.buckets[name]
	if b == nil {
		if len(l.buckets) >= maxBuckets {
			l.forget(now)
		}
		b = &bucket{}
		l.buckets[name] = b
	}
	b.idle = now.Add(time.Duration(float64(of.Burst) / of.PerSecond * float64(time.Second)))
	if wait := b.Take(now, of); wait > 0 {
		return wit.ErrorAfter(wit.CodeRateLimited, wait, "this is too often: wait and try again")
	}
	return nil
}

// forget makes room. The caller holds mu.
func (l *limits) forget(now time.Time) {
	for name, b := range l.buckets {
		if now.After(b.idle) {
			delete(l.buckets, name)
		}
	}
	if len(l.buckets) >= maxBuckets {
		clear(l.buckets)
	}
}

// share is a bound on how much of a name is under way.
type share struct {
	name string
	most int
}

// enter begins something that is bounded in several ways, and returns what ends it, or CodeRateLimited. A name that is empty bounds nothing.
func (l *limits) enter(shares ...share) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range shares {
		if s.name != "" && l.running[s.name] >= s.most {
			return nil, wit.ErrorAfter(wit.CodeRateLimited, 5*time.Second, "there are too many at once: wait and try again")
		}
	}
	for _, s := range shares {
		if s.name != "" {
			l.running[s.name]++
		}
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range shares {
			if s.name == "" {
				continue
			}
			if l.running[s.name]--; l.running[s.name] <= 0 {
				delete(l.running, s.name)
			}
		}
	}, nil
}

// stream counts a connection of all pages.
func (l *limits) stream(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams += n
}

func (l *limits) connected() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.streams
}

// of names something of an address or a visitor; of nobody it is empty.
func of(what, whose string) string {
	if whose == "" {
		return ""
	}
	return what + " " + whose
}
