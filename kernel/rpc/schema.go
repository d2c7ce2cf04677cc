package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"strings"
)

// Schema is a JSON Schema (draft 2020-12). The zero value permits everything.
type Schema struct {
	Description string    `json:"description,omitempty"`
	Ref         string    `json:"$ref,omitempty"`
	AnyOf       []*Schema `json:"anyOf,omitempty"`
	// Type is a name, or a list of a name and "null".
	Type            any        `json:"type,omitempty"`
	Const           string     `json:"const,omitempty"`
	Enum            []any      `json:"enum,omitempty"`
	Minimum         *float64   `json:"minimum,omitempty"`
	Maximum         *float64   `json:"maximum,omitempty"`
	MinLength       *float64   `json:"minLength,omitempty"`
	MaxLength       *float64   `json:"maxLength,omitempty"`
	ContentEncoding string     `json:"contentEncoding,omitempty"`
	Items           *Schema    `json:"items,omitempty"`
	MinItems        *float64   `json:"minItems,omitempty"`
	MaxItems        *float64   `json:"maxItems,omitempty"`
	MinProperties   *float64   `json:"minProperties,omitempty"`
	MaxProperties   *float64   `json:"maxProperties,omitempty"`
	Properties      []Property `json:"-"`
	Required        []string   `json:"-"`
	// Values are what the fields of a map hold.
	Values *Schema `json:"-"`
	// Closed objects have no fields but Properties.
	Closed bool `json:"-"`
	// Of is the type of an object.
	Of reflect.Type `json:"-"`
}

// Property is a field of an object.
type Property struct {
	Name string
	*Schema
	// Owner declares it in Go, where it is called Field.
	Owner reflect.Type
	Field string
}

// MarshalJSON writes the properties in their order.
func (s *Schema) MarshalJSON() ([]byte, error) {
	type plain Schema
	var b bytes.Buffer
	head, err := encode((*plain)(s))
	if err != nil {
		return nil, err
	}
	b.Write(bytes.TrimSuffix(head, []byte("}")))
	add := func(name string, v any) {
		text, failed := encode(v)
		if err == nil {
			err = failed
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", name, text)
	}
	if len(s.Properties) > 0 {
		add("properties", ordered(s.Properties))
	}
	if len(s.Required) > 0 {
		add("required", s.Required)
	}
	if s.Values != nil {
		add("additionalProperties", s.Values)
	} else if s.Closed {
		add("additionalProperties", false)
	}
	b.WriteByte('}')
	return b.Bytes(), err
}

// ordered writes properties as one object.
type ordered []Property

// MarshalJSON implements json.Marshaler.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range o {
		text, err := encode(p.Schema)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", p.Name, text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode is json.Marshal that leaves <, > and & readable.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Schemas collects the schemas of types. A struct type with a name is one definition, package.Type, that
// others refer to. The zero value is ready; it is not safe for concurrent use.
type Schemas struct {
	// Defs are the definitions by name.
	Defs map[string]*Schema

	in, out *compiler
	names   map[*fields]string
}

// Params returns the schema of parameters: what a Decoder for t accepts, objects being closed.
func (s *Schemas) Params(t reflect.Type) *Schema {
	s.prepare()
	return s.of(s.in.compile(t, tag{}), true)
}

// Result returns the schema of what encoding/json makes of a t. Objects are open, since a reader has to
// put up with fields of newer gateways; required are those that are always written. It panics for a t that
// has no form in JSON.
func (s *Schemas) Result(t reflect.Type) *Schema {
	s.prepare()
	return s.of(s.out.compile(t, tag{}), false)
}

func (s *Schemas) prepare() {
	if s.Defs == nil {
		s.Defs, s.names = map[string]*Schema{}, map[*fields]string{}
		s.in, s.out = newCompiler(false), newCompiler(true)
	}
}

// refTo begins every reference to a definition.
const refTo = "#/$defs/"

// Target returns the definition that a schema refers to, or the schema itself.
func (s *Schemas) Target(of *Schema) *Schema {
	if to, ok := s.Defs[of.RefName()]; ok {
		return to
	}
	return of
}

// RefName is the name of the definition that a schema refers to, empty if it refers to none.
func (s *Schema) RefName() string { return strings.TrimPrefix(s.Ref, refTo) }

func (s *Schemas) of(sh *shape, in bool) *Schema {
	out := &Schema{}
	switch t := sh.tag; sh.kind {
	case kindAny:
		return out
	case kindObject:
		out = s.object(sh.fields, in)
	case kindString:
		out.MinLength, out.MaxLength = t.min, t.max
		if sh.base64 {
			out.ContentEncoding = "base64"
		}
		for _, v := range t.enum {
			out.Enum = append(out.Enum, v)
		}
	case kindInteger, kindNumber:
		out.Minimum, out.Maximum = t.min, t.max
	case kindArray:
		out.Items, out.MinItems, out.MaxItems = s.of(sh.elem, in), t.min, t.max
	case kindMap:
		out.Values, out.MinProperties, out.MaxProperties = s.of(sh.elem, in), t.min, t.max
	}
	if out.Ref == "" {
		out.Type = sh.kind.String()
	}
	switch {
	case !sh.null:
	case out.Ref != "":
		return &Schema{AnyOf: []*Schema{out, {Type: "null"}}}
	default:
		out.Type = []string{sh.kind.String(), "null"}
		if out.Enum != nil {
			out.Enum = append(out.Enum, nil)
		}
	}
	return out
}

// object describes a struct: one with a name by a reference to its definition.
func (s *Schemas) object(o *fields, in bool) *Schema {
	if name, ok := s.names[o]; ok {
		return &Schema{Ref: refTo + name}
	}
	def := &Schema{Type: kindObject.String(), Of: o.of, Closed: in, Required: o.required}
	ref := def
	if o.of.Name() != "" {
		name := s.name(o.of, in)
		s.names[o], s.Defs[name] = name, def
		ref = &Schema{Ref: refTo + name}
	}
	for _, name := range o.names {
		f := o.byName[name]
		def.Properties = append(def.Properties, Property{name, s.of(f.shape, in), f.owner, f.name})
	}
	return ref
}

// name is package.Type. A type that is read as well as written has two definitions.
func (s *Schemas) name(t reflect.Type, in bool) string {
	name := path.Base(t.PkgPath()) + "." + t.Name()
	have := s.Defs[name]
	switch {
	case have == nil:
		return name
	case have.Of != t:
		panic(fmt.Sprintf("rpc: two types are called %s: %v of %s and %s", name, t, have.Of.PkgPath(), t.PkgPath()))
	case in:
		return name + ".params"
	}
	return name + ".result"
}
