package agent

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/carapace-gateway/carapace/kernel/packet"
	"github.com/carapace-gateway/carapace/kernel/sse"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what a provider sends, in bytes.
const (
	maxFrame  = 4 << 20  // an SSE event, a line or a packet
	maxPiece  = 64 << 10 // of bytes that come as they come
	maxBody   = 8 << 20  // a body that is one JSON value
	maxStream = 64 << 20 // all of a stream: a server may take fifty times the bytes of what it says
)

// frame is one piece of a response: an SSE event, a line, or the whole body; or a packet or piece of bytes.
type frame struct {
	name   string // of an SSE event
	data   string
	binary bool // data is bytes
}

// event is the frame as the provider gets it.
func (f *frame) event() wit.StreamEvent {
	e := wit.StreamEvent{Kind: wit.StreamEventKindData}
	if f.binary {
		e.Bytes = []byte(f.data)
		return e
	}
	e.Data = f.data
	if f.name != "" {
		e.Name = &f.name
	}
	return e
}

// framer cuts a response into frames. Next returns io.EOF after the last one; CodeTooLarge for a frame
// over the bounds; else the body's error. Invalid UTF-8 is replaced, but for bytes.
type framer interface {
	Next() (frame, error)
}

// newFramer returns the framer for a body, of which it reads no more than most bytes, nor than maxBody of one that is one value.
func newFramer(f wit.Framing, length *wit.LengthPrefix, most int, body io.Reader) framer {
	switch f {
	case wit.FramingNDJSON:
		return &lineFramer{sse.NewLines(newBounded(body, most), maxFrame)}
	case wit.FramingJSON:
		return &bodyFramer{r: newBounded(body, maxBody)}
	case wit.FramingPackets:
		return &packetFramer{bufio.NewReader(newBounded(body, most)), length}
	case wit.FramingRaw:
		return &rawFramer{newBounded(body, most), make([]byte, maxPiece)}
	}
	return &eventFramer{body: bufio.NewReaderSize(body, 4096), most: most}
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
	most   int
	frames framer // nil before the first frame
}

func (e *eventFramer) Next() (frame, error) {
	if e.frames == nil {
		events, err := sse.Begins(e.body)
		if err != nil {
			return frame{}, err
		}
		if events {
			e.frames = &sseFramer{sse.NewReader(newBounded(e.body, e.most), maxFrame)}
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

// packetFramer reads packets that say how long they are.
type packetFramer struct {
	r      *bufio.Reader
	length *wit.LengthPrefix
}

func (p *packetFramer) Next() (frame, error) {
	data, err := packet.Read(p.r, p.length, maxFrame)
	return frame{data: string(data), binary: true}, err
}

// rawFramer gives what has come.
type rawFramer struct {
	r     io.Reader
	piece []byte
}

func (r *rawFramer) Next() (frame, error) {
	n, err := r.r.Read(r.piece)
	if n > 0 { // an error comes again
		return frame{data: string(r.piece[:n]), binary: true}, nil
	}
	return frame{}, err
}
