package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// field is one setting of a plugin.
type field struct {
	name, title, kind string
	secret, required  bool
	otherwise         json.RawMessage
}

func readSchema(schema json.RawMessage) ([]field, error) {
	var s struct {
		Required   []string
		Properties map[string]struct {
			Title, Description string
			Type               any
			Secret             bool `json:"x-secret"`
			Default            json.RawMessage
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
		title := p.Title
		if title == "" {
			title = p.Description
		}
		fields = append(fields, field{name, title, kind, p.Secret, slices.Contains(s.Required, name), p.Default})
	}
	slices.SortFunc(fields, func(a, b field) int {
		if a.required != b.required {
			return map[bool]int{true: -1, false: 1}[a.required]
		}
		return strings.Compare(a.name, b.name)
	})
	return fields, nil
}

// value is text as the JSON that the field takes.
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

func names(fields []field) string {
	var list []string
	for _, f := range fields {
		list = append(list, f.name)
	}
	return strings.Join(list, ", ")
}
