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
