package run

import (
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// waiters are those who wait for the end of runs. The zero value is ready.
type waiters struct {
	mu sync.Mutex
	by map[string]*waiter
}

// waiter is a channel that is closed when a run ends, and how many wait for it.
type waiter struct {
	done    chan struct{}
	waiting int
}

// join waits for a run from now on, until leave is called.
func (w *waiters) join(id string) (done <-chan struct{}, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	mine := w.by[id]
	if mine == nil {
		if w.by == nil {
			w.by = map[string]*waiter{}
		}
		mine = &waiter{done: make(chan struct{})}
		w.by[id] = mine
	}
	mine.waiting++
	return mine.done, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if mine.waiting--; mine.waiting == 0 && w.by[id] == mine {
			delete(w.by, id)
		}
	}
}

// release lets those go on who wait for a run.
func (w *waiters) release(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if mine := w.by[id]; mine != nil {
		close(mine.done)
		delete(w.by, id)
	}
}

// Wait returns a run once it has ended. A run that does not exist yet is waited for too. It fails
// with CodeTimeout when ctx ends first.
func (s *Service) Wait(ctx context.Context, id string) (Run, error) {
	done, leave := s.waiters.join(id)
	defer leave()
	r, err := s.Find(ctx, id)
	if err == nil && r.State.Live() || wit.CodeOf(err) == wit.CodeNotFound {
		select {
		case <-done:
			return s.Find(ctx, id)
		case <-ctx.Done():
			return r, wit.Errorf(wit.CodeTimeout, "run %.40q has not ended yet: %w", id, context.Cause(ctx))
		}
	}
	return r, err
}

// holds are the sessions in which no run begins. The zero value is ready.
type holds struct {
	mu sync.Mutex
	by map[session.Key]int
}

// hold keeps runs of the session from beginning until the returned function is called, once.
func (h *holds) hold(key session.Key) (release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by == nil {
		h.by = map[session.Key]int{}
	}
	h.by[key]++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.by[key]--; h.by[key] == 0 {
			delete(h.by, key)
		}
	}
}

func (h *holds) holding(key session.Key) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.by[key] > 0
}
