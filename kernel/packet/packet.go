// Package packet cuts a stream of bytes into packets that say how long they are, and writes such lengths.
//
// It owns the framing and its bounds; where the bytes come from and what they mean is the caller's. No more memory is
// taken than has arrived of a packet, whatever length it claims.
package packet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// maxVarint is how many bytes a length in steps of seven bits has at most.
const maxVarint = 4

// Read reads a packet of at most limit bytes, whole, with its length and what stands before that. A nil prefix is the
// zero one.
//
// Errors: io.EOF where there is none any more; CodeTooLarge; CodeUnavailable for a length that is none; the source's,
// io.ErrUnexpectedEOF among them. Nothing more can be read after an error.
func Read(r io.Reader, prefix *wit.LengthPrefix, limit int) ([]byte, error) {
	if prefix == nil {
		prefix = &wit.LengthPrefix{}
	}
	var p bytes.Buffer
	if err := take(r, &p, int(prefix.Offset)); err != nil {
		return nil, err
	}
	length, err := readLength(r, &p, prefix)
	switch {
	case errors.Is(err, io.EOF) && p.Len() > 0:
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	if prefix.Whole {
		if length < uint64(p.Len()) {
			return nil, wit.Errorf(wit.CodeUnavailable, "the other side sends a packet with the length %d, which is less than where that stands", length)
		}
		length -= uint64(p.Len())
	}
	if prefix.Extra < 0 && length < uint64(-prefix.Extra) {
		return nil, wit.Errorf(wit.CodeUnavailable, "the other side sends a packet with the length %d, where the least is %d", length, -prefix.Extra)
	}
	length += uint64(prefix.Extra) // which may be less than nothing
	if uint64(p.Len())+length > uint64(limit) {
		return nil, wit.Errorf(wit.CodeTooLarge, "the other side sends too much: a packet has more than %d bytes", limit)
	}
	if err := take(r, &p, int(length)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return p.Bytes(), nil
}

// take puts the next n bytes into p. Its error is io.EOF only where there were none at all.
func take(r io.Reader, p *bytes.Buffer, n int) error {
	took, err := io.CopyN(p, r, int64(n))
	if took > 0 && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// width is how many bytes a length has that is no varint.
func width(form wit.LengthForm) int {
	switch form {
	case wit.LengthFormThreeBytes:
		return 3
	case wit.LengthFormTwoBytes:
		return 2
	case wit.LengthFormOneByte:
		return 1
	}
	return 4
}

// readLength reads a length, which it puts into p as well.
func readLength(r io.Reader, p *bytes.Buffer, prefix *wit.LengthPrefix) (uint64, error) {
	if prefix.Form == wit.LengthFormVarint {
		return readVarint(r, p)
	}
	size := width(prefix.Form)
	if err := take(r, p, size); err != nil {
		return 0, err
	}
	var number [8]byte
	copy(number[8-size:], p.Bytes()[p.Len()-size:])
	if prefix.LowFirst {
		slices.Reverse(number[8-size:])
	}
	return binary.BigEndian.Uint64(number[:]), nil
}

func readVarint(r io.Reader, p *bytes.Buffer) (length uint64, err error) {
	for i := range maxVarint {
		if err := take(r, p, 1); err != nil {
			return 0, err
		}
		b := p.Bytes()[p.Len()-1]
		length |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return length, nil
		}
	}
	return 0, wit.Errorf(wit.CodeUnavailable, "the other side sends a packet whose length has more than %d bytes", maxVarint)
}
