package delivery

import (
	"slices"
	"sync"

	"github.com/carapace-gateway/carapace/wit"
)

// outcome is what a waiting caller hears.
type outcome struct {
	state State
	ids   []string
	err   *wit.Error
}

// waiters are the callers who wait for the outcome of a message. They are safe for concurrent use.
type waiters struct {
	mu   sync.Mutex
	byID map[string][]chan outcome
}

func newWaiters() *waiters { return &waiters{byID: map[string][]chan outcome{}} }

// add returns a channel that gets at most one outcome. remove is to be called in any case. Who adds itself
// before it enqueues misses nothing.
func (w *waiters) add(id string) (c <-chan outcome, remove func()) {
	own := make(chan outcome, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byID[id] = append(w.byID[id], own)
	return own, func() { w.remove(id, own) }
}

func (w *waiters) remove(id string, own chan outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byID[id] = slices.DeleteFunc(w.byID[id], func(c chan outcome) bool { return c == own })
	if len(w.byID[id]) == 0 {
		delete(w.byID, id)
	}
}

// tell hands an outcome to all who wait for a message, and forgets them. It does not block.
func (w *waiters) tell(id string, o outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.byID[id] {
		c <- o // it has room: nobody is told twice
	}
	delete(w.byID, id)
}
