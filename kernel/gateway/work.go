package gateway

import (
	"context"
	"sync"
)

// work counts the requests that run, so that stopping can wait for them. Unlike a WaitGroup it may be
// waited for while requests still begin.
type work struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // made by wait, closed when n reaches 0
}

// begin counts one more; end, called once for it, lets those who wait go when it was the last.
func (w *work) begin() {
	w.mu.Lock()
	w.n++
	w.mu.Unlock()
}

func (w *work) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n--; w.n == 0 && w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
}

// wait returns when nothing runs or ctx ends.
func (w *work) wait(ctx context.Context) {
	w.mu.Lock()
	if w.n == 0 {
		w.mu.Unlock()
		return
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	idle := w.idle
	w.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
