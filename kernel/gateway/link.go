package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Sizes of a connection's own buffers. They are small because most connections are idle most of the
// time; long frames bypass them.
const (
	readBuffer  = 512
	writeBuffer = 128 // a control frame, which is written at once
	batchBytes  = 32 << 10
)

// link is the socket below a WebSocket: it bounds each write in time, writes the frames that are shared by many
// connections, reads ahead while a client is busy, and keeps the time of the client's last sign of life.
type link struct {
	net.Conn
	transport *transport
	lastSign  atomic.Int64 // of life, in Unix nanoseconds

	// Reading, by one goroutine at a time.
	ahead []byte  // what was read ahead and not yet given out
	whole *[]byte // its pooled buffer
	full  bool    // the last read filled its buffer: more is likely there

	mu     sync.Mutex // of writing
	first  []byte     // what goes out before the first frame
	closed bool       // a close frame was written, and nothing may follow
}

// Read implements net.Conn.
func (l *link) Read(p []byte) (int, error) {
	// A client that sends much is read in large pieces; one that does not costs no buffer.
	if len(l.ahead) == 0 && l.full && len(p) < batchBytes {
		l.whole = l.transport.takeBatch()
		n, err := l.fill((*l.whole)[:batchBytes])
		if err != nil {
			l.giveBack()
			return 0, err
		}
		l.ahead = (*l.whole)[:n]
	}
	if len(l.ahead) > 0 {
		n := copy(p, l.ahead)
		if l.ahead = l.ahead[n:]; len(l.ahead) == 0 {
			l.giveBack()
		}
		return n, nil
	}
	return l.fill(p)
}

// fill reads from the socket. A read that fills its buffer makes the next one read ahead.
func (l *link) fill(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if n > 0 {
		l.alive()
		l.transport.received.Add(float64(n))
	}
	l.full = n == len(p)
	return n, err
}

// giveBack returns the pooled buffer, so that a link at rest holds none.
func (l *link) giveBack() {
	l.ahead = nil
	l.transport.giveBatch(l.whole)
	l.whole = nil
}

// Write implements net.Conn. It is called by the WebSocket, for one control frame at a time.
func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = l.closed || p[0] == finalFrame|closeFrame
	pieces := append(l.opening(nil), p)
	return len(p), l.send(&pieces)
}

// writeFrames writes the first of these frames, as many as go together, and returns how many. The WebSocket would copy
// each of them into a buffer of the connection's.
func (l *link) writeFrames(frames []frame) (n int, err error) {
	p := l.transport.takeParts()
	defer l.transport.giveParts(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, net.ErrClosed
	}
	p.list = l.opening(p.list[:0])
	n = p.take(frames)
	return n, l.send(&p.left)
}

// opening appends first, once. The caller holds mu.
func (l *link) opening(pieces net.Buffers) net.Buffers {
	if l.first != nil {
		pieces, l.first = append(pieces, l.first), nil
	}
	return pieces
}

// send writes until all is gone, or none of it went in Limits.Write: a slow line is no dead one. Bytes that had to wait
// for room are a sign of life, since the client has made it. The caller holds mu.
func (l *link) send(p *net.Buffers) error {
	for len(*p) > 0 {
		start := time.Now()
		if err := l.Conn.SetWriteDeadline(start.Add(l.transport.patience)); err != nil {
			return err
		}
		n, err := p.WriteTo(l.below())
		l.transport.sent.Add(float64(n))
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return err
		}
		if n > 0 && time.Since(start) > waited {
			l.alive()
		}
	}
	return nil
}

// below is what takes several pieces in one write: the system's own connection.
func (l *link) below() io.Writer {
	if k, ok := l.Conn.(*socket); ok {
		return k.Conn
	}
	return l.Conn
}

// waited is how long a write takes that finds no room.
const waited = 100 * time.Millisecond

// alive notes a sign of life.
func (l *link) alive() { l.lastSign.Store(time.Now().UnixNano()) }

// known says that auth has let the client in.
func (l *link) known() {
	if k, ok := l.Conn.(*socket); ok { // a handler in a test has no listener
		k.known()
	}
}

// hijacked puts a link and small buffers where the HTTP server's large ones would be, and has the response to an
// upgrade go out with the first frame.
type hijacked struct {
	http.ResponseWriter
	link *link
}

// WriteHeader implements http.ResponseWriter. An upgrade's response is written by the link.
func (h *hijacked) WriteHeader(status int) {
	if status != http.StatusSwitchingProtocols {
		h.ResponseWriter.WriteHeader(status)
	}
}

// Hijack implements http.Hijacker.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	raw, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.link.Conn = raw
	h.link.alive()
	response := bytes.NewBufferString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = h.Header().Write(response) // a buffer takes everything
	response.WriteString("\r\n")
	h.link.first = response.Bytes()
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(early)), h.link), max(readBuffer, len(early)))
	_, _ = r.Peek(len(early)) // the WebSocket looks at what is buffered only
	return h.link, bufio.NewReadWriter(r, bufio.NewWriterSize(h.link, writeBuffer)), nil
}
