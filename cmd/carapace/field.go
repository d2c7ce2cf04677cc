package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plain"
)

// field is one setting of a plugin, as the schema in its manifest describes it.
type field struct {
	name, title, help, kind string
	secret, required        bool
	preset                  string // what holds where nothing is said
	example                 string // of a value; "" for none
	order                   float64
}

// note says whether the field may be left empty, and what holds then.
func (f field) note() string {
	note := ""
	if f.example != "" {
		note = ", such as " + plain.Line(f.example)
	}
	switch {
	case f.required:
		return note
	case f.preset != "":
		return note + ", optional, " + f.preset
	}
	return note + ", optional"
}

// readSchema lists a plugin's settings: the required ones first, then by x-order, and else in the order of the manifest. Of JSON Schema
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
			return cmp.Compare(a.order, b.order)
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
			Examples           []any
			Help               string  `json:"x-help"`
			Order              float64 `json:"x-order"`
			Secret             bool    `json:"x-secret"`
		}
		if err = d.Decode(&schema); err == nil {
			f := field{name: fmt.Sprint(name), help: joined(schema.Description, schema.Help), secret: schema.Secret, order: schema.Order}
			if len(schema.Examples) > 0 {
				f.example = fmt.Sprint(schema.Examples[0])
			}
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

// joined are the sentences that there are.
func joined(sentences ...string) string {
	return strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), " ")
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
