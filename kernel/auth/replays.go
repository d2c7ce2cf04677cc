package auth

import (
	"sync"
	"time"
)

// maxReplays bounds what replays remembers.
const maxReplays = 4096

// replays remembers signatures without nonce for as long as they would be accepted.
type replays struct {
	now  func() time.Time
	mu   sync.Mutex
	seen map[string]time.Time
}

func newReplays(now func() time.Time) *replays {
	return &replays{now: now, seen: map[string]time.Time{}}
}

// first reports whether the signature is new, and remembers it. A full memory refuses: such clients
// can sign the challenge instead.
func (r *replays) first(sig string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if _, twice := r.seen[sig]; twice {
		return false
	}
	if len(r.seen) >= maxReplays {
		for s, until := range r.seen {
			if now.After(until) {
				delete(r.seen, s)
			}
		}
		if len(r.seen) >= maxReplays {
			return false
		}
	}
	r.seen[sig] = now.Add(2 * MaxSkew)
	return true
}
