package gateway

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Sizes of a connection's own buffers. They are small because most connections are idle most of the
// time; long frames bypass them.
const (
	readBuffer  = 512
	writeBuffer = 128
	batchBytes  = 32 << 10
)

// link is the socket below a WebSocket: it bounds each write in time, gathers a batch of frames into one
// write, reads ahead while a client is busy, and keeps the time of the last byte that came.
type link struct {
	net.Conn
	transport *transport
	lastRead  atomic.Int64 // Unix nanoseconds

	// Reading, by one goroutine at a time.
	ahead []byte  // what was read ahead and not yet given out
	whole *[]byte // its pooled buffer
	full  bool    // the last read filled its buffer: more is likely there

	mu     sync.Mutex
	corked bool
	batch  *[]byte // pooled, while corked
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
		l.lastRead.Store(time.Now().UnixNano())
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

// Write implements net.Conn. It is called by the WebSocket, one frame at a time.
func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.corked {
		return len(p), l.send(p)
	}
	if len(*l.batch)+len(p) > batchBytes {
		if err := l.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) >= batchBytes { // copying it would gain nothing
		return len(p), l.send(p)
	}
	*l.batch = append(*l.batch, p...)
	return len(p), nil
}

// send writes in pieces, each with its own time, so that a long frame on a slow line is no stall.
func (l *link) send(p []byte) error {
	for len(p) > 0 {
		piece := p[:min(len(p), 2*batchBytes)]
		if err := l.Conn.SetWriteDeadline(time.Now().Add(l.transport.patience)); err != nil {
			return err
		}
		n, err := l.Conn.Write(piece)
		l.transport.sent.Add(float64(n))
		if err != nil {
			return err
		}
		p = p[len(piece):]
	}
	return nil
}

// flush sends the batch. The caller holds mu.
func (l *link) flush() error {
	if len(*l.batch) == 0 {
		return nil
	}
	err := l.send(*l.batch)
	*l.batch = (*l.batch)[:0]
	return err
}

// cork holds frames back until uncork.
func (l *link) cork() {
	l.mu.Lock()
	l.corked, l.batch = true, l.transport.takeBatch()
	l.mu.Unlock()
}

// uncork sends what was held back.
func (l *link) uncork() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.flush()
	l.transport.giveBatch(l.batch)
	l.corked, l.batch = false, nil
	return err
}

// hijacked puts a link and small buffers where the HTTP server's large ones would be.
type hijacked struct {
	http.ResponseWriter
	link *link
}

// Hijack implements http.Hijacker.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	raw, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.link.Conn = raw
	h.link.lastRead.Store(time.Now().UnixNano())
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(early)), h.link), max(readBuffer, len(early)))
	_, _ = r.Peek(len(early)) // the WebSocket looks at what is buffered only
	return h.link, bufio.NewReadWriter(r, bufio.NewWriterSize(h.link, writeBuffer)), nil
}
