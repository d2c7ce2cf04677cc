package inbox

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// State is what an account's plugin left for its next event, and the version that left it.
type State struct {
	Version string   `json:"version"`
	State   wit.JSON `json:"state"`
	// At is when it was left, in Unix milliseconds.
	At int64 `json:"at"`
}

const stateTable = store.Table[State]("channel.state")

// State returns the account's state; the zero State for an account without one. Its error is a *StoreError.
func (s *Service) State(ctx context.Context, a message.Account) (State, error) {
	var state State
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		state, err = stateTable.Get(tx, accountKey(a))
		return err
	})
	_, err = found(err)
	return state, storeError(err)
}

// PutState writes the account's state. Its error is a *StoreError.
func (s *Service) PutState(ctx context.Context, a message.Account, state State) error {
	return write(ctx, s.store, func(tx store.Tx) error { return stateTable.Put(tx, accountKey(a), state) })
}

// accountKey is the key of what there is one of for each account, and the prefix of the rest.
func accountKey(a message.Account) string { return key(a.Channel, a.ID) }
