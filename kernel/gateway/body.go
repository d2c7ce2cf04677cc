package gateway

import (
	"errors"
	"io"
)

// body is what an HTTP request brings to a route that reads it into memory. What is long of it holds a part of the memory that
// all messages share, until the request was answered.
type body struct {
	io.ReadCloser
	claim
	read int64
}

// errNoRoom is what is read where there is no room. The request's answer becomes a 503, whatever the route makes of it.
var errNoRoom = errors.New(noRoom)

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.refused || b.read >= longBytes+b.bytes && !b.grow(pieceBytes) {
		return 0, errNoRoom
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), longBytes+b.bytes-b.read)])
	b.read += int64(n)
	return n, err
}
