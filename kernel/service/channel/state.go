package channel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// savedState is what an account's plugin left, and the version that left it.
type savedState struct {
	Version string   `json:"version"`
	State   wit.JSON `json:"state"`
	At      int64    `json:"at"`
}

const stateTable = store.Table[savedState]("channel.state")

// Writes outlive the stop of the gateway by at most this long, and lazy ones wait at most flushDelay.
const (
	writeTimeout = 30 * time.Second
	flushDelay   = time.Second
	retryStore   = time.Second
)

// saved returns the account's state, read once.
func (a *actor) saved(ctx context.Context) (savedState, error) {
	if a.loaded {
		return a.state, nil
	}
	err := a.Store.View(ctx, func(tx store.Tx) (err error) {
		a.state, err = stateTable.Get(tx, key(a.channel, a.account))
		return err
	})
	if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
		return savedState{}, err
	}
	a.loaded = true
	return a.state, nil
}

// keep remembers a state that came without messages; it is written within flushDelay.
func (a *actor) keep(next savedState) {
	a.state, a.dirty = next, true
	a.arm()
}

func (a *actor) arm() {
	if !a.armed {
		a.armed = true
		time.AfterFunc(flushDelay, func() { a.post(&input{flush: true}) })
	}
}

// flush writes a state that waits for it. Losing it costs a replay, so a failure is only logged and the
// write tried again.
func (a *actor) flush() {
	a.armed = false
	if !a.dirty {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	err := a.Store.Update(ctx, func(tx store.Tx) error {
		return stateTable.Put(tx, key(a.channel, a.account), a.state)
	})
	if err != nil {
		a.Log.Warn("the state of an account could not be written", "account", a.ref, "error", err)
		a.arm()
		return
	}
	a.dirty = false
}
