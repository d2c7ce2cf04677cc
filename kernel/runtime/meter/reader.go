package meter

import (
	"encoding/binary"
	"unicode/utf8"
)

// reader decodes one section or body. The first failure sticks: later reads return zero, and the
// caller looks at err once, at the end of each loop that could otherwise run long.
type reader struct {
	b   []byte
	off int
	err error
}

// fail records the first failure and moves to the end, so that loops over what is left come to an end too.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = invalid(format, args...)
		r.off = len(r.b)
	}
}

func (r *reader) left() int { return len(r.b) - r.off }

func (r *reader) byte() byte {
	if r.off >= len(r.b) {
		r.fail("wasm module ends in the middle of an item; it is truncated")
		return 0
	}
	c := r.b[r.off]
	r.off++
	return c
}

// take returns the next n bytes, which are part of the input and not to be changed.
func (r *reader) take(n int) []byte {
	if n < 0 || n > r.left() {
		r.fail("wasm module ends in the middle of an item; it is truncated")
		return nil
	}
	s := r.b[r.off : r.off+n]
	r.off += n
	return s
}

// u32 reads an unsigned LEB128 of at most five bytes. Longer forms of a number that would fit are refused: they
// are legal nowhere else either.
func (r *reader) u32() uint32 {
	var v uint64
	for shift := uint(0); shift < 35; shift += 7 {
		c := r.byte()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if v > 0xffffffff {
				break
			}
			return uint32(v)
		}
	}
	r.fail("wasm module has an integer that is too large")
	return 0
}

// signed reads a signed LEB128 of at most bits bits.
func (r *reader) signed(bits uint) int64 {
	var v int64
	for shift := uint(0); shift < bits; shift += 7 {
		c := r.byte()
		v |= int64(c&0x7f) << shift
		if c >= 0x80 {
			continue
		}
		if shift+7 < 64 {
			v = v << (64 - shift - 7) >> (64 - shift - 7)
			// The tenth byte of an i64 has one bit left; the others repeat its sign.
		} else if rest := c & 0x7f; rest != 0 && rest != 0x7f {
			break
		}
		if bits < 64 && (v < -1<<(bits-1) || v >= 1<<(bits-1)) {
			break
		}
		return v
	}
	r.fail("wasm module has an integer that is too large")
	return 0
}

// count reads the length of a vector whose items take at least min bytes each.
// Whatever is allocated by the result is therefore at most as large as the file.
func (r *reader) count(min int) int {
	n := r.u32()
	if r.err == nil && uint64(n)*uint64(min) > uint64(r.left()) {
		r.fail("wasm module declares %d items where only %d bytes follow", n, r.left())
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// atMost is count for items of which only so many are accepted.
func (r *reader) atMost(max, min int, what string) int {
	n := r.count(min)
	if n > max {
		r.fail("wasm module has %d %s; at most %d are accepted", n, what, max)
		return 0
	}
	return n
}

// name reads a string. Its bytes are copied, so a module's names do not keep the file in memory.
func (r *reader) name() string {
	b := r.take(r.count(1))
	if !utf8.Valid(b) {
		r.fail("wasm module has a name that is not UTF-8")
	}
	return string(b)
}

// end fails unless everything was read. Bytes that this reader passes over could be code to another one.
func (r *reader) end(what string) {
	if r.err == nil && r.left() != 0 {
		r.fail("wasm module has %d bytes after the end of its %s", r.left(), what)
	}
}

func appendU32(b []byte, v uint32) []byte { return binary.AppendUvarint(b, uint64(v)) }

func appendName(b []byte, s string) []byte {
	return append(appendU32(b, uint32(len(s))), s...)
}

func appendSection(b []byte, id byte, body []byte) []byte {
	b = append(b, id)
	return append(appendU32(b, uint32(len(body))), body...)
}
