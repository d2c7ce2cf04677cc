package codec

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string that starts at pos. The result may be a part of the input.
func (r *Reader) text() []byte {
	r.pos++
	start := r.pos
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; {
		case c == '"':
			r.pos++
			return r.data[start : r.pos-1]
		case c == '\\':
			return r.escapedText(start)
		case c < ' ':
			r.Fail("control character in a string")
			return nil
		case c < utf8.RuneSelf:
			r.pos++
		default:
			if !r.rune() {
				return nil
			}
		}
	}
	r.Fail("the text ends inside a string")
	return nil
}

// rune passes over one character beyond ASCII.
func (r *Reader) rune() bool {
	c, n := utf8.DecodeRune(r.data[r.pos:])
	if c == utf8.RuneError && n == 1 {
		r.Fail("text is not UTF-8")
		return false
	}
	r.pos += n
	return true
}

// escapedText reads on from the first escape of a string that starts at start.
func (r *Reader) escapedText(start int) []byte {
	out := make([]byte, 0, 2*(r.pos-start)+32)
	for from := start; r.pos < len(r.data); {
		switch c := r.data[r.pos]; {
		case c == '"':
			r.pos++
			return append(out, r.data[from:r.pos-1]...)
		case c == '\\':
			out = r.escape(append(out, r.data[from:r.pos]...))
			if r.err != nil {
				return nil
			}
			from = r.pos
		case c < ' ':
			r.Fail("control character in a string")
			return nil
		case c < utf8.RuneSelf:
			r.pos++
		default:
			if !r.rune() {
				return nil
			}
		}
	}
	r.Fail("the text ends inside a string")
	return nil
}

// escape reads one escape, which starts at pos.
func (r *Reader) escape(out []byte) []byte {
	if r.pos+1 >= len(r.data) {
		r.Fail("the text ends inside a string")
		return nil
	}
	c := r.data[r.pos+1]
	if c == 'u' {
		return r.unicodeEscape(out)
	}
	if c == '"' || c == '\\' {
		r.pos += 2
		return append(out, c)
	}
	i := strings.IndexByte("/bfnrt", c)
	if i < 0 {
		r.Fail("unknown escape in a string")
		return nil
	}
	r.pos += 2
	return append(out, "/\b\f\n\r\t"[i])
}

func (r *Reader) unicodeEscape(out []byte) []byte {
	c, ok := r.hex4(r.pos)
	if !ok {
		r.Fail("expected four hexadecimal digits")
		return nil
	}
	r.pos += 6
	if utf16.IsSurrogate(c) {
		low, ok := r.hex4(r.pos)
		if pair := utf16.DecodeRune(c, low); ok && pair != utf8.RuneError {
			r.pos += 6
			c = pair
		} else {
			c = utf8.RuneError
		}
	}
	return utf8.AppendRune(out, c)
}

// hex4 returns the value of \uXXXX at pos.
func (r *Reader) hex4(pos int) (rune, bool) {
	if pos+6 > len(r.data) || r.data[pos] != '\\' || r.data[pos+1] != 'u' {
		return 0, false
	}
	var n rune
	for _, c := range r.data[pos+2 : pos+6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | rune(c)
	}
	return n, true
}
