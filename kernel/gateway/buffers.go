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

// readAll reads what is at most limit bytes, of more than that the beginning. It reads through a kept buffer, so that a
// message costs one allocation of its size.
func (b *buffers) readAll(r io.Reader, limit int64) (msg []byte, cut bool, err error) {
	buf, ok := b.messages.Get().(*bytes.Buffer)
	if !ok {
		buf = new(bytes.Buffer)
	}
	buf.Reset()
	_, err = buf.ReadFrom(io.LimitReader(r, limit+1))
	cut = int64(buf.Len()) > limit
	msg = bytes.Clone(buf.Bytes()[:min(int64(buf.Len()), limit)])
	if buf.Cap() <= batchBytes { // one large message must not keep its memory
		b.messages.Put(buf)
	}
	return msg, cut, err
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
