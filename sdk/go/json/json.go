// Package json reads and writes JSON that has no generated type, such as a vendor's, without reflection
// and without encoding/json, which would make a guest a megabyte larger.
//
// A Value is looked into, not decoded: v.Get("message", "chat", "id").Text(). What is missing, or is of
// another kind than asked for, is the kind's zero, so a chain of calls needs no checks. An Object or an
// Array is built by appending to it:
//
//	body := json.Object{}.Text("model", "m").Bool("stream", true).JSON()
//
// Values keep the text they came from; nothing is shared between goroutines that is written to.
package json

import (
	"iter"
	"unsafe"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// Value is one JSON value, or the absence of one.
type Value struct {
	raw []byte // valid JSON without white space around it, nil when absent
}

// Parse checks data, which must hold one JSON value, and returns it. The error is `invalid` and says where.
func Parse(data []byte) (Value, error) {
	var v Value
	err := wit.Unmarshal(data, &v)
	return v, err
}

// ParseText is Parse of a text, which is not copied.
func ParseText(text string) (Value, error) {
	data := unsafe.Slice(unsafe.StringData(text), len(text)) // which is not changed
	if whole := codec.Whole(data); whole != nil {
		return value(whole, 0, len(whole)), nil
	}
	return Parse(data)
}

// ReadJSON makes a Value part of records that are read field by field.
func (v *Value) ReadJSON(r *codec.Reader) { v.raw = r.Raw() }

// AppendJSON appends the value as it came, null when it is absent.
func (v *Value) AppendJSON(b []byte) []byte {
	if v.raw == nil {
		return append(b, "null"...)
	}
	return append(b, v.raw...)
}

// Exists reports whether there is a value that is not null.
func (v Value) Exists() bool { return v.raw != nil }

// Raw returns the value's text, which the caller must not change.
func (v Value) Raw() wit.JSON { return v.raw }

// Around returns what stands before and after the value in the text that it is from, which was given to ParseText. Both
// are empty where the value is absent or from elsewhere.
func (v Value) Around(text string) (before, after string) {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(v.raw))) - uintptr(unsafe.Pointer(unsafe.StringData(text)))
	if v.raw == nil || from > uintptr(len(text)) || from+uintptr(len(v.raw)) > uintptr(len(text)) {
		return "", ""
	}
	return text[:from], text[int(from)+len(v.raw):]
}

// Get goes down by field names. Every step that is not there gives the absent Value.
func (v Value) Get(path ...string) Value {
	for _, name := range path {
		v = v.field(name)
	}
	return v
}

func (v Value) field(name string) Value {
	if !v.is('{') {
		return Value{}
	}
	return field(v.raw, name)
}

// Fields yields an object's fields in their order; nothing for other kinds.
func (v Value) Fields() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.is('{') {
			fields(v.raw, func(written []byte, field Value) bool { return yield(text(written), field) })
		}
	}
}

// Items yields an array's items; nothing for other kinds.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.is('[') {
			items(v.raw, yield)
		}
	}
}

// Texts returns an array's items, each as Text returns it; nothing for other kinds.
func (v Value) Texts() (list []string) {
	for item := range v.Items() {
		list = append(list, item.Text())
	}
	return list
}

// Text returns a string. A number gives its digits, since platforms differ in how they write ids.
func (v Value) Text() string {
	switch {
	case v.is('"'):
		return text(v.raw)
	case v.number():
		return string(v.raw)
	}
	return ""
}

// Int returns a whole number, 0 for one that does not fit. A string of digits counts too.
func (v Value) Int() int64 {
	if v.is('"') {
		return codec.NewReader([]byte(v.Text())).Int64()
	}
	if !v.number() {
		return 0
	}
	return codec.NewReader(v.raw).Int64()
}

// Float returns a number.
func (v Value) Float() float64 {
	if !v.number() {
		return 0
	}
	return codec.NewReader(v.raw).Float64()
}

// Bool returns true for true.
func (v Value) Bool() bool { return string(v.raw) == "true" }

// IsObject, IsArray and IsText tell the kinds apart.
func (v Value) IsObject() bool { return v.is('{') }

// IsArray reports whether the value is an array.
func (v Value) IsArray() bool { return v.is('[') }

// IsText reports whether the value is a string.
func (v Value) IsText() bool { return v.is('"') }

func (v Value) is(first byte) bool { return len(v.raw) > 0 && v.raw[0] == first }

func (v Value) number() bool {
	return len(v.raw) > 0 && (v.raw[0] == '-' || v.raw[0] >= '0' && v.raw[0] <= '9')
}
