package sealed

import (
	"io"
	"math"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/carapace-gateway/carapace/wit"
)

// Size is how long a stream is that holds so many bytes.
func Size(n int64) int64 {
	pieces := max(1, (n+piece-1)/piece)
	return prefix + n + pieces*chacha20poly1305.Overhead
}

// Section opens a stream of known length and reads it from any place. It opens the last piece first, by which a stream that
// was cut off is refused before anything is given out. Errors are the Reader's. It is for one goroutine.
type Section struct {
	stream
	from io.ReaderAt
	body int64 // bytes of sealed pieces
	size int64 // bytes of what is in them
	at   int64

	buf   []byte
	plain []byte // what buf has of the piece with the number held, or nothing
	held  int64
}

// NewSection returns a Section of what a Writer has written below, which has so many bytes.
func NewSection(below io.ReaderAt, length int64, key []byte, bond string) (*Section, error) {
	st, err := newStream(key, bond)
	if err != nil {
		return nil, err
	}
	s := &Section{stream: st, from: below, body: length - prefix, held: -1}
	last := (s.body - 1) / box
	s.size = s.body - (last+1)*chacha20poly1305.Overhead
	switch {
	case s.body < chacha20poly1305.Overhead || s.size < last*piece:
		return nil, errChanged()
	case last > math.MaxUint32:
		return nil, errLong()
	}
	if _, err := below.ReadAt(s.head[:], 0); err != nil {
		return nil, cut(err)
	}
	s.buf = make([]byte, min(box, s.body))
	return s, s.open(last)
}

// open has the piece of a number ready.
func (s *Section) open(n int64) error {
	if n == s.held {
		return nil
	}
	s.held, s.plain = -1, nil
	end := min((n+1)*box, s.body)
	sealed := s.buf[:end-n*box]
	if read, err := s.from.ReadAt(sealed, prefix+n*box); read < len(sealed) {
		return cut(err)
	}
	plain, err := s.aead.Open(sealed[:0], s.nonce(n, end == s.body), sealed, s.bond)
	if err != nil {
		return errChanged()
	}
	s.held, s.plain = n, plain
	return nil
}

// Read implements io.Reader.
func (s *Section) Read(p []byte) (int, error) {
	if s.at >= s.size {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.open(s.at / piece); err != nil {
		return 0, err
	}
	n := copy(p, s.plain[s.at%piece:])
	s.at += int64(n)
	return n, nil
}

// Seek implements io.Seeker. Its error has CodeInvalid.
func (s *Section) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return s.at, wit.NewError(wit.CodeInvalid, "sealed: there is nothing before the beginning")
	}
	s.at = offset
	return offset, nil
}
