package delivery

import "github.com/carapace-gateway/carapace/kernel/store"

// PruneDone forgets the outcomes of before, and those beyond the newest keep.
func PruneDone(tx store.Tx, before int64, keep uint64) (more bool, err error) {
	return pruneDone(tx, before, keep)
}
