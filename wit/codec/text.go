package codec

import (
	"math/bits"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// simple returns where the string ends that starts at pos, if it is ASCII in which nothing is escaped, as most are, or the
// end of the input.
func (r *Reader) simple() (end int) {
	n, ascii := plain(r.data[r.pos+1:])
	if end = r.pos + 1 + n; !ascii || end == len(r.data) || r.data[end] != '"' {
		return len(r.data)
	}
	return end
}

// text reads a string that starts at pos. The result may be a part of the input, and is valid until the next one is read.
func (r *Reader) text() []byte {
	r.pos++
	var out []byte // what is before from, of a string with escapes
	for from := r.pos; r.plain(); {
		switch r.data[r.pos] {
		case '"':
			r.pos++
			if out == nil {
				return r.data[from : r.pos-1]
			}
			out = append(out, r.data[from:r.pos-1]...)
			r.unescaped = out
			return out
		case '\\':
			if out == nil {
				out = slices.Grow(r.unescaped[:0], 2*(r.pos-from)+32)
			}
			out = r.quoted(append(out, r.data[from:r.pos]...))
			if r.err != nil {
				return nil
			}
			from = r.pos
		default:
			r.Fail("control character in a string")
			return nil
		}
	}
	return nil
}

// quoted reads from one escape on to where a piece begins in which nothing is escaped for longer. JSON in a string, such
// as an event of a stream, has an escape at every few bytes, with which plain and append would cost more than the bytes do.
// What stands between two is written as a word of which the rest is written over.
func (r *Reader) quoted(out []byte) []byte {
	data, pos := r.data, r.pos
	for since := 0; since < 16 && pos+8 < len(data); {
		w := word(data[pos:])
		n := bits.TrailingZeros64(special(w)|w&high) / 8 // 8 where nothing is
		out = appendWord(out, w)[:len(out)+n]
		pos += n
		since += n
		if n == 8 {
			continue
		}
		if data[pos] != '\\' {
			r.pos = pos
			return out
		}
		c := data[pos+1]
		if c != '"' && c != '\\' {
			break
		}
		out = append(out, c)
		pos += 2
		since = 0
	}
	r.pos = pos
	if data[pos] == '\\' {
		return r.escape(out)
	}
	return out
}

// plain passes over what a string has before its end, its next escape, or a control character, which it may not have.
func (r *Reader) plain() bool {
	rest := r.data[r.pos:]
	n, ascii := plain(rest)
	if !ascii && !utf8.Valid(rest[:n]) {
		for c, size := utf8.DecodeRune(rest); c != utf8.RuneError || size > 1; c, size = utf8.DecodeRune(r.data[r.pos:]) {
			r.pos += size
		}
		r.Fail("text is not UTF-8")
		return false
	}
	if r.pos += n; r.pos == len(r.data) {
		r.Fail("the text ends inside a string")
		return false
	}
	return true
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
	c, ok := hex4(r.data, r.pos)
	if !ok {
		r.Fail("expected four hexadecimal digits")
		return nil
	}
	r.pos += 6
	if utf16.IsSurrogate(c) {
		low, ok := hex4(r.data, r.pos)
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
func hex4(data []byte, pos int) (rune, bool) {
	if pos+6 > len(data) || data[pos] != '\\' || data[pos+1] != 'u' {
		return 0, false
	}
	var n rune
	for _, c := range data[pos+2 : pos+6] {
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
