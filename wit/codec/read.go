package codec

import (
	"slices"
	"strconv"
)

// MaxDepth is how deep arrays and objects may nest.
const MaxDepth = 64

// Reader reads one JSON value from a byte slice, piece by piece. The first failure sticks: from then on
// every method returns a zero value and Next returns false, so callers look at Err once, at the end.
//
//	r.Object()
//	for r.Next() {
//		switch string(r.Key()) {
//		case "id":
//			id = r.String()
//		default:
//			r.Unknown()
//		}
//	}
//
// Each turn of such a loop has to read, or Skip, exactly one value.
type Reader struct {
	data      []byte
	pos       int
	err       *Error
	stack     []level
	room      [6]level // for the stack: few values are deeper
	unescaped []byte   // room for a string in which something is escaped
	cases     [4]string
	refs      []string // room for those that StringRef returns
	strict    bool
	shared    bool // what is returned may be parts of data
	onUnknown func(path string)
}

// level is an array or object that has been entered.
type level struct {
	key    []byte // of the field being read
	index  int    // of the item being read, -1 before the first
	object bool
	absent bool // null stands in its place
}

// NewReader returns a Reader of data, which it does not change or keep beyond its own life.
func NewReader(data []byte) *Reader { return &Reader{data: data} }

// Strict makes unknown fields and cases a failure.
func (r *Reader) Strict() { r.strict = true }

// Share lets String, Raw and what is made of them return parts of the input, which must not change from then on, and which
// lives as long as any of them does. Without it they are copies.
func (r *Reader) Share() { r.shared = true }

// Err returns the first failure, an *Error, or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// End fails unless nothing but white space is left.
func (r *Reader) End() {
	if r.peek(); r.err == nil && r.pos < len(r.data) {
		r.Fail("unexpected text after the value")
	}
}

// Fail records a problem with the value that is being read, unless one is recorded already. For
// readers whose rules go beyond JSON.
func (r *Reader) Fail(problem string) {
	if r.err == nil {
		r.err = &Error{Path: r.Path(), Offset: min(r.pos, len(r.data)), Problem: problem}
	}
}

// Path names the value that is being read, such as messages[2].sender.id.
func (r *Reader) Path() string {
	var b []byte
	for _, l := range r.stack {
		switch {
		case !l.object && l.index >= 0:
			b = append(strconv.AppendInt(append(b, '['), int64(l.index), 10), ']')
		case l.object && l.index >= 0:
			if len(b) > 0 {
				b = append(b, '.')
			}
			b = append(b, l.key[:min(len(l.key), 64)]...)
		}
	}
	return string(b)
}

// Object enters an object. A null is an object without fields.
func (r *Reader) Object() { r.enter('{', "an object") }

// Array enters an array. A null is an array without items.
func (r *Reader) Array() { r.enter('[', "an array") }

func (r *Reader) enter(open byte, what string) {
	c := r.peek()
	switch {
	case r.err != nil:
		return
	case c == 'n' && r.literal("null"):
		r.push(level{index: -1, absent: true})
		return
	case c != open:
		r.mismatch(what)
		return
	case len(r.stack) >= MaxDepth:
		r.Fail("nested too deeply")
		return
	}
	r.pos++
	r.push(level{index: -1, object: open == '{'})
}

// push enters a level.
func (r *Reader) push(l level) {
	if r.stack == nil {
		r.stack = r.room[:0]
	}
	r.stack = append(r.stack, l)
}

// Next goes to the next field or item of what was entered last, and leaves it after the last one.
func (r *Reader) Next() bool {
	if r.err != nil || len(r.stack) == 0 {
		return false
	}
	top := &r.stack[len(r.stack)-1]
	if top.absent {
		r.leave()
		return false
	}
	c := r.peek()
	if (c == '}' && top.object) || (c == ']' && !top.object) {
		r.pos++
		r.leave()
		return false
	}
	if top.index >= 0 {
		if c != ',' {
			r.unexpected("a comma or the end")
			return false
		}
		r.pos++
	}
	top.index++
	if !top.object {
		return true
	}
	key := r.key()
	top.key = key
	return r.err == nil
}

func (r *Reader) key() []byte {
	if r.peek() != '"' {
		r.unexpected("a field's name")
		return nil
	}
	from := r.pos
	if end := r.simple(); end+1 < len(r.data) && r.data[end+1] == ':' {
		r.pos = end + 2
		return r.data[from+1 : end]
	}
	key := r.text()
	if len(key) < r.pos-from-len(`""`) { // it is unescaped, and kept for longer than that
		key = slices.Clone(key)
	}
	if r.peek() != ':' {
		r.unexpected("a colon")
		return nil
	}
	r.pos++
	return key
}

func (r *Reader) leave() { r.stack = r.stack[:len(r.stack)-1] }

// Key returns the name of the current field. It is valid until the next call of Next.
func (r *Reader) Key() []byte {
	if len(r.stack) == 0 {
		return nil
	}
	return r.stack[len(r.stack)-1].key
}

// Index returns the number of fields or items before the current one.
func (r *Reader) Index() int {
	if len(r.stack) == 0 {
		return 0
	}
	return r.stack[len(r.stack)-1].index
}

// Problems of what a strict reader does not know.
const (
	UnknownField = "unknown field"
	UnknownCase  = "unknown case"
)

// Unknown passes over the value of a field that the caller does not know.
func (r *Reader) Unknown() {
	r.unknown(UnknownField)
	r.Skip()
}

// UnknownCase says that the string just read is none of its enum's cases.
func (r *Reader) UnknownCase() { r.unknown(UnknownCase) }

func (r *Reader) unknown(problem string) {
	if r.err != nil {
		return
	}
	if r.onUnknown != nil {
		r.onUnknown(r.Path() + ": " + problem)
	}
	if r.strict {
		r.Fail(problem)
	}
}

// peek passes over white space and returns the byte that follows, 0 at the end.
func (r *Reader) peek() byte {
	if r.err == nil && r.pos < len(r.data) && r.data[r.pos] > ' ' {
		return r.data[r.pos] // mostly there is none
	}
	return r.peekOn()
}

func (r *Reader) peekOn() byte {
	if r.err != nil {
		return 0
	}
	for ; r.pos < len(r.data); r.pos++ {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (r *Reader) mismatch(want string) { r.unexpected(want) }

func (r *Reader) unexpected(want string) {
	if r.err != nil {
		return
	}
	if r.pos >= len(r.data) {
		r.Fail("the text ends where " + want + " should be")
		return
	}
	r.Fail("expected " + want)
}

// literal consumes word if it comes next.
func (r *Reader) literal(word string) bool {
	if r.err == nil && len(r.data)-r.pos >= len(word) && string(r.data[r.pos:r.pos+len(word)]) == word {
		r.pos += len(word)
		return true
	}
	return false
}
