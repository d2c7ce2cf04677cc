package gateway

import "sync/atomic"

// memory bounds what the messages of all clients hold together, in bytes: answers that wait to be sent, and long requests that are
// being read or answered. It is safe for concurrent use; a nil one bounds nothing.
//
// Whoever waits for others' room could wait for ever, so nobody does: a client with answers of his own that wait is read no
// further, and a long request is refused.
type memory struct {
	most int64
	held atomic.Int64
}

// add counts bytes, or with a negative number counts them no more.
func (m *memory) add(bytes int64) {
	if m != nil && bytes != 0 {
		m.held.Add(bytes)
	}
}

// full reports whether there is no room.
func (m *memory) full() bool { return m != nil && m.held.Load() >= m.most }

// grow counts further bytes for one who holds some, unless there is no room. Where nobody else holds any, there is room for
// everything: what is longer than all that may be held has to get through as well.
func (m *memory) grow(holds, further int64) bool {
	if m == nil {
		return true
	}
	if now := m.held.Add(further); now > m.most && now > holds+further {
		m.held.Add(-further)
		return false
	}
	return true
}

// claim is what one message holds. A claim on a nil memory gets all that it asks for.
type claim struct {
	of      *memory
	bytes   int64
	refused bool
}

// grow asks for further bytes.
func (c *claim) grow(bytes int64) bool {
	if c.refused = !c.of.grow(c.bytes, bytes); !c.refused {
		c.bytes += bytes
	}
	return !c.refused
}

// release gives everything back.
func (c *claim) release() {
	c.of.add(-c.bytes)
	c.bytes = 0
}
