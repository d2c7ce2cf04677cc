package store

import "sync"

// lifetime lets Close wait for the transactions that run and turns away those that come later.
type lifetime struct {
	mu      sync.Mutex
	running sync.WaitGroup
	closed  bool
}

// enter counts a transaction in; whoever got nil calls leave.
func (l *lifetime) enter() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed()
	}
	l.running.Add(1)
	return nil
}

func (l *lifetime) leave() { l.running.Done() }

// end reports whether the store was open, as nil, or closed already, as an error.
func (l *lifetime) end() error {
	l.mu.Lock()
	was := l.closed
	l.closed = true
	l.mu.Unlock()
	if was {
		return errClosed()
	}
	l.running.Wait()
	return nil
}
