package codec

import (
	"encoding/base64"
	"slices"
	"unsafe"
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
	text, part := r.quotedOrNull()
	if r.shared && part {
		return unsafe.String(unsafe.SliceData(text), len(text))
	}
	return string(text)
}

// StringRef is String for an optional field. Some that are read together share one allocation.
func (r *Reader) StringRef() *string {
	if len(r.refs) == cap(r.refs) {
		r.refs = make([]string, 0, min(1+2*len(r.refs), maxRefs))
	}
	r.refs = append(r.refs, r.String())
	return &r.refs[len(r.refs)-1]
}

// maxRefs is how many strings one is kept alive with at most.
const maxRefs = 32

// Case is String for a text of which few different ones come, such as an enum's: each of the last is made once.
func (r *Reader) Case() string {
	text, _ := r.quotedOrNull()
	for _, known := range r.cases {
		if known == string(text) {
			return known
		}
	}
	copy(r.cases[1:], r.cases[:])
	r.cases[0] = string(text)
	return r.cases[0]
}

// quotedOrNull reads a string as text does, or a null as none, and reports whether the result is a part of the input.
func (r *Reader) quotedOrNull() (text []byte, part bool) {
	if r.peek() != '"' {
		if !r.Null() {
			r.unexpected("a string")
		}
		return nil, false
	}
	if end := r.simple(); end < len(r.data) {
		from := r.pos + 1
		r.pos = end + 1
		return r.data[from:end], true
	}
	from := r.pos
	text = r.text()
	return text, len(text) == r.pos-from-len(`""`) // nothing in it was escaped
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

// Raw reads any value and returns its text, which is valid JSON; nil for null.
func (r *Reader) Raw() []byte {
	if r.shared {
		return r.View()
	}
	return append([]byte(nil), r.View()...)
}

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

// Skip passes over one value of any type, which has to be valid.
func (r *Reader) Skip() {
	switch c := r.peek(); {
	case r.err != nil:
	case c == '{' || c == '[':
		if end := skip(r.data, r.pos, MaxDepth-len(r.stack)); end >= 0 {
			r.pos = end
			return
		}
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

// skipContainer finds out what is wrong in an array or object. It recurses at most MaxDepth deep.
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
	from := r.pos
	for r.Next() {
		n := len(list)
		if n >= limit {
			r.Fail("more than " + itoa(limit) + " items")
			return nil
		}
		if n == cap(list) && n > 0 {
			list = slices.Grow(list, r.more(n, from, limit))
		}
		list = append(list, *new(T))
		P(&list[len(list)-1]).ReadJSON(r)
	}
	return list
}

// more is how many further items a list that was entered at from may have, after n of them: as many as there is text for,
// if they are as long as the last ones, but no more than a multiple of what is there.
func (r *Reader) more(n, from, limit int) int {
	each := max(1, (r.pos-from)/n)
	return max(1, min(limit-n, 8*n, (len(r.data)-r.pos)/each))
}
