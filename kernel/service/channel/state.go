package channel

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
)

// flushDelay is how long a state that came without messages waits at most before it is written. One that comes with the news
// that the account is connected is written at once: it may have from where on messages are for the account.
const flushDelay = time.Second

// keeper is an account's state: the store's, or a newer one that is written soon. Losing that costs a replay.
// The loop owns it, and hands copies out.
type keeper struct {
	state   inbox.State
	loaded  bool      // from the store, once
	dirty   bool      // newer than the store's
	flushAt time.Time // when dirty
}

// read takes over what is in the store.
func (k *keeper) read(s inbox.State) { k.state, k.loaded = s, true }

// committed takes over what was written.
func (k *keeper) committed(s inbox.State) { *k = keeper{state: s, loaded: true} }

// keep takes over a state that is to be written.
func (k *keeper) keep(s inbox.State, now time.Time) {
	k.state = s
	if !k.dirty {
		k.dirty, k.flushAt = true, now.Add(flushDelay)
	}
}

// hurry has what is to be written written now.
func (k *keeper) hurry(now time.Time) {
	if k.dirty {
		k.flushAt = now
	}
}

// flushed takes the outcome of a write over; one that failed is made again.
func (k *keeper) flushed(err error, now time.Time) {
	if k.dirty = err != nil; k.dirty {
		k.flushAt = now.Add(flushDelay)
	}
}

// due reports whether the state is to be written now.
func (k *keeper) due(now time.Time) bool { return k.dirty && !k.flushAt.After(now) }
