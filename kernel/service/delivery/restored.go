package delivery

import (
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// HoldAll has all that waits wait for the owner's word, and says why: whether it has gone out meanwhile is not known here, as
// in a store that was brought back from a backup. It returns how many there are. No service may run on the store. Errors: the
// store's.
func HoldAll(tx store.Tx, why string) (n int, err error) {
	var waiting []entry
	for row, err := range queueTable.Scan(tx, store.Range{}) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if !row.Value.Held {
			waiting = append(waiting, entry{key: row.Key, record: row.Value})
		}
	}
	for _, e := range waiting {
		e.Held, e.Error = true, wit.NewError(wit.CodeConflict, why)
		if err := queueTable.Put(tx, e.key, e.record); err != nil {
			return n, err
		}
		if err := heldTally().Add(tx, 1); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
