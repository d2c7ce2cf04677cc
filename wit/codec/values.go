package codec

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Null consumes a null and reports whether there was one.
func (r *Reader) Null() bool { return r.peek() == 'n' && r.literal("null") }

// Bool reads true or false.
func (r *Reader) Bool() bool {
	switch c := r.peek(); {
	case c == 't' && r.literal("true"):
		return true
	case c == 'f' && r.literal("false"), r.Null():
		return false
	}
	r.unexpected("true or false")
	return false
}

// String reads a string. A lone surrogate becomes U+FFFD; text that is not UTF-8 is a failure.
func (r *Reader) String() string {
	if r.peek() != '"' {
		if !r.Null() {
			r.unexpected("a string")
		}
		return ""
	}
	return string(r.text())
}

// Bytes reads base64.
func (r *Reader) Bytes() []byte {
	if r.peek() != '"' {
		if !r.Null() {
			r.unexpected("a string of base64")
		}
		return nil
	}
	text := r.text()
	if len(text) == 0 {
		return nil
	}
	out, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		r.Fail("expected base64")
		return nil
	}
	return out
}

// Raw reads any value and returns a copy of its text, which is valid JSON; nil for null.
func (r *Reader) Raw() []byte { return append([]byte(nil), r.View()...) }

// View is Raw without the copy: the result is a part of the input.
func (r *Reader) View() []byte {
	r.peek()
	start := r.pos
	r.Skip()
	if r.err != nil || string(r.data[start:r.pos]) == "null" {
		return nil
	}
	return r.data[start:r.pos:r.pos]
}

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
	if r.at('-') {
		r.pos++
	}
	switch {
	case r.at('0'):
		r.pos++
	case r.digits() == 0:
		r.unexpected("a digit")
		return
	}
	if r.at('.') {
		r.pos++
		if r.digits() == 0 {
			r.unexpected("a digit")
			return
		}
	}
	if !r.at('e') && !r.at('E') {
		return
	}
	r.pos++
	if r.at('+') || r.at('-') {
		r.pos++
	}
	if r.digits() == 0 {
		r.unexpected("a digit")
	}
}

func (r *Reader) at(c byte) bool { return r.pos < len(r.data) && r.data[r.pos] == c }

func (r *Reader) digits() int {
	start := r.pos
	for r.pos < len(r.data) && r.data[r.pos] >= '0' && r.data[r.pos] <= '9' {
		r.pos++
	}
	return r.pos - start
}

// Skip passes over one value of any type, which has to be valid.
func (r *Reader) Skip() {
	switch c := r.peek(); {
	case r.err != nil:
	case c == '{' || c == '[':
		r.skipContainer(c)
	case c == '"':
		r.text()
	case c == '-' || (c >= '0' && c <= '9'):
		r.skipNumber()
	case c == 't' && r.literal("true"), c == 'f' && r.literal("false"), c == 'n' && r.literal("null"):
	default:
		r.unexpected("a value")
	}
}

// skipContainer recurses at most MaxDepth deep.
func (r *Reader) skipContainer(open byte) {
	if open == '{' {
		r.Object()
	} else {
		r.Array()
	}
	for r.Next() {
		r.Skip()
	}
}

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
	out := append([]byte(nil), r.data[start:r.pos]...)
	for r.pos < len(r.data) {
		from := r.pos
		switch c := r.data[r.pos]; {
		case c == '"':
			r.pos++
			return out
		case c == '\\':
			out = r.escape(out)
			if r.err != nil {
				return nil
			}
			continue
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
		out = append(out, r.data[from:r.pos]...)
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
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		r.Fail("unknown escape in a string")
		return nil
	}
	r.pos += 2
	return append(out, "\"\\/\b\f\n\r\t"[i])
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

// Strings reads an array of at most limit strings; an empty one is nil.
func Strings[S ~string](r *Reader, limit int) []S {
	var list []S
	r.Array()
	for r.Next() {
		if len(list) >= limit {
			r.Fail("more than " + itoa(limit) + " items")
			return nil
		}
		list = append(list, S(r.String()))
	}
	return list
}

// List reads an array of at most limit items; an empty one is nil.
func List[T any, P interface {
	*T
	Receiver
}](r *Reader, limit int) []T {
	var list []T
	r.Array()
	for r.Next() {
		if len(list) >= limit {
			r.Fail("more than " + itoa(limit) + " items")
			return nil
		}
		var item T
		P(&item).ReadJSON(r)
		list = append(list, item)
	}
	return list
}
