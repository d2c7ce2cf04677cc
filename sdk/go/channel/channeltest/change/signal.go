// Package change lets tests wait for what happens on a test server.
package change

import (
	"context"
	"sync"
)

// Signal wakes everybody who waits for something to happen. Whoever waits takes Next before looking whether what it waits for is
// there already, or looks under the lock under which it is put there: so nothing is missed. The zero value is ready. It may be used
// by several goroutines.
type Signal struct {
	mu     sync.Mutex
	change chan struct{}
}

// Raise says that something has happened.
func (s *Signal) Raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.change != nil {
		close(s.change)
		s.change = nil
	}
}

// Next returns a channel that is closed when the next thing happens.
func (s *Signal) Next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.change == nil {
		s.change = make(chan struct{})
	}
	return s.change
}

// Wait returns when ok answers true, or with ctx's error. ok is asked again after each thing that happens, without any lock.
func (s *Signal) Wait(ctx context.Context, ok func() bool) error {
	for {
		changed := s.Next()
		if ok() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
