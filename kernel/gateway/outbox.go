package gateway

import (
	"sync"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// frame is one message to a client. The body of an event is shared by all connections and is completed
// with the seq when it is written.
type frame struct {
	body  []byte
	event bool
	seq   uint64
}

// outbox holds what waits to be sent to one connection. It only keeps the books: who is told to start a writer
// starts it, and there is one at a time, so that frames keep their order.
type outbox struct {
	// The bounds of what waits. They are set before the first frame and stay.
	maxFrames int
	maxBytes  int64

	mu     sync.Mutex
	frames []frame
	held   bool // until hello-ok is the first frame
	busy   bool // a goroutine writes
	closed bool
	seq    uint64
	count  int // frames waiting or being written
	bytes  int64
	room   chan struct{} // made by a reader that waits for room
}

// verdict is what became of a frame that was pushed.
type verdict int

const (
	queued   verdict = iota
	dropped          // a droppable one, for lack of room: the client sees a gap in seq
	overflow         // there was no room for one that must arrive: the connection has to be closed
	gone             // the box is closed already
)

// push adds a frame. start says that the caller has to start a writer. A frame always fits an empty box.
func (o *outbox) push(f frame, droppable bool) (v verdict, start bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return gone, false
	}
	if f.event {
		o.seq++ // also for what is dropped: the client sees the gap
		f.seq = o.seq
	}
	maxFrames, maxBytes := o.maxFrames, o.maxBytes
	if droppable { // half of the room is for what must arrive
		maxFrames, maxBytes = maxFrames/2, maxBytes/2
	}
	size := int64(len(f.body))
	if o.count > 0 && (o.count >= maxFrames || o.bytes+size > maxBytes) {
		if droppable {
			return dropped, false
		}
		o.closed = true
		return overflow, false
	}
	o.frames = append(o.frames, f)
	o.count++
	o.bytes += size
	return queued, o.claim()
}

// claim makes the caller the writer if there is none and there is something to write.
func (o *outbox) claim() bool {
	if o.held || o.busy || len(o.frames) == 0 {
		return false
	}
	o.busy = true
	return true
}

// release puts hello-ok first and lets the writing begin.
func (o *outbox) release(first frame) (start bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	// Not counted in seq: an answer is none of the events, whose seq begins with 1.
	o.frames = append([]frame{first}, o.frames...)
	o.count++
	o.bytes += int64(len(first.body))
	o.held = false
	return o.claim()
}

// next gives the writer all that waits, after it has written batch. Without anything it ends the
// writer's turn.
func (o *outbox) next(batch []frame) []frame {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range batch {
		o.bytes -= int64(len(batch[i].body))
		batch[i].body = nil
	}
	o.count -= len(batch)
	if o.closed && o.frames == nil {
		o.count, o.bytes = 0, 0
	}
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
	next := o.frames
	o.frames = nil
	// The two slices swap, so that steady traffic allocates none; a burst's large one is let go.
	if cap(batch) <= 64 {
		o.frames = batch[:0]
	}
	if len(next) == 0 {
		o.busy, o.frames = false, nil
	}
	return next
}

// full returns a channel that is closed at the next progress, or nil if there is room for an answer.
func (o *outbox) full() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.count < o.maxFrames/2 && o.bytes < o.maxBytes/2 {
		return nil
	}
	if o.room == nil {
		o.room = make(chan struct{})
	}
	return o.room
}

// shut refuses further frames and drops those that wait, because the connection is gone.
func (o *outbox) shut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed, o.frames, o.count, o.bytes = true, nil, 0, 0
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

// encode returns the bytes of f, in buf unless they are complete already.
func (f frame) encode(buf []byte) []byte {
	if !f.event {
		return f.body
	}
	return wire.AppendSeq(append(buf[:0], f.body...), f.seq)
}

// ending refuses further frames and returns a channel that is closed at the next progress of the
// writer, or nil when everything is written.
func (o *outbox) ending() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if o.count == 0 || o.held {
		return nil
	}
	if o.room == nil {
		o.room = make(chan struct{})
	}
	return o.room
}
