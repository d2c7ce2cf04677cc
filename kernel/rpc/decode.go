package rpc

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Decoder reads the parameters of one method into T, a struct. Objects are closed: a field that T does
// not have, exactly as its json tag spells it, is refused. What else is checked stands in rpc tags:
//
//	Key   string   `json:"key" rpc:"required,min=1,max=512"`   // characters
//	Limit int      `json:"limit,omitempty" rpc:"min=1,max=1000"` // value
//	Keys  []string `json:"keys" rpc:"required,max=64"`         // items; likewise a map's entries
//	Mode  string   `json:"mode,omitempty" rpc:"enum=now|next-heartbeat"`
//	Hash  string   `json:"hash,omitempty" rpc:"len=64"`
//
// enum on a list holds for its items. A pointer accepts null; json.RawMessage and any accept
// everything, so that a handler can tell null from absent. Every failure is named, with its path.
type Decoder[T any] struct {
	name  string
	shape *shape
	bare  bool // it takes an empty object, which says nothing
}

// NewDecoder prepares a decoder for T. It panics for a T that cannot be decoded (a wrong tag, a channel
// field), which is a mistake in the program.
func NewDecoder[T any](method string) *Decoder[T] {
	s := newCompiler(false).compile(reflect.TypeFor[T](), tag{})
	return &Decoder[T]{method, s, s.kind == kindObject && len(s.required) == 0 || s.kind == kindMap && s.tag.min == nil}
}

// Decode returns the parameters, or CodeInvalid "invalid <method> params: …" with every complaint.
// Missing and null parameters stand for an empty object.
func (d *Decoder[T]) Decode(params json.RawMessage) (T, error) {
	var in T
	if len(params) == 0 || string(params) == "null" {
		params = json.RawMessage("{}")
	}
	if d.bare && string(params) == "{}" {
		return in, nil
	}
	if !json.Valid(params) {
		return in, wit.Errorf(wit.CodeInvalid, "invalid %s params: must be JSON", d.name)
	}
	c := checker{b: params}
	c.value(d.shape, "")
	if len(c.complaints) > 0 {
		return in, wit.Errorf(wit.CodeInvalid, "invalid %s params: %s", d.name, strings.Join(c.complaints, "; "))
	}
	if err := json.Unmarshal(params, &in); err != nil {
		return in, wit.Errorf(wit.CodeInvalid, "invalid %s params: %s", d.name, unreadable(err))
	}
	return in, nil
}

// unreadable words what only encoding/json finds: numbers that do not fit, types that decode themselves.
func unreadable(err error) string {
	if e, ok := err.(*json.UnmarshalTypeError); ok && e.Field != "" {
		return "at /" + strings.ReplaceAll(e.Field, ".", "/") + ": must be " + e.Type.String()
	}
	return err.Error()
}
