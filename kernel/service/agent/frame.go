package agent

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/carapace-gateway/carapace/kernel/sse"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what a provider sends, in bytes.
const (
	maxFrame  = 4 << 20  // an SSE event or a line
	maxBody   = 8 << 20  // a body that is one JSON value
	maxStream = 64 << 20 // all of a stream: a server may take fifty times the bytes of what it says
)

// frame is one piece of a response: an SSE event, a line, or the whole body.
type frame struct {
	name string // of an SSE event
	data string
}

// event is the frame as the provider gets it.
func (f *frame) event() wit.StreamEvent {
	e := wit.StreamEvent{Kind: wit.StreamEventKindData, Data: f.data}
	if f.name != "" {
		e.Name = &f.name
	}
	return e
}

// framer cuts a response into frames. Next returns io.EOF after the last one; CodeTooLarge for a frame
// over the bounds; else the body's error. Invalid UTF-8 is replaced.
type framer interface {
	Next() (frame, error)
}

func newFramer(f wit.Framing, body io.Reader) framer {
	switch f {
	case wit.FramingNDJSON:
		return &lineFramer{sse.NewLines(newBounded(body, maxStream), maxFrame)}
	case wit.FramingJSON:
		return &bodyFramer{r: newBounded(body, maxBody)}
	}
	return &eventFramer{body: bufio.NewReaderSize(body, 4096)}
}

// bounded fails when more is read than fits.
// It bounds a response as a whole: a server that never stops would otherwise be read for ever.
type bounded struct {
	r           io.Reader
	left, limit int
}

func newBounded(r io.Reader, limit int) *bounded { return &bounded{r, limit, limit} }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errFrame("all of a response", b.limit)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func errFrame(what string, limit int) error {
	return wit.Errorf(wit.CodeTooLarge, "the provider sends too much: %s has more than %d bytes", what, limit)
}

// eventFramer reads text/event-stream, or, where the body is none after all, all of it as one frame. What the
// response's head says of the body is not asked: servers send streams as text/plain, and errors as streams.
type eventFramer struct {
	body   *bufio.Reader
	frames framer // nil before the first frame
}

func (e *eventFramer) Next() (frame, error) {
	if e.frames == nil {
		events, err := sse.Begins(e.body)
		if err != nil {
			return frame{}, err
		}
		if events {
			e.frames = &sseFramer{sse.NewReader(newBounded(e.body, maxStream), maxFrame)}
		} else {
			e.frames = &bodyFramer{r: newBounded(e.body, maxBody)}
		}
	}
	return e.frames.Next()
}

// sseFramer reads the events of text/event-stream. An event that the end of the body cuts off is given
// too: some servers leave out the last empty line.
type sseFramer struct{ events *sse.Reader }

func (s *sseFramer) Next() (frame, error) {
	e, err := s.events.Next()
	return frame{name: e.Name, data: e.Data}, err
}

// lineFramer reads lines and passes over empty ones.
type lineFramer struct{ lines *sse.Lines }

func (l *lineFramer) Next() (frame, error) {
	for {
		line, err := l.lines.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			return frame{}, err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return frame{data: sse.Text(line)}, nil
		}
		if err != nil {
			return frame{}, err
		}
	}
}

// bodyFramer gives the whole body as one frame, also an empty one.
type bodyFramer struct {
	r    io.Reader
	done bool
}

func (b *bodyFramer) Next() (frame, error) {
	if b.done {
		return frame{}, io.EOF
	}
	b.done = true
	all, err := io.ReadAll(b.r)
	if err != nil {
		return frame{}, err
	}
	return frame{data: sse.Text(all)}, nil
}

// inflow reads the frames of a body in a goroutine of its own, so that whoever asks for the next ones gets
// all that have arrived meanwhile. It waits when it is as far ahead as one batch; the body's bound is that of
// what it holds.
type inflow struct {
	frames chan frame
	err    error // of the framer; valid once frames is closed
}

// Bounds of a batch, which goes to the provider with a head and an end at most. One frame is always taken,
// however long it is.
const (
	maxBatch      = wit.ProviderChunkEventsMax - 2
	maxBatchBytes = 256 << 10
)

// newInflow starts to read. The goroutine ends with the frames' end, or when stop is closed and the body is,
// which is the caller's to do; done is closed then.
// A read of the body cannot be cancelled in other ways, which is why the caller has to close it.
func newInflow(f framer, stop <-chan struct{}) (in *inflow, done <-chan struct{}) {
	in = &inflow{frames: make(chan frame, maxBatch)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(in.frames)
		for {
			fr, err := f.Next()
			if err != nil {
				in.err = err
				return
			}
			select {
			case in.frames <- fr:
			case <-stop:
				in.err = io.ErrClosedPipe
				return
			}
		}
	}()
	return in, ended
}

// next waits for a frame and takes with it what else is there, and what comes before a moment, which may be past. An
// error, io.EOF after the last frame, may come with the frames before it.
func (in *inflow) next(until time.Time) (batch []frame, err error) {
	first, ok := <-in.frames
	if !ok {
		return nil, in.err
	}
	batch = append(batch, first)
	var over <-chan time.Time // nil once it is over
	if rest := time.Until(until); rest > 0 {
		t := time.NewTimer(rest)
		defer t.Stop()
		over = t.C
	}
	for size := len(first.data); len(batch) < maxBatch && size < maxBatchBytes; {
		fr, ok, more := in.more(over)
		switch {
		case !more:
			return batch, nil
		case !ok:
			return batch, in.err
		}
		batch = append(batch, fr)
		size += len(fr.data)
	}
	return batch, nil
}

// more takes a frame that is there or comes before a pause is over; ok is false at the frames' end, and more when
// none came.
func (in *inflow) more(over <-chan time.Time) (fr frame, ok, more bool) {
	if over == nil {
		select {
		case fr, ok = <-in.frames:
			return fr, ok, true
		default:
			return frame{}, true, false
		}
	}
	select {
	case fr, ok = <-in.frames:
		return fr, ok, true
	case <-over:
		return frame{}, true, false
	}
}
