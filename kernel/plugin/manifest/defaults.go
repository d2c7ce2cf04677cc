package manifest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/carapace-gateway/carapace/wit"
)

// Fill returns a value that Check accepts with the defaults of the fields that it lacks: those in the schema's properties and,
// of each object that is there, in the properties of that. An absent value counts as {}. A secret has no default, and
// neither has what the schema says by reference or by combining schemas.
func (s *Schema) Fill(value wit.JSON) wit.JSON {
	if s == nil || !hasDefault(s.compiled) {
		return value
	}
	if len(value) == 0 {
		value = wit.JSON("{}")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return value
	}
	filled, err := json.Marshal(fill(s.compiled, doc))
	if err != nil {
		return value
	}
	return filled
}

// fill copies what it changes: a default is shared by all that it stands in for.
func fill(s *jsonschema.Schema, value any) any {
	object, ok := value.(map[string]any)
	if !ok || len(s.Properties) == 0 {
		return value
	}
	object = maps.Clone(object)
	for name, field := range s.Properties {
		if v, there := object[name]; there {
			object[name] = fill(field, v)
		} else if field.Default != nil {
			object[name] = fill(field, *field.Default)
		}
	}
	return object
}

// hasDefault reports whether fill may find something to do.
func hasDefault(s *jsonschema.Schema) bool {
	for _, field := range s.Properties {
		if field.Default != nil || hasDefault(field) {
			return true
		}
	}
	return false
}

// defaults checks that what a plugin gets for a field that the owner left out is what the schema says of the field, and that
// an empty configuration that the schema accepts is still accepted with all of them.
func (c *checker) defaults(s *Schema, size int) {
	before := len(c.problems)
	c.fieldDefaults(s, s.compiled, "config", size)
	if len(c.problems) > before || s.Check(context.Background(), nil) != nil {
		return
	}
	if err := s.Check(context.Background(), s.Fill(nil)); err != nil {
		c.problem("config", "does not accept its own defaults together: %s", err)
	}
}

func (c *checker) fieldDefaults(s *Schema, of *jsonschema.Schema, path string, size int) {
	for _, name := range slices.Sorted(maps.Keys(of.Properties)) {
		field, path := of.Properties[name], path+".properties."+name
		if field.Default != nil {
			err := s.work.within(context.Background(), size, func() error { return field.Validate(*field.Default) })
			if v := (*jsonschema.ValidationError)(nil); errors.As(err, &v) {
				err = errors.New(explain(v))
			}
			if err != nil {
				c.problem(path+".default", "does not fit the field's own schema: %s", err)
			}
		}
		c.fieldDefaults(s, field, path, size)
	}
}
