package gateway

import "sync"

// frame is one message to a client: whole, or an event, or a result. The body of an event is shared by all connections, and that of
// a result may be by all who ask the same; they are completed when they are written, with the seq or with the request's id.
type frame struct {
	body  []byte
	event bool
	seq   uint64
	to    string // the request of which the body is the result; "" for other frames
}

// size is about what the frame has in bytes.
func (f *frame) size() int64 { return int64(len(f.body) + len(f.to)) }

// outbox holds what waits to be sent to one connection. It only keeps the books: who is told to start a writer
// starts it, and there is one at a time, so that frames keep their order.
//
// Events and answers have bounds of their own. Events come whether the client reads or not, and one that must arrive and
// has no room ends the connection. Answers come because the client asked, and it is not read further while much
// waits: one that is long must not cost the events behind it their room, nor the connection its life.
type outbox struct {
	// The bounds of the events that wait. They are set before the first frame and stay.
	maxFrames int
	maxBytes  int64
	// all counts the answers of all connections.
	all *memory

	mu      sync.Mutex
	frames  []frame
	held    bool // until hello-ok is the first frame
	busy    bool // a goroutine writes
	closed  bool
	seq     uint64
	events  load          // waiting or being written
	answers load          // likewise
	room    chan struct{} // made by a reader that waits for room
}

// load is a number of frames and their bytes.
type load struct {
	frames int
	bytes  int64
}

// of returns the load that a frame belongs to.
func (o *outbox) of(f frame) *load {
	if f.event {
		return &o.events
	}
	return &o.answers
}

// Bounds of the answers that wait, in bytes: with enoughAnswers nothing further is read of who asked, and with maxAnswers a
// further one ends the connection. Between the two there is room for what has been asked already.
const (
	enoughAnswers = 1 << 20
	maxAnswers    = 16 << 20
)

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
	if !o.fits(f, droppable) {
		if droppable {
			return dropped, false
		}
		o.closed = true
		return overflow, false
	}
	o.count(f, 1)
	o.frames = append(o.frames, f)
	return queued, o.claim()
}

// fits reports whether there is room for a frame.
func (o *outbox) fits(f frame, droppable bool) bool {
	l := o.of(f)
	switch {
	case l.frames == 0:
		return true
	case !f.event:
		return l.frames < o.maxFrames && l.bytes < max(o.maxBytes, maxAnswers)
	}
	maxFrames, maxBytes := o.maxFrames, o.maxBytes
	if droppable { // half of the room is for what must arrive
		maxFrames, maxBytes = maxFrames/2, maxBytes/2
	}
	return l.frames < maxFrames && l.bytes+int64(len(f.body)) <= maxBytes
}

// count counts a frame, or with n = -1 counts it no more.
func (o *outbox) count(f frame, n int) {
	l, bytes := o.of(f), int64(n)*f.size()
	l.frames += n
	l.bytes += bytes
	if !f.event { // an event's body is shared by all
		o.all.add(bytes)
	}
}

// sent counts frames that were written, as soon as they were: what is long in the same batch must not count against
// what comes meanwhile.
func (o *outbox) sent(frames []frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range frames {
		if o.of(f).frames > 0 { // else the box was emptied
			o.count(f, -1)
		}
	}
	o.progress()
}

// progress lets a reader go on that waits for room. The caller holds mu.
func (o *outbox) progress() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
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
	o.count(first, 1)
	o.held = false
	return o.claim()
}

// next gives the writer all that waits, after it has written batch. Without anything it ends the
// writer's turn.
func (o *outbox) next(batch []frame) []frame {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(batch) // what was sent is kept no longer
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

// writing reports whether a goroutine writes.
func (o *outbox) writing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.busy
}

// full returns a channel that is closed at the next progress, or nil if there is room for an answer.
func (o *outbox) full() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || !o.crammed() {
		return nil
	}
	return o.awaited()
}

// crammed reports whether nothing should be added that can be waited with. The caller holds mu.
func (o *outbox) crammed() bool {
	answers := o.answers.bytes
	return o.events.frames+o.answers.frames >= o.maxFrames/2 || o.events.bytes+answers >= o.maxBytes/2 ||
		answers >= enoughAnswers || answers > 0 && o.all.full()
}

// awaited returns the channel that progress closes. The caller holds mu.
func (o *outbox) awaited() <-chan struct{} {
	if o.room == nil {
		o.room = make(chan struct{})
	}
	return o.room
}

// shut refuses further frames and drops those that wait, because the connection is gone.
func (o *outbox) shut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all.add(-o.answers.bytes)
	o.closed, o.frames, o.events, o.answers = true, nil, load{}, load{}
	o.progress()
}

// ending refuses further frames and returns a channel that is closed at the next progress of the
// writer, or nil when everything is written.
func (o *outbox) ending() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if o.events.frames+o.answers.frames == 0 || o.held {
		return nil
	}
	return o.awaited()
}
