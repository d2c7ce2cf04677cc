// Package sealed makes streams of bytes that only who has a key can read, and that nobody else can change, cut off or put
// together anew without being noticed.
//
// A stream is cut into pieces of 64 KiB. Each is sealed with XChaCha20-Poly1305 under a nonce that holds a random part, the
// piece's number and whether it is the last one, and is bound to what the caller says the stream is. So reading needs memory
// for one piece, and may begin at any of them (Section). This is the construction STREAM of Hoang, Reyhanitabar, Rogaway and Vizár
// (2015). A Reader gives out nothing that it has not checked.
package sealed

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"math"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/carapace-gateway/carapace/wit"
)

// KeySize is the length of keys, in bytes.
const KeySize = chacha20poly1305.KeySize

const (
	piece  = 64 << 10
	prefix = chacha20poly1305.NonceSizeX - 5 // the random part of nonces; then four bytes of number and one that says last
	box    = piece + chacha20poly1305.Overhead
)

// stream is what both ends know.
type stream struct {
	aead cipher.AEAD
	bond []byte
	head [prefix]byte
}

func newStream(key []byte, bond string) (s stream, err error) {
	if s.aead, err = chacha20poly1305.NewX(key); err != nil {
		return s, wit.Errorf(wit.CodeInternal, "sealed: %w", err)
	}
	s.bond = []byte("carapace stream 1\x00" + bond)
	return s, nil
}

func (s *stream) nonce(n int64, last bool) []byte {
	nonce := binary.BigEndian.AppendUint32(s.head[:prefix:prefix], uint32(n))
	if last {
		return append(nonce, 1)
	}
	return append(nonce, 0)
}

// errLong is for what has more pieces than there are numbers: 256 TiB.
func errLong() error { return wit.NewError(wit.CodeTooLarge, "sealed: the stream is too long") }

// errChanged is for what is not what was written, or has another key; the two cannot be told apart.
func errChanged() error {
	return wit.NewError(wit.CodeInvalid, "the sealed bytes were changed or cut off, or another key belongs to them")
}

// Writer seals what is written to it. Close ends the stream: without it the stream is one that was cut off. It does not close
// what is below. It is for one goroutine.
type Writer struct {
	stream
	to     io.Writer
	buf    []byte
	n      int64
	err    error
	closed bool
}

// NewWriter returns a Writer to below. bond is what the stream is, which the Reader has to say too.
func NewWriter(below io.Writer, key []byte, bond string) (*Writer, error) {
	s, err := newStream(key, bond)
	if err != nil {
		return nil, err
	}
	_, _ = rand.Read(s.head[:]) // it never fails
	if _, err := below.Write(s.head[:]); err != nil {
		return nil, err
	}
	return &Writer{stream: s, to: below, buf: make([]byte, 0, box)}, nil
}

// Write implements io.Writer. A full piece is written when it is known that it is not the last.
func (w *Writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		if len(w.buf) == piece {
			w.flush(false)
			continue
		}
		took := min(len(p), piece-len(w.buf))
		w.buf = append(w.buf, p[:took]...)
		p, n = p[took:], n+took
	}
	return n, w.err
}

func (w *Writer) flush(last bool) {
	if w.n > math.MaxUint32 {
		w.err = errLong()
		return
	}
	w.buf = w.aead.Seal(w.buf[:0], w.nonce(w.n, last), w.buf, w.bond)
	_, w.err = w.to.Write(w.buf)
	w.buf, w.n = w.buf[:0], w.n+1
}

// Close writes the last piece. It may be called again.
func (w *Writer) Close() error {
	if w.err == nil && !w.closed {
		w.flush(true)
	}
	w.closed = true
	return w.err
}

// Reader opens a stream. Errors: CodeInvalid for one that was changed or cut off, or that has another key or bond; those of
// what is below. It is for one goroutine.
type Reader struct {
	stream
	from  io.Reader
	buf   []byte // a sealed piece, and one byte more that says whether others follow
	ahead int    // 1 when over is the first byte of the next piece, else 0
	over  byte
	ready []byte
	n     int64
	err   error
}

// NewReader returns a Reader of what a Writer has written below.
func NewReader(below io.Reader, key []byte, bond string) (*Reader, error) {
	s, err := newStream(key, bond)
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(below, s.head[:]); err != nil {
		return nil, cut(err)
	}
	return &Reader{stream: s, from: below, buf: make([]byte, box+1)}, nil
}

// cut is the error of a stream that ends too early.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errChanged()
	}
	return err
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	for len(r.ready) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.next()
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// next opens the next piece. A piece is the last one if nothing follows it, which its nonce has to say too.
func (r *Reader) next() {
	r.buf[0] = r.over // what was opened in the buffer has been read
	n, err := io.ReadFull(r.from, r.buf[r.ahead:])
	n += r.ahead
	last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !last {
		r.err = err
		return
	}
	end := min(n, box)
	if r.n > math.MaxUint32 {
		r.err = errLong()
		return
	}
	plain, err := r.aead.Open(r.buf[:0], r.nonce(r.n, last), r.buf[:end], r.bond)
	if err != nil {
		r.err = errChanged()
		return
	}
	r.ready, r.n = plain, r.n+1
	if last {
		r.err = io.EOF
		return
	}
	r.over, r.ahead = r.buf[box], 1 // the piece was opened in place, which does not reach there
}
