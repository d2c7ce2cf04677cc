package agent

import (
	"io"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a batch, which goes to the provider with a head and an end at most. One frame is always taken,
// however long it is.
const (
	maxBatch      = wit.ProviderChunkEventsMax - 2
	maxBatchBytes = 256 << 10
)

// linger is how long after a rest a body may have nothing new before what it gave is handed over.
const linger = time.Millisecond

// inflow reads the frames of a body in a goroutine of its own, and hands over together what has arrived together.
// While it is told to rest it does not read: what comes meanwhile is read at once afterwards, which costs a step in
// place of one for each token. It reads one batch ahead at most.
type inflow struct {
	body  io.Reader
	stop  <-chan struct{}
	ready chan struct{} // holds a token when there is something to take
	taken chan struct{} // and when something was taken

	mu      sync.Mutex
	batch   []frame
	size    int       // of the batch, in bytes
	resting time.Time // the end of the rest; zero where there is none
	err     error     // of the framer; it comes after the batch
}

// newInflow starts to read, most bytes in all. The goroutine ends with the frames' end, or when stop is closed and the body is, which is
// the caller's to do since a read of the body cannot be cancelled in other ways; done is closed then.
func newInflow(framing wit.Framing, length *wit.LengthPrefix, most int, body io.Reader, stop <-chan struct{}) (in *inflow, done <-chan struct{}) {
	in = &inflow{body: body, stop: stop, ready: make(chan struct{}, 1), taken: make(chan struct{}, 1)}
	frames, ended := newFramer(framing, length, most, in), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			fr, err := frames.Next()
			if err == nil {
				err = in.add(fr)
			}
			if err != nil {
				in.mu.Lock()
				in.err = err
				in.mu.Unlock()
				put(in.ready)
				return
			}
		}
	}()
	return in, ended
}

// next waits for frames and takes all that are there. An error, io.EOF after the last frame, may come with the frames
// before it.
func (in *inflow) next() (batch []frame, err error) {
	for batch == nil && err == nil {
		<-in.ready
		in.mu.Lock()
		batch, err = in.batch, in.err
		in.batch, in.size = nil, 0
		in.mu.Unlock()
		put(in.taken)
	}
	return batch, err
}

// rest has nothing read or handed over until a moment, but what ends the batch; the zero time ends that.
func (in *inflow) rest(until time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.resting = until
	if until.IsZero() || in.err != nil || in.filled() {
		return
	}
	select {
	case <-in.ready: // for what has come while the last batch was worked on
		time.AfterFunc(time.Until(until)+linger, func() { put(in.ready) })
	default:
	}
}

// add puts a frame into the batch, and waits when that is full.
func (in *inflow) add(fr frame) error {
	in.mu.Lock()
	in.batch = append(in.batch, fr)
	in.size += len(fr.data)
	in.mu.Unlock()
	for in.full() {
		put(in.ready)
		select {
		case <-in.taken:
		case <-in.stop:
			return io.ErrClosedPipe
		}
	}
	return nil
}

func (in *inflow) full() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.filled()
}

// filled is full for who has mu.
func (in *inflow) filled() bool { return len(in.batch) >= maxBatch || in.size >= maxBatchBytes }

// Read reads the body for the framer, which has then made frames of all that there was.
func (in *inflow) Read(p []byte) (int, error) {
	in.mu.Lock()
	rest := time.Until(in.resting)
	in.mu.Unlock()
	if rest < -pause { // nothing has come for longer than a rest, or there never was one
		put(in.ready)
		return in.body.Read(p)
	}
	if rest > 0 {
		t := time.NewTimer(rest)
		defer t.Stop()
		select {
		case <-t.C:
		case <-in.stop:
		}
	}
	// What is there already goes with what can be read now.
	defer time.AfterFunc(linger, func() { put(in.ready) }).Stop()
	return in.body.Read(p)
}

// put leaves a token, unless one is there.
func put(tokens chan struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}
