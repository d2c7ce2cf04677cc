package run

import "github.com/carapace-gateway/carapace/kernel/store"

// Start is start of a run by its id.
func Start(tx store.Tx, id string) (Run, error) {
	r, err := Find(tx, id)
	if err != nil {
		return r, err
	}
	return start(tx, r)
}

// Tell gives a session a system event, once.
func Tell(tx store.Tx, e SystemEvent) error { return tell(tx, e) }

// Waiters returns how many runs are waited for.
func Waiters(s *Service) int { return len(s.waiters.by) }
