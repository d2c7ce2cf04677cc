package delivery

import "github.com/carapace-gateway/carapace/kernel/store"

// Waiters returns how many messages are waited for.
func Waiters(s *Service) int { return len(s.send.waiters.byID) }

// PruneDone forgets the outcomes of before, and those beyond the newest keep.
func PruneDone(tx store.Tx, before int64, keep uint64) (more bool, err error) {
	return pruneDone(tx, before, keep)
}
