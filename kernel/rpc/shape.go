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

// shape is what one place of the parameters accepts.
type shape struct {
	kind     kind
	null     bool
	tag      tag
	elem     *shape // of an array or a map
	fields   map[string]*shape
	required []string
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

// compile builds the shape of t. A struct that contains itself is accepted as anything at the inner place.
func compile(t reflect.Type, tg tag, outer []reflect.Type) *shape {
	s := &shape{tag: tg}
	if t.Kind() == reflect.Pointer {
		s = compile(t.Elem(), tg, outer)
		s.null = true
		return s
	}
	if p := reflect.PointerTo(t); p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
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
			s.kind = kindString // base64
			break
		}
		s.kind, s.elem = kindArray, compile(t.Elem(), tag{enum: tg.enum}, outer)
		s.tag.enum = nil
	case reflect.Map:
		s.kind, s.elem = kindMap, compile(t.Elem(), tag{}, outer)
	case reflect.Struct:
		if slices.Contains(outer, t) {
			return s
		}
		s.object(t, append(slices.Clone(outer), t))
	default:
		panic(fmt.Sprintf("rpc: %s cannot be a parameter", t))
	}
	return s
}

func (s *shape) object(t reflect.Type, outer []reflect.Type) {
	s.kind, s.fields = kindObject, map[string]*shape{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || (!f.IsExported() && !f.Anonymous) {
			continue
		}
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			base := compile(f.Type, tag{}, outer)
			for n, field := range base.fields {
				s.fields[n] = field
			}
			s.required = append(s.required, base.required...)
			continue
		}
		if name == "" {
			name = f.Name
		}
		tg := parseTag(f.Tag.Get("rpc"))
		s.fields[name] = compile(f.Type, tg, outer)
		if tg.required {
			s.required = append(s.required, name)
		}
	}
}
