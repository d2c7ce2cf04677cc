package run

import (
	"context"
	"fmt"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// StartID is Start of a run by its id.
func StartID(tx store.Tx, id string) (Run, error) {
	r, err := Find(tx, id)
	if err != nil {
		return r, err
	}
	return Start(tx, r)
}

// Tell gives a session a system event, once.
func Tell(tx store.Tx, e SystemEvent) error { return tell(tx, e) }

// Waiters returns how many runs are waited for.
func Waiters(s *Service) int { return len(s.waiters.by) }

// Remembered returns of how many runs and sessions something is kept in memory, while nothing goes on.
func Remembered(s *Service) int {
	return len(s.waiters.by) + len(s.active) + len(s.busy) + len(s.holds.by) + len(s.handover.by) + len(s.parked)
}

// Parked returns how many sessions wait for a place.
func Parked(s *Service) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.parked)
}

// Places returns how many places are free, while nobody waits for one.
func Places(s *Service) (n int) {
	name := func(n int) string { return fmt.Sprint("place ", n) }
	for s.turns.Try(name(n)) {
		n++
	}
	for i := range n {
		s.turns.Give(name(i))
	}
	return n
}

// Begin begins a run as its executor does.
func Begin(s *Service, tx store.Tx, r Run) (resumed bool, err error) {
	return (&Active{Run: r, service: s, held: context.Background()}).Begin(tx)
}

// Look reads what a wake for these sessions has the service look at.
func Look(s *Service, tx store.Tx, keys ...session.Key) ([]*Waiting, error) {
	return s.look(tx, false, keys)
}
