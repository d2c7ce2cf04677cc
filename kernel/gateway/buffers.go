package gateway

import (
	"bytes"
	"io"
	"sync"
)

// buffers are kept from one message to the next, so that a connection at rest has none. The zero value is
// ready; it is safe for concurrent use.
type buffers struct {
	messages sync.Pool // *bytes.Buffer
	batches  sync.Pool // *[]byte of batchBytes
	frames   sync.Pool // *parts
}

// Of a message, longBytes are free; what is longer holds a part of the memory that all share, piece by piece.
const (
	longBytes  = 64 << 10
	pieceBytes = 256 << 10
)

// readAll reads what is at most limit bytes; of more than that, or where c gets no room, the beginning. What is short is read
// through a kept buffer, so that it costs one allocation of its size.
func (b *buffers) readAll(r io.Reader, limit int64, c *claim) (msg []byte, cut bool, err error) {
	buf, ok := b.messages.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	buf.Reset()
	for piece := int64(longBytes); !cut; piece = pieceBytes {
		piece = min(piece, limit+1-int64(buf.Len()))
		n, err := buf.ReadFrom(io.LimitReader(r, piece))
		if err != nil || n < piece {
			return b.taken(buf, limit), false, err
		}
		cut = int64(buf.Len()) > limit || !c.grow(pieceBytes)
	}
	return b.taken(buf, limit), true, nil
}

// taken returns what a buffer holds, limit bytes at most, and keeps the buffer for the next message unless it is large.
func (b *buffers) taken(buf *bytes.Buffer, limit int64) []byte {
	msg := buf.Bytes()[:min(int64(buf.Len()), limit)]
	if buf.Cap() > longBytes { // one large message must not keep its memory
		return msg
	}
	msg = bytes.Clone(msg)
	b.messages.Put(buf)
	return msg
}

// takeBatch returns a buffer with room for batchBytes, which giveBatch takes back.
func (b *buffers) takeBatch() *[]byte {
	if batch, ok := b.batches.Get().(*[]byte); ok {
		return batch
	}
	return new(make([]byte, 0, batchBytes))
}

// giveBatch takes a batch back. Nobody may use it after that.
func (b *buffers) giveBatch(batch *[]byte) { b.batches.Put(batch) }

// takeParts returns empty parts, which giveParts takes back.
func (b *buffers) takeParts() *parts {
	if p, ok := b.frames.Get().(*parts); ok {
		return p
	}
	return new(parts)
}

// giveParts takes parts back, without what they were made of. Nobody may use them after that.
func (b *buffers) giveParts(p *parts) {
	clear(p.list)
	b.frames.Put(p)
}
