package botapi

import "sync"

// signal wakes everybody who waits for something to happen. Whoever waits takes next before looking whether
// what it waits for is there already, or looks under the lock under which it is put there: so nothing is
// missed.
type signal struct {
	mu     sync.Mutex
	change chan struct{}
}

func newSignal() *signal { return &signal{change: make(chan struct{})} }

// next returns a channel that is closed when the next thing happens.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.change
}

// raise says that something has happened.
func (s *signal) raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.change)
	s.change = make(chan struct{})
}
