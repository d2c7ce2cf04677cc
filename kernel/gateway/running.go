package gateway

import (
	"context"
	"sync"
)

// running counts what runs, so that stopping can wait for it. Unlike a WaitGroup it may be waited for while something
// still begins; and it can be closed, after which nothing does. Both are decided under one lock: what begins is
// waited for, or was refused. The zero value is open.
type running struct {
	mu     sync.Mutex
	n      int
	closed bool
	idle   chan struct{} // made by wait, closed when n reaches 0
}

// begin counts one more, unless it is closed; end, called once for each that began, lets those who wait go when it was
// the last.
func (r *running) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.n++
	return true
}

func (r *running) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n--; r.n == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// close lets nothing begin any more.
func (r *running) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// ending reports whether it is closed.
func (r *running) ending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// wait returns when nothing runs or ctx ends.
func (r *running) wait(ctx context.Context) {
	r.mu.Lock()
	if r.n == 0 {
		r.mu.Unlock()
		return
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	idle := r.idle
	r.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
