package run

import (
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// EndAll ends all runs that wait or run, and says why: whether they were answered meanwhile is not known here, as in a store
// that was brought back from a backup. It returns how many there were. No service may run on the store. Errors: the store's.
func EndAll(tx store.Tx, why string) (n int, err error) {
	var live []string
	for row, err := range queue.Scan(tx, store.Range{}) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		live = append(live, row.Value.Run)
	}
	for _, id := range live {
		_, err := Finish(tx, id, Aborted, func(r *Run) { r.Error = wit.NewError(wit.CodeConflict, why) })
		switch {
		case unreadable(err) || wit.CodeOf(err) == wit.CodeConflict: // the service sets those aside when it begins
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	return n, nil
}
