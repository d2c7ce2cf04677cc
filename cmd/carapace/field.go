package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
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

// readSchema lists a plugin's settings: the required ones first, and else in the order of the manifest. Of JSON Schema
// it reads what asking needs; whether values are right the gateway decides, by all of it.
func readSchema(schema json.RawMessage) ([]field, error) {
	var s struct {
		Required   []string
		Properties properties
	}
	if len(schema) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, fmt.Errorf("read the plugin's settings: %w", err)
	}
	for i, f := range s.Properties {
		s.Properties[i].required = slices.Contains(s.Required, f.name)
	}
	slices.SortStableFunc(s.Properties, func(a, b field) int {
		if a.required == b.required {
			return 0
		}
		return map[bool]int{true: -1, false: 1}[a.required]
	})
	return s.Properties, nil
}

// properties are fields in the order in which they stand.
type properties []field

// UnmarshalJSON implements json.Unmarshaler.
func (p *properties) UnmarshalJSON(object []byte) error {
	d := json.NewDecoder(bytes.NewReader(object))
	begin, err := d.Token()
	if begin != nil && begin != json.Delim('{') {
		return errors.New("the properties are no object")
	}
	for err == nil && d.More() {
		var name json.Token
		if name, err = d.Token(); err != nil {
			break
		}
		var schema struct {
			Title, Description string
			Type               any // a name, or a list of names
			Default            any
			Secret             bool `json:"x-secret"`
		}
		if err = d.Decode(&schema); err == nil {
			f := field{name: fmt.Sprint(name), help: schema.Description, secret: schema.Secret}
			f.title = cmp.Or(schema.Title, f.name)
			f.kind, _ = schema.Type.(string)
			if schema.Default != nil {
				f.preset = fmt.Sprint(schema.Default)
			}
			*p = append(*p, f)
		}
	}
	return err
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
