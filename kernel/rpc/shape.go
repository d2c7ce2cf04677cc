package rpc

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

type kind int

const (
	kindAny kind = iota
	kindString
	kindInteger
	kindNumber
	kindBoolean
	kindArray
	kindMap
	kindObject
)

// shape is what one place of a JSON value accepts, or holds. Places of the same struct type share its
// fields, so a type may contain itself.
type shape struct {
	kind kind
	null bool
	tag  tag
	elem *shape // of an array or a map
	*fields
	base64 bool // of a string
}

// fields are those of a struct type.
type fields struct {
	of       reflect.Type
	names    []string // in the order of the declaration
	byName   map[string]field
	required []string
}

// field is one field of an object and where it is declared.
type field struct {
	*shape
	owner reflect.Type
	name  string // in Go
}

// tag holds an rpc tag; nil bounds do not restrict.
type tag struct {
	required bool
	min, max *float64
	enum     []string
}

func parseTag(s string) tag {
	var t tag
	for part := range strings.SplitSeq(s, ",") {
		key, arg, _ := strings.Cut(part, "=")
		switch key {
		case "":
		case "required":
			t.required = true
		case "min":
			t.min = number(s, arg)
		case "max":
			t.max = number(s, arg)
		case "len":
			t.min = number(s, arg)
			t.max = t.min
		case "enum":
			t.enum = strings.Split(arg, "|")
		default:
			panic(fmt.Sprintf("rpc: tag %q has an unknown rule %q", s, key))
		}
	}
	return t
}

func number(tag, s string) *float64 {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(fmt.Sprintf("rpc: tag %q wants a number instead of %q", tag, s))
	}
	return &n
}

// compiler builds the shapes of types: of what is read, or (out) of what encoding/json writes.
type compiler struct {
	out  bool
	seen map[reflect.Type]*fields
}

func newCompiler(out bool) *compiler { return &compiler{out, map[reflect.Type]*fields{}} }

// record is a type of the contract with plugins: its generated codec leaves zero values out.
type record interface{ AppendJSON([]byte) []byte }

func implements[I any](t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[I]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[I]())
}

// opaque reports whether t has a form of its own, of which nothing more is known than that it is text.
func (c *compiler) opaque(t reflect.Type) (text, opaque bool) {
	if !c.out {
		return false, implements[json.Unmarshaler](t) || implements[encoding.TextUnmarshaler](t)
	}
	if implements[json.Marshaler](t) {
		return false, !implements[record](t)
	}
	return true, implements[encoding.TextMarshaler](t)
}

// compile builds the shape of t at a place with this tag.
func (c *compiler) compile(t reflect.Type, tg tag) *shape {
	s := &shape{tag: tg}
	if t.Kind() == reflect.Pointer {
		s = c.compile(t.Elem(), tg)
		s.null = true
		return s
	}
	if text, opaque := c.opaque(t); opaque {
		if text {
			s.kind = kindString
		}
		return s
	}
	switch t.Kind() {
	case reflect.Interface:
	case reflect.String:
		s.kind = kindString
	case reflect.Bool:
		s.kind = kindBoolean
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.kind = kindInteger
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.kind = kindInteger
		if s.tag.min == nil {
			s.tag.min = new(float64)
		}
	case reflect.Float32, reflect.Float64:
		s.kind = kindNumber
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			s.kind, s.base64 = kindString, true
			break
		}
		s.kind, s.elem = kindArray, c.compile(t.Elem(), tag{enum: tg.enum})
		s.tag.enum = nil
	case reflect.Map:
		s.kind, s.elem = kindMap, c.compile(t.Elem(), tag{})
	case reflect.Struct:
		s.kind, s.fields = kindObject, c.object(t)
	default:
		panic(fmt.Sprintf("rpc: %s has no form in JSON", t))
	}
	return s
}

// object builds the fields of a struct type once.
func (c *compiler) object(t reflect.Type) *fields {
	if o := c.seen[t]; o != nil {
		return o
	}
	o := &fields{of: t, byName: map[string]field{}}
	c.seen[t] = o
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || (!f.IsExported() && !f.Anonymous) {
			continue
		}
		if base, pointer := indirect(f.Type); f.Anonymous && name == "" && base.Kind() == reflect.Struct {
			o.embed(c.object(base), pointer)
			continue
		}
		if name == "" {
			name = f.Name
		}
		tg := parseTag(f.Tag.Get("rpc"))
		required, place := tg.required, c.compile(f.Type, tg)
		if c.out {
			required = !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") && !implements[record](t)
			place.null = place.null && required // else nil is left out
		}
		o.set(name, field{place, t, f.Name}, required)
	}
	return o
}

func indirect(t reflect.Type) (base reflect.Type, pointer bool) {
	if t.Kind() == reflect.Pointer {
		return t.Elem(), true
	}
	return t, false
}

// embed adds the fields of an embedded struct; those that stand there already win.
func (o *fields) embed(base *fields, pointer bool) {
	for _, name := range base.names {
		if have, ok := o.byName[name]; !ok || have.owner != o.of {
			o.set(name, base.byName[name], !pointer && slices.Contains(base.required, name))
		}
	}
}

func (o *fields) set(name string, f field, required bool) {
	if _, ok := o.byName[name]; !ok {
		o.names = append(o.names, name)
	}
	o.byName[name] = f
	o.required = slices.DeleteFunc(o.required, func(r string) bool { return r == name })
	if required {
		o.required = append(o.required, name)
	}
}
