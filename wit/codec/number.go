package codec

import (
	"strconv"
	"strings"
)

// Int64 reads a whole number. One with a fraction or an exponent is a failure.
func (r *Reader) Int64() int64 { return r.int(64) }

// Int32 is Int64 for a smaller range.
func (r *Reader) Int32() int32 { return int32(r.int(32)) }

// Uint64 is Int64 without negative numbers.
func (r *Reader) Uint64() uint64 { return r.uint(64) }

// Uint32 is Uint64 for a smaller range.
func (r *Reader) Uint32() uint32 { return uint32(r.uint(32)) }

// Uint16 is Uint64 for a smaller range.
func (r *Reader) Uint16() uint16 { return uint16(r.uint(16)) }

// Float64 reads a number.
func (r *Reader) Float64() float64 {
	text := r.number()
	if text == "" {
		return 0
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		r.Fail("number out of range")
		return 0
	}
	return n
}

func (r *Reader) int(bits int) int64 {
	text := r.number()
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		r.Fail(wholeNumber(text))
		return 0
	}
	return n
}

func (r *Reader) uint(bits int) uint64 {
	text := r.number()
	if text == "" || text == "-0" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		r.Fail(wholeNumber(text))
		return 0
	}
	return n
}

func wholeNumber(text string) string {
	if strings.ContainsAny(text, ".eE") {
		return "expected a whole number"
	}
	return "number out of range"
}

// number reads a number, or a null as "".
func (r *Reader) number() string {
	c := r.peek()
	if c != '-' && (c < '0' || c > '9') {
		if !r.Null() {
			r.unexpected("a number")
		}
		return ""
	}
	start := r.pos
	r.skipNumber()
	if r.err != nil {
		return ""
	}
	return string(r.data[start:r.pos])
}

func (r *Reader) skipNumber() {
	var ok bool
	if r.pos, ok = endOfNumber(r.data, r.pos); !ok {
		r.unexpected("a digit")
	}
}

// endOfNumber returns the place after the number that begins at i, or where it lacks a digit.
func endOfNumber(b []byte, i int) (end int, ok bool) {
	if at(b, i, '-') {
		i++
	}
	first := i
	if i = digits(b, i); i == first {
		return i, false
	}
	if b[first] == '0' {
		i = first + 1 // what follows a zero is not the number's
	}
	if at(b, i, '.') {
		fraction := i + 1
		if i = digits(b, fraction); i == fraction {
			return i, false
		}
	}
	if !at(b, i, 'e') && !at(b, i, 'E') {
		return i, true
	}
	if i++; at(b, i, '+') || at(b, i, '-') {
		i++
	}
	exponent := i
	i = digits(b, exponent)
	return i, i > exponent
}

func at(b []byte, i int, c byte) bool { return i < len(b) && b[i] == c }

// digits returns the place after the digits that begin at i.
func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
