package plugin

import "sync"

// rooms are buffers that calls write their parameters into: a conversation is long, and grows a buffer of its own many times.
// The zero value is ready; it is safe for concurrent use.
type rooms struct{ pool sync.Pool }

// mostRoom is how large a buffer may be that is kept.
const mostRoom = 256 << 10

// take returns an empty buffer.
func (r *rooms) take() *[]byte {
	if room, ok := r.pool.Get().(*[]byte); ok {
		return room
	}
	return new([]byte)
}

// give takes a buffer back, which nobody reads any more.
func (r *rooms) give(room *[]byte) {
	if cap(*room) <= mostRoom {
		*room = (*room)[:0]
		r.pool.Put(room)
	}
}
