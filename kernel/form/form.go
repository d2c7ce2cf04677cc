// Package form reads a plugin's settings out of the JSON Schema in its manifest, as somebody is asked for them: at a terminal, or step by
// step over the protocol. Whether values are right the gateway decides, by all of the schema.
package form

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

// Model is the setting that names a provider's model, by convention.
const Model = "model"

// Field is one setting of a plugin, as the schema in its manifest describes it.
type Field struct {
	Name, Title, Help, Kind string
	Secret, Required        bool
	Preset                  string   // what holds where nothing is said
	Example                 string   // of a value; "" for none
	Choices                 []string // that it has; nil for any value
	order                   float64
}

// Ask splits fields into those without which the plugin does not work and others that somebody may want to change. Left out are
// those that a line cannot say, and the model, which is asked for when a provider has listed some.
func Ask(fields []Field) (required, others []Field) {
	for _, f := range fields {
		switch {
		case f.Kind == "object" || f.Kind == "array" || f.Name == Model && !f.Required:
		case f.Required:
			required = append(required, f)
		default:
			others = append(others, f)
		}
	}
	return required, others
}

// Note says whether the field may be left empty, and what holds then.
func (f Field) Note() string {
	note := ""
	if f.Example != "" {
		note = ", such as " + plain.Line(f.Example)
	}
	switch {
	case f.Required:
		return note
	case f.Preset != "":
		return note + ", optional, " + f.Preset
	}
	return note + ", optional"
}

// Read lists a plugin's settings: the required ones first, then by x-order, and else in the order of the manifest. Of JSON
// Schema it reads what asking needs.
func Read(schema json.RawMessage) ([]Field, error) {
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
		s.Properties[i].Required = slices.Contains(s.Required, f.Name)
	}
	slices.SortStableFunc(s.Properties, func(a, b Field) int {
		if a.Required == b.Required {
			return cmp.Compare(a.order, b.order)
		}
		return map[bool]int{true: -1, false: 1}[a.Required]
	})
	return s.Properties, nil
}

// properties are fields in the order in which they stand.
type properties []Field

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
			Enum               []any
			Help               string  `json:"x-help"`
			Order              float64 `json:"x-order"`
			Secret             bool    `json:"x-secret"`
		}
		if err = d.Decode(&schema); err == nil {
			f := Field{Name: fmt.Sprint(name), Help: joined(schema.Description, schema.Help), Secret: schema.Secret, order: schema.Order}
			for _, choice := range schema.Enum {
				f.Choices = append(f.Choices, fmt.Sprint(choice))
			}
			if len(schema.Examples) > 0 {
				f.Example = fmt.Sprint(schema.Examples[0])
			}
			f.Title = cmp.Or(schema.Title, f.Name)
			f.Kind, _ = schema.Type.(string)
			if schema.Default != nil {
				f.Preset = fmt.Sprint(schema.Default)
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

// Value is text as the JSON that the field takes: a number or a list as they are, and all else as a string.
func (f Field) Value(text string) json.RawMessage {
	if f.Kind != "string" && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	b, err := json.Marshal(text)
	if err != nil {
		return nil
	}
	return b
}

// Names lists fields for an error that says which there are.
func Names(fields []Field) string {
	var list []string
	for _, f := range fields {
		list = append(list, f.Name)
	}
	return cmp.Or(strings.Join(list, ", "), "none")
}
