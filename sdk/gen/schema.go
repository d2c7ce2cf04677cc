package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// object keeps the order of its fields.
type object []member

type member struct {
	key   string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", m.key, value)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// manifestSchema returns the JSON Schema of plugin.json.
func manifestSchema(m *model) ([]byte, error) {
	root := m.types["Manifest"]
	defs := object{}
	reached := map[string]bool{}
	collect(root, reached)
	for _, i := range m.interfaces {
		for _, t := range i.types {
			if reached[t.goName] && t != root {
				defs = append(defs, member{t.goName, typeSchema(m, t)})
			}
		}
	}
	schema := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "plugin.json"},
	}
	schema = append(schema, typeSchema(m, root)...)
	schema = append(schema, member{"$defs", defs})
	out, err := json.MarshalIndent(schema, "", "  ")
	return append(out, '\n'), err
}

func collect(t *typ, reached map[string]bool) {
	if reached[t.goName] {
		return
	}
	reached[t.goName] = true
	for _, f := range t.fields {
		if f.named != nil {
			collect(f.named, reached)
		}
	}
}

func typeSchema(m *model, t *typ) object {
	if t.enum() {
		values := []string{}
		for _, c := range t.cases {
			values = append(values, c.value)
		}
		return append(described(t.doc), member{"enum", values})
	}
	properties, required := object{}, []string{}
	for _, f := range t.fields {
		properties = append(properties, member{f.json, fieldSchema(m, f)})
		if f.mandatory() {
			required = append(required, f.json)
		}
	}
	out := append(described(t.doc), member{"type", "object"}, member{"additionalProperties", false}, member{"properties", properties})
	if len(required) > 0 {
		out = append(out, member{"required", required})
	}
	if len(t.oneOf) > 0 {
		var choices []object
		for _, f := range t.oneOf {
			choices = append(choices, object{{"required", []string{f.json}}})
		}
		out = append(out, member{"oneOf", choices})
	}
	return out
}

func described(doc string) object {
	if doc == "" {
		return object{}
	}
	return object{{"description", oneLine(doc)}}
}

func fieldSchema(m *model, f *field) object {
	out := described(f.doc)
	if !f.list {
		return append(out, elementSchema(f, f.own)...)
	}
	items := elementSchema(f, f.item)
	if f.operations {
		items = append(items, member{"enum", m.operations(f.forKind)})
	}
	out = append(out, member{"type", "array"}, member{"items", items})
	if least := max(f.own.min, boolInt(f.own.required)); least > 0 {
		out = append(out, member{"minItems", least})
	}
	if f.own.hasMax {
		out = append(out, member{"maxItems", f.own.max})
	}
	if f.def != "" {
		out = append(out, member{"default", f.defaults()})
	}
	return out
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// operations are the optional functions of a kind.
func (m *model) operations(kind string) []string {
	names := []string{}
	for _, e := range m.exports {
		if e.capability == kind && e.optional != "" {
			names = append(names, snake(e.short))
		}
	}
	return names
}

func elementSchema(f *field, own bounds) object {
	if f.named != nil {
		return object{{"$ref", "#/$defs/" + f.named.goName}}
	}
	switch f.kind {
	case kindString:
		return textSchema(f, own)
	case kindBytes:
		return object{{"type", "string"}, {"contentEncoding", "base64"}}
	case kindBool:
		return object{{"type", "boolean"}}
	case kindJSON:
		if f.object {
			return object{{"type", "object"}}
		}
		return object{{"type", []string{"object", "boolean"}}}
	case kindF64:
		return object{{"type", "number"}}
	}
	return numberSchema(f, own)
}

// textSchema counts characters where the contract counts bytes: an editor lets some texts pass that the
// gateway refuses, and refuses none that it lets pass.
func textSchema(f *field, own bounds) object {
	out := object{{"type", "string"}}
	if least := max(own.min, boolInt(own.required)); least > 0 {
		out = append(out, member{"minLength", least})
	}
	if own.hasMax {
		out = append(out, member{"maxLength", own.max})
	}
	switch {
	case own.pattern != nil:
		out = append(out, member{"pattern", "^(?:" + own.pattern.text + ")$"})
	case own.required:
		out = append(out, member{"pattern", `\S`})
	}
	if f.def != "" && !f.list {
		out = append(out, member{"default", f.def})
	}
	return out
}

func numberSchema(f *field, own bounds) object {
	out := object{{"type", "integer"}}
	low, signed := own.min, f.kind == kindS32 || f.kind == kindS64
	if f.def != "" && low > 0 || !signed && low < 0 {
		low = 0
	}
	if own.hasMin || !signed {
		out = append(out, member{"minimum", low})
	}
	if own.hasMax {
		out = append(out, member{"maximum", own.max})
	}
	if f.def != "" {
		n, _ := quantity(f.def)
		out = append(out, member{"default", n})
	}
	return out
}
