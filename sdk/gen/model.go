package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.bytecodealliance.org/wit"
)

// model is the contract, in the order of its text.
type model struct {
	interfaces []*iface
	types      map[string]*typ // by Go name
	imports    []function
	exports    []function
}

type iface struct {
	name  string
	doc   string
	types []*typ
}

// typ is a record, or an enum when it has cases.
type typ struct {
	goName string
	doc    string
	fields []field
	cases  []enumCase
}

func (t *typ) enum() bool { return len(t.cases) > 0 }

type enumCase struct{ goName, value, doc string }

type field struct {
	goName, json, doc string
	kind              kind
	named             *typ // for records and enums
	option, list      bool
	limit             int // of a list
	required          bool
}

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

type function struct {
	name       string // of the WebAssembly import or export
	capability string
	doc        string
	param      string // Go name
	result     string // Go name, empty for none
}

// goName is the function's name in Go, unexported: kvGet.
func (f function) goName() string { return camel(strings.ReplaceAll(f.name, "_", "-")) }

// defaultLimit bounds lists whose documentation names no bound.
const defaultLimit = 65536

var (
	limitPhrase    = regexp.MustCompile(`At most ([0-9,]+) items\.`)
	requiredPhrase = "Required."
)

func newModel(resolve *wit.Resolve) (*model, error) {
	m := &model{types: map[string]*typ{}}
	byDef := map[*wit.TypeDef]*typ{}
	for _, source := range resolve.Interfaces {
		i := &iface{name: snake(*source.Name), doc: source.Docs.Contents}
		for name, def := range source.TypeDefs.All() {
			t := declare(name, def)
			if t == nil {
				continue
			}
			if t.doc == "" {
				return nil, fmt.Errorf("interface %s: type %s has no documentation", i.name, name)
			}
			if m.types[t.goName] != nil {
				return nil, fmt.Errorf("interface %s: type %s is declared twice", i.name, name)
			}
			m.types[t.goName], byDef[def] = t, t
			i.types = append(i.types, t)
		}
		m.interfaces = append(m.interfaces, i)
	}
	for def, t := range byDef {
		record, ok := def.Kind.(*wit.Record)
		if !ok {
			continue
		}
		for _, f := range record.Fields {
			built, err := newField(f, byDef)
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", *def.Name, f.Name, err)
			}
			t.fields = append(t.fields, built)
		}
	}
	var err error
	for _, world := range resolve.Worlds {
		if m.imports, err = functions(world.Imports.All(), byDef); err != nil {
			return nil, err
		}
		if m.exports, err = functions(world.Exports.All(), byDef); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// declare returns a type without its fields, or nil for an alias.
func declare(name string, def *wit.TypeDef) *typ {
	t := &typ{goName: pascal(name), doc: def.Docs.Contents}
	switch k := def.Kind.(type) {
	case *wit.Enum:
		for _, c := range k.Cases {
			t.cases = append(t.cases, enumCase{t.goName + pascal(c.Name), snake(c.Name), c.Docs.Contents})
		}
	case *wit.Record:
	default:
		return nil
	}
	return t
}

func newField(f wit.Field, byDef map[*wit.TypeDef]*typ) (field, error) {
	out := field{goName: pascal(f.Name), json: camel(f.Name), doc: f.Docs.Contents, limit: defaultLimit}
	out.required = strings.Contains(out.doc, requiredPhrase)
	if found := limitPhrase.FindStringSubmatch(out.doc); found != nil {
		out.limit, _ = strconv.Atoi(strings.ReplaceAll(found[1], ",", ""))
	}
	t := f.Type
	if def, ok := t.(*wit.TypeDef); ok && wit.KindOf[*wit.Option](def) != nil && def.Name == nil {
		out.option, t = true, wit.KindOf[*wit.Option](def).Type
	}
	if def, ok := t.(*wit.TypeDef); ok && wit.KindOf[*wit.List](def) != nil && def.Name == nil {
		t = wit.KindOf[*wit.List](def).Type
		if _, ok := t.(wit.U8); ok {
			out.kind = kindBytes
			return out, nil
		}
		if out.option {
			return out, fmt.Errorf("an optional list is not part of the contract's types")
		}
		out.list = true
	}
	var err error
	out.kind, out.named, err = element(t, byDef)
	if out.list && out.kind != kindString && out.named == nil {
		err = fmt.Errorf("a list of %s is not part of the contract's types", out.kind)
	}
	return out, err
}

func element(t wit.Type, byDef map[*wit.TypeDef]*typ) (kind, *typ, error) {
	switch t := t.(type) {
	case wit.String:
		return kindString, nil, nil
	case wit.Bool:
		return kindBool, nil, nil
	case wit.U16:
		return kindU16, nil, nil
	case wit.U32:
		return kindU32, nil, nil
	case wit.U64:
		return kindU64, nil, nil
	case wit.S32:
		return kindS32, nil, nil
	case wit.S64:
		return kindS64, nil, nil
	case wit.F64:
		return kindF64, nil, nil
	case *wit.TypeDef:
		return named(t, byDef)
	}
	return "", nil, fmt.Errorf("%T is not part of the contract's types", t)
}

func named(t *wit.TypeDef, byDef map[*wit.TypeDef]*typ) (kind, *typ, error) {
	root := t.Root()
	if found := byDef[root]; found != nil {
		if found.enum() {
			return kindEnum, found, nil
		}
		return kindRecord, found, nil
	}
	if root.Name != nil && *root.Name == "json" {
		return kindJSON, nil, nil
	}
	if primitive, ok := root.Kind.(wit.Type); ok {
		return element(primitive, byDef)
	}
	return "", nil, fmt.Errorf("%T is not part of the contract's types", root.Kind)
}

// functions lists the functions of a world's imports or exports: one record in, and nothing, or a result
// of one record and an error, out.
func functions(items func(func(string, wit.WorldItem) bool), byDef map[*wit.TypeDef]*typ) ([]function, error) {
	var list []function
	for _, item := range items {
		ref, ok := item.(*wit.InterfaceRef)
		if !ok {
			continue
		}
		capability := strings.TrimSuffix(*ref.Interface.Name, "-handler")
		for name, f := range ref.Interface.Functions.All() {
			out := function{name: snake(capability + "-" + name), capability: capability, doc: f.Docs.Contents}
			if len(f.Params) != 1 || len(f.Results) > 1 {
				return nil, fmt.Errorf("function %s: it has to take one record and give one result or none", out.name)
			}
			var err error
			if out.param, err = recordName(f.Params[0].Type, byDef); err != nil {
				return nil, fmt.Errorf("function %s: %w", out.name, err)
			}
			if len(f.Results) == 1 {
				def, _ := f.Results[0].Type.(*wit.TypeDef)
				if def == nil || wit.KindOf[*wit.Result](def) == nil {
					return nil, fmt.Errorf("function %s: it has to give a result", out.name)
				}
				if out.result, err = recordName(wit.KindOf[*wit.Result](def).OK, byDef); err != nil {
					return nil, fmt.Errorf("function %s: %w", out.name, err)
				}
			}
			list = append(list, out)
		}
	}
	return list, nil
}

func recordName(t wit.Type, byDef map[*wit.TypeDef]*typ) (string, error) {
	k, found, err := element(t, byDef)
	if err != nil {
		return "", err
	}
	if k != kindRecord {
		return "", fmt.Errorf("%s is not a record", k)
	}
	return found.goName, nil
}
