package inbox

import "github.com/carapace-gateway/carapace/kernel/store"

// PruneEntries forgets the entries of before, and those beyond the newest keep.
func PruneEntries(tx store.Tx, before int64, keep uint64) (more bool, err error) {
	return pruneEntries(tx, before, keep)
}
