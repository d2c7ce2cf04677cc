package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go.bytecodealliance.org/wit"
)

// field is a field of a record.
type field struct {
	name, goName, json, doc string
	kind                    kind
	named                   *typ // for records and enums
	option, list            bool
	time                    bool   // a duration
	own                     bounds // of the value; of a list's length
	item                    bounds // of a list's texts
	object, operations      bool
	label                   bool
	def                     string
	forKind                 string
}

// bounds are what a value has to keep.
type bounds struct {
	required       bool
	min, max       int64
	hasMin, hasMax bool
	cut            int64
	pattern        *pattern
	means          string
}

func (b bounds) any() bool { return b.required || b.hasMin || b.hasMax || b.pattern != nil }

type kind string

const (
	kindString kind = "string"
	kindBool   kind = "bool"
	kindJSON   kind = "JSON"
	kindBytes  kind = "[]byte"
	kindU16    kind = "uint16"
	kindU32    kind = "uint32"
	kindU64    kind = "uint64"
	kindS32    kind = "int32"
	kindS64    kind = "int64"
	kindF64    kind = "float64"
	kindEnum   kind = "enum"
	kindRecord kind = "record"
)

func (k kind) number() bool {
	return slices.Contains([]kind{kindU16, kindU32, kindU64, kindS32, kindS64}, k)
}

// measured values have a length in bytes.
func (k kind) measured() bool { return k == kindString || k == kindJSON || k == kindBytes }

// defaultLimit bounds lists that name no bound.
const defaultLimit = 65536

// limit is how many items a reader of the list accepts.
func (f *field) limit() int64 {
	if f.own.hasMax {
		return f.own.max
	}
	return defaultLimit
}

func (b *builder) field(of *typ, source wit.Field) (*field, error) {
	attrs, err := attributesOf(source.Docs.Contents, of.name+"."+source.Name, onFields)
	if err != nil {
		return nil, err
	}
	out := &field{name: source.Name, goName: pascal(source.Name), json: camel(source.Name), doc: attrs.doc,
		object: attrs.has("object"), operations: attrs.has("operations"), label: attrs.has("label"), def: attrs.words["default"], forKind: attrs.words["kind"]}
	alias, err := b.shape(out, source.Type)
	if err != nil {
		return nil, err
	}
	if out.list {
		if out.item, err = b.bounds(of, source.Name, alias); err == nil {
			out.own, err = b.bounds(of, source.Name, attrs)
		}
	} else {
		for name, value := range attrs.words {
			alias.words[name] = value
		}
		out.own, err = b.bounds(of, source.Name, alias)
		out.object = out.object || alias.has("object")
	}
	if err != nil {
		return nil, err
	}
	return out, out.check(attrs)
}

// shape finds a field's type, and the attributes of the aliases that name it.
func (b *builder) shape(out *field, t wit.Type) (attributes, error) {
	alias := attributes{words: map[string]string{}}
	if def, ok := t.(*wit.TypeDef); ok && wit.KindOf[*wit.Option](def) != nil && def.Name == nil {
		out.option, t = true, wit.KindOf[*wit.Option](def).Type
	}
	if def, ok := t.(*wit.TypeDef); ok && wit.KindOf[*wit.List](def) != nil && def.Name == nil {
		t = wit.KindOf[*wit.List](def).Type
		if _, ok := t.(wit.U8); ok {
			out.kind = kindBytes
			return alias, nil
		}
		if out.option {
			return alias, fmt.Errorf("an optional list is not part of the contract's types")
		}
		out.list = true
	}
	alias, err := b.element(out, t)
	if err == nil && out.list && out.kind != kindString && out.named == nil {
		err = fmt.Errorf("a list of %s is not part of the contract's types", out.kind)
	}
	return alias, err
}

// element finds the type of a value that is no list, and the attributes of its aliases; those nearer to
// the use count more.
func (b *builder) element(out *field, t wit.Type) (attributes, error) {
	all := attributes{words: map[string]string{}}
	for {
		def, ok := t.(*wit.TypeDef)
		if !ok {
			break
		}
		for name, value := range b.aliases[def].words {
			if _, nearer := all.words[name]; !nearer {
				all.words[name] = value
			}
		}
		if out.named = b.defs[def]; out.named != nil {
			out.kind = kindRecord
			if out.named.enum() {
				out.kind = kindEnum
			}
			return all, nil
		}
		if def.Name != nil && *def.Name == "json" {
			out.kind = kindJSON
			return all, nil
		}
		out.time = out.time || def.Name != nil && *def.Name == "duration"
		if t, ok = def.Kind.(wit.Type); !ok {
			return all, fmt.Errorf("%T is not part of the contract's types", def.Kind)
		}
	}
	switch t.(type) {
	case wit.String:
		out.kind = kindString
	case wit.Bool:
		out.kind = kindBool
	case wit.U16:
		out.kind = kindU16
	case wit.U32:
		out.kind = kindU32
	case wit.U64:
		out.kind = kindU64
	case wit.S32:
		out.kind = kindS32
	case wit.S64:
		out.kind = kindS64
	case wit.F64:
		out.kind = kindF64
	default:
		return all, fmt.Errorf("%T is not part of the contract's types", t)
	}
	return all, nil
}

// bounds reads the attributes that bound a value.
func (b *builder) bounds(of *typ, name string, a attributes) (bounds, error) {
	out := bounds{required: a.has("required"), means: a.words["means"]}
	for word, to := range map[string]*int64{"min": &out.min, "max": &out.max, "cut": &out.cut} {
		if !a.has(word) {
			continue
		}
		n, err := quantity(a.words[word])
		if err != nil {
			return out, fmt.Errorf("@%s: %w", word, err)
		}
		*to = n
	}
	out.hasMin, out.hasMax = a.has("min"), a.has("max")
	if out.hasMin && out.hasMax && out.min > out.max {
		return out, fmt.Errorf("@min is more than @max")
	}
	if a.has("pattern") {
		var err error
		if out.pattern, err = b.pattern(of.goName+pascal(name), a.words["pattern"]); err != nil {
			return out, fmt.Errorf("@pattern: %w", err)
		}
		if out.means == "" {
			return out, fmt.Errorf("@pattern needs @means, the words for what it matches")
		}
	}
	return out, nil
}

// check refuses attributes that mean nothing for the field's type.
func (f *field) check(a attributes) error {
	wrong := func(name string, ok bool) error {
		if a.has(name) && !ok {
			return fmt.Errorf("@%s means nothing for a field of this type", name)
		}
		return nil
	}
	text := f.kind == kindString && !f.list
	for _, err := range []error{
		wrong("required", !f.option && f.kind != kindBool),
		wrong("min", f.list || f.kind.number() || f.kind.measured()),
		wrong("max", f.list || f.kind.number() || f.kind.measured()),
		wrong("cut", text || f.list || f.kind.number()),
		wrong("pattern", text), wrong("means", text),
		wrong("object", f.kind == kindJSON),
		wrong("operations", f.list && f.kind == kindString),
		wrong("label", !f.list && !f.option && (f.kind == kindString || f.kind == kindEnum)),
		wrong("kind", f.kind == kindRecord && (f.list || f.option)),
		wrong("default", (text || f.kind.number() || f.list && f.kind == kindString) && !f.option),
	} {
		if err != nil {
			return err
		}
	}
	if f.def != "" && f.kind.number() {
		if n, err := quantity(f.def); err != nil || f.own.hasMax && n > f.own.max || n < f.own.min {
			return fmt.Errorf("@default %s is not a number within the bounds", f.def)
		}
	}
	if f.kind.number() && f.own.hasMax && f.own.max > f.kind.largest() {
		return fmt.Errorf("@max is more than its type holds")
	}
	return nil
}

func (k kind) largest() int64 {
	switch k {
	case kindU16:
		return math.MaxUint16
	case kindU32:
		return math.MaxUint32
	case kindS32:
		return math.MaxInt32
	}
	return math.MaxInt64
}

// mandatory reports whether a value has to be there: the zero value breaks a bound.
func (f *field) mandatory() bool {
	if f.option || f.def != "" || f.operations {
		return false
	}
	return f.own.required || f.own.min > 0 || f.own.pattern != nil && !f.own.pattern.accept[1]
}

// defaults are the values of a list's @default.
func (f *field) defaults() []string { return strings.Fields(f.def) }
