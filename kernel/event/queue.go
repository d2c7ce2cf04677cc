package event

import "sync"

// Queue buffers the events that keep selects, for a reader with a pace of its own.
type Queue struct {
	c       chan Event
	mu      sync.Mutex
	dropped int
	cancel  func()
}

// NewQueue subscribes to b. keep may be nil (everything); size is how many events wait at most.
func NewQueue(b *Bus, size int, keep func(Event) bool) *Queue {
	q := &Queue{c: make(chan Event, size)}
	q.cancel = b.Subscribe(func(e Event) {
		if keep == nil || keep(e) {
			q.push(e)
		}
	})
	return q
}

// C gives the events in the order of their publication. It is never closed.
func (q *Queue) C() <-chan Event { return q.c }

// Dropped returns how many events were lost since the last call.
func (q *Queue) Dropped() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.dropped
	q.dropped = 0
	return n
}

// Close ends the subscription. Events that wait can still be read.
func (q *Queue) Close() { q.cancel() }

func (q *Queue) push(e Event) {
	for {
		select {
		case q.c <- e:
			return
		default:
		}
		select {
		case <-q.c:
			q.mu.Lock()
			q.dropped++
			q.mu.Unlock()
		default:
		}
	}
}
