package run

import (
	"sync"

	"github.com/carapace-gateway/carapace/kernel/service/session"
)

// Beginning is what was recorded when a run began.
type Beginning struct {
	// Said is what is asked, as the history has it.
	Said session.Message
	// Entry is the session's.
	Entry session.Entry
	// Ended is the session's before, where its history has ended by itself; nil where it has not.
	Ended *session.Entry
}

// begun is a run that has begun in the transaction that queued it. It has a place from then on.
type begun struct {
	Beginning
	run, asker string
	committed  bool // guarded by handover
}

// handover has the runs that have begun and are not executed yet, of a session one at most. The zero value is ready.
type handover struct {
	mu sync.Mutex
	by map[session.Key]*begun
}

// put leaves a run for whoever executes the session's. It is called before the commit, so that it is there for all who
// see the run. It returns one that was left and is not to be executed here any more.
func (h *handover) put(key session.Key, b *begun) (stale *begun) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by == nil {
		h.by = map[session.Key]*begun{}
	}
	stale, h.by[key] = h.by[key], b
	return stale
}

// commit says that what was left is in the store; nil is none.
func (h *handover) commit(b *begun) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b != nil {
		b.committed = true
	}
}

// first takes what was left of a session for whoever has not looked into the store: if it was committed.
func (h *handover) first(key session.Key) *begun {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.by[key]
	if b == nil || !b.committed {
		return nil
	}
	delete(h.by, key)
	return b
}

// take returns what was left of a session if it is this run, or any where run is "", and nil for none.
func (h *handover) take(key session.Key, run string) *begun {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.by[key]
	if b == nil || run != "" && b.run != run {
		return nil
	}
	delete(h.by, key)
	return b
}

// withdraw takes back what put left, and reports whether it was there still.
func (h *handover) withdraw(key session.Key, b *begun) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b == nil || h.by[key] != b {
		return false
	}
	delete(h.by, key)
	return true
}
