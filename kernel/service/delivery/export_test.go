package delivery

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// Waiters returns how many messages are waited for.
func Waiters(s *Service) int { return len(s.send.waiters.byID) }

// PruneDone forgets the outcomes of before, and those beyond the newest keep.
func PruneDone(tx store.Tx, before int64, keep uint64) (more bool, err error) {
	return pruneDone(tx, before, keep)
}

// Hold has a message held, as one is that was in the send window when the gateway ended.
func Hold(t *testing.T, s store.Store, id string) {
	t.Helper()
	q := records{store: s}
	e, err := q.find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	e.Held, e.State = true, ""
	if err := q.hold(&e); err != nil {
		t.Fatal(err)
	}
}
