// Package frame is how texts are told apart in a stream of bytes between the host and a program that runs as a guest: each
// has its length in bytes before it, in four bytes, the least first.
package frame

import (
	"encoding/binary"
	"fmt"
)

// head is how many bytes the length takes.
const head = 4

// Append appends a text as a frame.
func Append(b []byte, text string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(text))), text...)
}

// Reader puts frames together from the pieces in which they come. It is for one goroutine.
type Reader struct {
	// Most is how many bytes a text may have.
	Most int
	got  []byte
}

// Add takes bytes up to the end of a frame, and returns its text, when it is done, and the bytes behind it. Nothing is kept of a
// frame that is done. A text that is too long is an error, before anything of it is kept.
func (r *Reader) Add(b []byte) (text string, rest []byte, done bool, err error) {
	if need := head - len(r.got); need > 0 {
		n := min(need, len(b))
		r.got, b = append(r.got, b[:n]...), b[n:]
		if n < need {
			return "", nil, false, nil
		}
	}
	size := uint64(binary.LittleEndian.Uint32(r.got))
	if size > uint64(r.Most) {
		return "", nil, false, fmt.Errorf("a text of %d bytes is over the limit of %d", size, r.Most)
	}
	n := min(int(size)+head-len(r.got), len(b))
	r.got, b = append(r.got, b[:n]...), b[n:]
	if len(r.got) < int(size)+head {
		return "", nil, false, nil
	}
	text, r.got = string(r.got[head:]), nil
	return text, b, true, nil
}
