package json

import (
	"bytes"
	"unsafe"

	"github.com/carapace-gateway/carapace/wit/codec"
)

// Values were checked when they were parsed, so going through one asks only where its parts end. i is always the place
// of a byte of it.

// after passes over white space.
func after(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// endOfText returns the place after the string that begins at i.
func endOfText(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// endOfValue returns the place after the value that begins at i.
func endOfValue(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = endOfText(b, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\n', '\t', '\r':
			i++
			continue
		default:
			i = endOfWord(b, i)
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// endOfWord returns the place after the number or the word that begins at i.
func endOfWord(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ',', ']', '}', ' ', '\n', '\t', '\r':
			return i
		}
		i++
	}
	return i
}

// value is the one from i to end, absent for null.
func value(b []byte, i, end int) Value {
	if b[i] == 'n' {
		return Value{}
	}
	return Value{b[i:end:end]}
}

// entry is the field that begins at i, or after the comma there: its name as it is written, and from where to where its
// value goes.
func entry(b []byte, i int) (name []byte, from, end int) {
	if b[i] == ',' {
		i = after(b, i+1)
	}
	to := endOfText(b, i)
	from = after(b, after(b, to)+1) // the colon
	return b[i:to], from, endOfValue(b, from)
}

// field is the last field with a name, absent where an object has none.
func field(b []byte, name string) (found Value) {
	for i := after(b, 1); b[i] != '}'; {
		written, from, end := entry(b, i)
		if is(written, name) {
			found = value(b, from, end)
		}
		i = after(b, end)
	}
	return found
}

// fields calls each with the fields of an object, their names as they are written, until it returns false.
func fields(b []byte, each func(name []byte, v Value) bool) {
	for i := after(b, 1); b[i] != '}'; {
		name, from, end := entry(b, i)
		if !each(name, value(b, from, end)) {
			return
		}
		i = after(b, end)
	}
}

// items calls each with the items of an array until it returns false.
func items(b []byte, each func(v Value) bool) {
	for i := after(b, 1); b[i] != ']'; {
		if b[i] == ',' {
			i = after(b, i+1)
		}
		end := endOfValue(b, i)
		if !each(value(b, i, end)) {
			return
		}
		i = after(b, end)
	}
}

// is reports whether a field's written name is this one.
func is(written []byte, name string) bool {
	if len(written) == len(name)+2 && string(written[1:len(written)-1]) == name {
		return true
	}
	return len(written) > len(name)+2 && bytes.IndexByte(written, '\\') >= 0 && text(written) == name
}

// text is a string that is written so. Where nothing in it is escaped it is a part of the value, which never changes.
func text(written []byte) string {
	if bytes.IndexByte(written, '\\') < 0 {
		return unsafe.String(&written[1], len(written)-2) // of an empty one, the closing quote's place
	}
	return codec.NewReader(written).String()
}
