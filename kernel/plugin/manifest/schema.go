package manifest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/carapace-gateway/carapace/kernel/typo"
	"github.com/carapace-gateway/carapace/wit"
)

// Schema is a compiled JSON Schema of a configuration or of a tool's arguments.
type Schema struct {
	compiled *jsonschema.Schema
	work     *work
	// Secrets are the fields with "x-secret": they are kept by the vault and do not stand in the
	// configuration, so they are neither required nor permitted there.
	Secrets []string
	// Fields are the other ones that the schema names.
	Fields []string
}

// NewSchema compiles a schema. The error is a phrase that says what is wrong with it.
func NewSchema(text wit.JSON) (*Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, errors.New("is not JSON")
	}
	if _, isObject := doc.(map[string]any); !isObject {
		return nil, errors.New("is not a JSON Schema: give an object")
	}
	if err := measure(doc); err != nil {
		return nil, err
	}
	s := &Schema{Secrets: cutSecrets(doc), work: new(work)}
	s.Fields = fields(doc)
	if hidesSecret(doc) {
		return nil, errors.New("has x-secret in a nested field: only fields of the configuration itself can be secrets")
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(s.work.pattern)
	c.RegisterVocabulary(s.work.vocabulary())
	c.AssertVocabs()
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, fmt.Errorf("is not a JSON Schema: %w", err)
	}
	if s.compiled, err = c.Compile(schemaURL); err != nil {
		if invalid := (*jsonschema.SchemaValidationError)(nil); errors.As(err, &invalid) {
			if v := (*jsonschema.ValidationError)(nil); errors.As(invalid.Err, &v) {
				return nil, errors.New("is not a JSON Schema: " + explain(v))
			}
		}
		return nil, errors.New("is not a JSON Schema that can be used here")
	}
	return s, nil
}

const schemaURL = "schema:///plugin"

// noLoader keeps schemas from reaching for files and hosts.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not part of the schema", url)
}

// cutSecrets takes the secret fields out of an object's schema and returns their names.
func cutSecrets(doc any) []string {
	object, _ := doc.(map[string]any)
	properties, _ := object["properties"].(map[string]any)
	var names []string
	for name, p := range properties {
		if field, _ := p.(map[string]any); field["x-secret"] == true {
			names = append(names, name)
			delete(properties, name)
		}
	}
	if required, ok := object["required"].([]any); ok && len(names) > 0 {
		object["required"] = slices.DeleteFunc(required, func(v any) bool {
			name, _ := v.(string)
			return slices.Contains(names, name)
		})
	}
	slices.Sort(names)
	return names
}

// fields are the names of an object's properties.
func fields(doc any) []string {
	object, _ := doc.(map[string]any)
	properties, _ := object["properties"].(map[string]any)
	return slices.Sorted(maps.Keys(properties))
}

// hidesSecret reports whether an x-secret is left that nobody would heed.
func hidesSecret(doc any) bool {
	switch d := doc.(type) {
	case map[string]any:
		if d["x-secret"] == true {
			return true
		}
		for _, v := range d {
			if hidesSecret(v) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(d, hidesSecret)
	}
	return false
}

// Check reports what is wrong with a value, naming the field, or nil. An absent value counts as {}. It takes as many
// steps as the value has reason for, and ends with ctx: then the error says that the value could not be checked.
func (s *Schema) Check(ctx context.Context, value wit.JSON) error {
	if len(value) == 0 {
		value = wit.JSON("{}")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return errors.New("is not JSON")
	}
	err = s.work.within(ctx, len(value), func() error { return s.compiled.Validate(doc) })
	if v := (*jsonschema.ValidationError)(nil); errors.As(err, &v) {
		return errors.New(explain(v) + s.meant(v))
	}
	return err
}

// meant asks whether fields of the value itself that the schema does not know are known ones with a slip in their name.
func (s *Schema) meant(v *jsonschema.ValidationError) string {
	var words []string
	for _, cause := range v.Causes {
		if extra, ok := cause.ErrorKind.(*kind.AdditionalProperties); ok && len(cause.InstanceLocation) == 0 {
			for _, name := range extra.Properties {
				words = append(words, typo.Near(name, slices.Concat(s.Fields, s.Secrets)))
			}
		}
	}
	words = slices.DeleteFunc(words, func(word string) bool { return word == "" })
	if len(words) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(words, ", ") + "?)"
}

// explain names the first leaves of a validation error: "port: got string, want integer".
func explain(v *jsonschema.ValidationError) string {
	var found []string
	var walk func(u *jsonschema.OutputUnit)
	walk = func(u *jsonschema.OutputUnit) {
		if u.Error != nil && len(u.Errors) == 0 && len(found) < 3 {
			where := strings.ReplaceAll(strings.TrimPrefix(u.InstanceLocation, "/"), "/", ".")
			if where != "" {
				where += ": "
			}
			found = append(found, where+u.Error.String())
		}
		for i := range u.Errors {
			walk(&u.Errors[i])
		}
	}
	walk(v.DetailedOutput())
	if len(found) == 0 {
		return "does not fit its schema"
	}
	return strings.Join(found, "; ")
}

// mentions reports whether a secret field may stand in value.
func (s *Schema) mentions(value wit.JSON) bool {
	if bytes.IndexByte(value, '\\') >= 0 {
		return len(s.Secrets) > 0
	}
	return slices.ContainsFunc(s.Secrets, func(name string) bool { return bytes.Contains(value, []byte(name)) })
}

// Strip removes the secret fields from a configuration, should the owner have put them there.
func (s *Schema) Strip(value wit.JSON) wit.JSON {
	if s == nil || !s.mentions(value) {
		return value
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil {
		return value
	}
	before := len(fields)
	maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool { return slices.Contains(s.Secrets, name) })
	if len(fields) == before {
		return value
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return wit.JSON("{}")
	}
	return out
}
