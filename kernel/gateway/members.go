package gateway

import (
	"slices"
	"sync"
)

// members is the connections that auth has let in, by id: those that events go to.
type members struct {
	mu     sync.RWMutex
	conns  map[string]*conn
	closed bool
}

func newMembers() *members { return &members{conns: map[string]*conn{}} }

// join lets events reach a connection, or returns false after close.
func (m *members) join(c *conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.conns[c.caller.ConnID] = c
	return true
}

// close lets nobody join any more. It takes the lock that join takes, so each connection was either refused there or is
// in what all returns from now on.
func (m *members) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
}

// drop undoes join.
func (m *members) drop(c *conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.conns, c.caller.ConnID)
}

// count is what metrics show.
func (m *members) count() float64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return float64(len(m.conns))
}

// all is a copy, for what may block or makes connections leave.
func (m *members) all() []*conn {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := make([]*conn, 0, len(m.conns))
	for _, c := range m.conns {
		list = append(list, c)
	}
	return list
}

// each calls do for every connection, or for those in ids if that is not nil, once each. do must not block:
// nobody joins or leaves meanwhile.
func (m *members) each(ids []string, do func(*conn)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if ids == nil {
		for _, c := range m.conns {
			do(c)
		}
		return
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if c := m.conns[id]; c != nil {
			do(c)
		}
	}
}
