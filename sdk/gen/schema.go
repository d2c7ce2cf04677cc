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
	if root == nil {
		return nil, fmt.Errorf("the contract has no record manifest")
	}
	defs := object{}
	reached := map[string]bool{}
	collect(root, reached)
	for _, i := range m.interfaces {
		for _, t := range i.types {
			if reached[t.goName] && t != root {
				defs = append(defs, member{t.goName, typeSchema(t)})
			}
		}
	}
	schema := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "plugin.json"},
	}
	schema = append(schema, typeSchema(root)...)
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

func typeSchema(t *typ) object {
	if t.enum() {
		values := []string{}
		for _, c := range t.cases {
			values = append(values, c.value)
		}
		return append(described(t.doc), member{"enum", values})
	}
	properties, required := object{}, []string{}
	for _, f := range t.fields {
		properties = append(properties, member{f.json, fieldSchema(f)})
		if f.required {
			required = append(required, f.json)
		}
	}
	out := append(described(t.doc), member{"type", "object"}, member{"additionalProperties", false}, member{"properties", properties})
	if len(required) > 0 {
		out = append(out, member{"required", required})
	}
	return out
}

func described(doc string) object {
	if doc == "" {
		return object{}
	}
	return object{{"description", strings.Join(strings.Fields(doc), " ")}}
}

func fieldSchema(f field) object {
	out := described(f.doc)
	if !f.list {
		return append(out, elementSchema(f)...)
	}
	out = append(out, member{"type", "array"}, member{"items", elementSchema(f)})
	if f.limit != defaultLimit {
		out = append(out, member{"maxItems", f.limit})
	}
	return out
}

func elementSchema(f field) object {
	if f.named != nil {
		return object{{"$ref", "#/$defs/" + f.named.goName}}
	}
	switch f.kind {
	case kindString:
		return object{{"type", "string"}}
	case kindBytes:
		return object{{"type", "string"}, {"contentEncoding", "base64"}}
	case kindBool:
		return object{{"type", "boolean"}}
	case kindJSON:
		return object{{"type", []string{"object", "boolean"}}}
	case kindF64:
		return object{{"type", "number"}}
	case kindS32, kindS64:
		return object{{"type", "integer"}}
	}
	return object{{"type", "integer"}, {"minimum", 0}}
}
