package json

import (
	"slices"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// Object is a JSON object under construction. Each method returns the extended one, like append.
type Object []byte

func (o Object) key(name string) []byte {
	switch {
	case len(o) == 0:
		o = append(slices.Grow(o, 128), '{')
	case o[len(o)-1] != '{':
		o = append(o, ',')
	}
	return append(codec.AppendString(o, name), ':')
}

// Object adds an object, which fill builds: it gets an empty one and returns the extended one. Nothing is copied, so
// what is large is best built this way.
func (o Object) Object(name string, fill func(Object) Object) Object {
	return append(fill(append(o.key(name), '{')), '}')
}

// Array adds an array, which fill builds like Object's.
func (o Object) Array(name string, fill func(Array) Array) Object {
	return Object(append(fill(append(o.key(name), '[')), ']'))
}

// Text adds a string.
func (o Object) Text(name, value string) Object { return codec.AppendString(o.key(name), value) }

// Credential adds a string that the kernel replaces by the credential of that name, in the text of a
// request with Fill; such an object may hold nothing that people or models wrote.
func (o Object) Credential(name, credential string) Object {
	return codec.AppendString(o.key(name), "{{credential:"+credential+"}}")
}

// Int adds a whole number.
func (o Object) Int(name string, value int64) Object { return codec.AppendInt(o.key(name), value) }

// Float adds a number.
func (o Object) Float(name string, value float64) Object {
	return codec.AppendFloat(o.key(name), value)
}

// Bool adds true or false.
func (o Object) Bool(name string, value bool) Object { return codec.AppendBool(o.key(name), value) }

// Raw adds a value that is JSON already; an empty one is left out.
func (o Object) Raw(name string, value wit.JSON) Object {
	if len(value) == 0 {
		return o
	}
	return append(o.key(name), value...)
}

// JSON returns the finished object.
func (o Object) JSON() wit.JSON {
	if len(o) == 0 {
		return wit.JSON("{}")
	}
	return append(wit.JSON(o), '}')
}

// Sparse is an object under construction to which values are added that are not zero, such as a state that travels with each call.
type Sparse struct{ Object }

// AddInt adds a whole number that is not 0.
func (s *Sparse) AddInt(name string, value int64) {
	if value != 0 {
		s.Object = s.Int(name, value)
	}
}

// AddText adds a string that is not empty.
func (s *Sparse) AddText(name, value string) {
	if value != "" {
		s.Object = s.Text(name, value)
	}
}

// AddTrue adds true, and nothing where the value is false.
func (s *Sparse) AddTrue(name string, value bool) {
	if value {
		s.Object = s.Bool(name, value)
	}
}

// AddTexts adds an array of strings that is not empty.
func (s *Sparse) AddTexts(name string, values []string) { AddList(s, name, values, Text) }

// AddList adds an array that is not empty, of items as write writes them.
func AddList[T any](s *Sparse, name string, items []T, write func(T) wit.JSON) {
	if len(items) == 0 {
		return
	}
	s.Object = s.Array(name, func(a Array) Array {
		for _, item := range items {
			a = a.Add(write(item))
		}
		return a
	})
}

// Array is a JSON array under construction.
type Array []byte

// Add adds a value that is JSON already.
func (a Array) Add(value wit.JSON) Array { return append(a.next(), value...) }

// Object adds an object, which fill builds like Object.Object's.
func (a Array) Object(fill func(Object) Object) Array {
	return Array(append(fill(Object(append(a.next(), '{'))), '}'))
}

func (a Array) next() Array {
	switch {
	case len(a) == 0:
		return append(a, '[')
	case a[len(a)-1] != '[':
		return append(a, ',')
	}
	return a
}

// JSON returns the finished array.
func (a Array) JSON() wit.JSON {
	if len(a) == 0 {
		return wit.JSON("[]")
	}
	return append(wit.JSON(a), ']')
}

// Text returns s as a JSON string.
func Text(s string) wit.JSON { return codec.AppendString(nil, s) }
