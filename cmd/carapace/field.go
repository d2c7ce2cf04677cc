package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// field is one setting of a plugin, as the schema in its manifest describes it.
type field struct {
	name, title, help, kind string
	secret, required        bool
	preset                  string // what holds where nothing is said
}

// note says whether the field may be left empty, and what holds then.
func (f field) note() string {
	switch {
	case f.required:
		return ""
	case f.preset != "":
		return ", optional, " + f.preset
	}
	return ", optional"
}

// readSchema lists a plugin's settings: the required ones first, and then by name. Of JSON Schema it reads what
// asking needs; whether values are right the gateway decides, by all of it.
func readSchema(schema json.RawMessage) ([]field, error) {
	var s struct {
		Required   []string
		Properties map[string]struct {
			Title, Description string
			Type               any // a name, or a list of names
			Default            any
			Secret             bool `json:"x-secret"`
		}
	}
	if len(schema) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, fmt.Errorf("read the plugin's settings: %w", err)
	}
	var fields []field
	for name, p := range s.Properties {
		kind, _ := p.Type.(string)
		f := field{name: name, title: cmp.Or(p.Title, name), help: p.Description, kind: kind, secret: p.Secret, required: slices.Contains(s.Required, name)}
		if text, ok := p.Default.(string); ok {
			f.preset = text
		}
		fields = append(fields, f)
	}
	slices.SortFunc(fields, func(a, b field) int {
		if a.required != b.required {
			return map[bool]int{true: -1, false: 1}[a.required]
		}
		return strings.Compare(a.name, b.name)
	})
	return fields, nil
}

// value is text as the JSON that the field takes: a number or a list as they are, and all else as a string.
func (f field) value(text string) json.RawMessage {
	if f.kind != "string" && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	b, err := json.Marshal(text)
	if err != nil {
		return nil
	}
	return b
}

// names lists fields for an error that says which there are.
func names(fields []field) string {
	var list []string
	for _, f := range fields {
		list = append(list, f.name)
	}
	return cmp.Or(strings.Join(list, ", "), "none")
}
