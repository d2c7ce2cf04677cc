// Package fault keeps what is to go wrong with the calls that reach a platform's test server. Which faults a platform has, and how
// it answers with them, is the server's own.
package fault

import (
	"slices"
	"sync"
)

// Queue has faults that wait, in order, for calls that they fit. The zero value is empty and ready. It may be used by several
// goroutines.
type Queue[F any] struct {
	mu      sync.Mutex
	waiting []*waiting[F]
}

type waiting[F any] struct {
	fault F
	times int // negative for ever
}

// Add lets so many coming calls fail: once when times is 0, all when it is below.
func (q *Queue[F]) Add(f F, times int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if times == 0 {
		times = 1
	}
	q.waiting = append(q.waiting, &waiting[F]{f, times})
}

// Take returns what goes wrong with a call: the first fault that fits it, nil for nothing.
func (q *Queue[F]) Take(fits func(*F) bool) *F {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, w := range q.waiting {
		if !fits(&w.fault) {
			continue
		}
		if w.times--; w.times == 0 {
			q.waiting = slices.Delete(q.waiting, i, i+1)
		}
		return &w.fault
	}
	return nil
}

// Clear takes back what would go wrong.
func (q *Queue[F]) Clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = nil
}
