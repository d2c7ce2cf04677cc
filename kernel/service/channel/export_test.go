package channel

import "github.com/carapace-gateway/carapace/kernel/store"

// PruneInbox forgets the entries of before, and those beyond the newest keep.
func PruneInbox(tx store.Tx, before int64, keep uint64) (more bool, err error) {
	return pruneInbox(tx, before, keep)
}
