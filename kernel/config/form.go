package config

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/carapace-gateway/carapace/wit"
)

// FormSection is what a plugin's manifest says of its section of the settings, or of those of its accounts.
type FormSection struct {
	ID string
	// Channel says that Schema is of the config of each account, and not of the plugin's.
	Channel bool
	// Schema is a JSON Schema; the fields that it marks with x-secret are credentials, which no settings have.
	Schema wit.JSON
}

// Form is what a page needs to show the settings as a form: their JSON Schema, and what it says to people, by the paths of
// the fields. In a path, * stands for any name of the owner's, and for any item of a list.
type Form struct {
	Schema wit.JSON
	Hints  map[string]Hint
}

// Hint is how one setting is shown.
type Hint struct {
	Label string `json:"label,omitempty"`
	Help  string `json:"help,omitempty"`
	// Order is the place among the fields beside it.
	Order int `json:"order,omitempty"`
	// Sensitive says that the value is not shown.
	Sensitive bool `json:"sensitive,omitempty"`
}

// NewForm describes the settings, with the sections of the plugins that there are.
func NewForm(sections []FormSection) (*Form, error) {
	f := &former{help: help, sections: map[string]FormSection{}, hints: map[string]Hint{}}
	for _, s := range sections {
		f.sections[s.ID] = s
	}
	schema := f.of(reflect.TypeFor[Config](), nil)
	schema["$schema"] = "http://json-schema.org/draft-07/schema#"
	text, err := json.Marshal(schema)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "write the schema of the settings: %w", err)
	}
	return &Form{text, f.hints}, nil
}

// former makes a form from the Go types that the settings are read into.
type former struct {
	help     map[string]string
	sections map[string]FormSection
	hints    map[string]Hint
}

// schema is a JSON Schema.
type schema = map[string]any

// of is the schema of a value of a Go type at a path.
func (f *former) of(t reflect.Type, path []string) schema {
	if t == reflect.TypeFor[wit.JSON]() {
		return f.section(path)
	}
	below := func(name string) []string { return append(path[:len(path):len(path)], name) }
	switch t.Kind() {
	case reflect.Pointer:
		return f.of(t.Elem(), path)
	case reflect.Struct:
		if t == reflect.TypeFor[ModelChain]() {
			return schema{"anyOf": []schema{{"type": "string"}, f.fields(t, path)}}
		}
		return f.fields(t, path)
	case reflect.Slice:
		return schema{"type": "array", "items": f.of(t.Elem(), below("*"))}
	case reflect.Map:
		s := schema{"type": "object", "additionalProperties": f.of(t.Elem(), below("*"))}
		if named := f.named(t.Elem(), path); len(named) > 0 {
			s["properties"] = named
		}
		return s
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int:
		return schema{"type": "integer"}
	case reflect.Float64:
		return schema{"type": "number"}
	}
	s := schema{"type": "string"}
	if words := choicesAt(path); words != "" {
		s["enum"] = strings.Fields(words)
	}
	return s
}

func (f *former) fields(t reflect.Type, path []string) schema {
	properties := schema{}
	for i, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		at := append(path[:len(path):len(path)], name)
		f.hints[strings.Join(at, ".")] = Hint{
			Label: label(name), Help: f.help[t.Name()+"."+field.Name], Order: i + 1,
			Sensitive: len(path) == 1 && path[0] == "gateway" && slices.Contains(secretFields(), name),
		}
		properties[name] = f.of(field.Type, at)
	}
	return schema{"type": "object", "properties": properties, "additionalProperties": false}
}

// named are the schemas of the plugins whose sections are known, where sections of plugins stand.
func (f *former) named(t reflect.Type, path []string) schema {
	properties := schema{}
	if len(path) != 1 || path[0] != "plugins" && path[0] != "channels" {
		return properties
	}
	for _, id := range slices.Sorted(maps.Keys(f.sections)) {
		if f.sections[id].Channel == (path[0] == "channels") {
			at := []string{path[0], id}
			properties[id], f.hints[strings.Join(at, ".")] = f.of(t, at), Hint{Label: id}
		}
	}
	return properties
}

// section is the schema of what only a plugin knows.
func (f *former) section(path []string) schema {
	of, known := f.sections[path[1]]
	var s schema
	if !known || of.Channel != (path[0] == "channels") || json.Unmarshal(of.Schema, &s) != nil || s == nil {
		return schema{"type": "object"}
	}
	properties, _ := s["properties"].(schema)
	required, _ := s["required"].([]any)
	for name, p := range properties {
		is, _ := p.(schema)
		if secret, _ := is["x-secret"].(bool); secret {
			delete(properties, name)
			required = slices.DeleteFunc(required, func(v any) bool { return v == name })
			continue
		}
		text := func(key string) string { s, _ := is[key].(string); return s }
		hint := Hint{Label: text("title"), Help: text("description")}
		if hint.Label == "" {
			hint.Label = label(name)
		}
		f.hints[strings.Join(append(path[:len(path):len(path)], name), ".")] = hint
	}
	delete(s, "required")
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// label is a field's name for people: allowedOrigins is Allowed origins.
func label(name string) string {
	var b strings.Builder
	was := rune(0)
	for i, r := range name {
		switch {
		case i == 0:
			r = unicode.ToUpper(r)
		case r == '_' || r == '-':
			r = ' '
		case unicode.IsUpper(r) && unicode.IsLower(was):
			b.WriteByte(' ')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
		was = r
	}
	return b.String()
}

// Place is one setting in a form.
type Place struct {
	Path   string
	Schema wit.JSON
	// HintPath is where the hint stands, with * for the owner's names.
	HintPath string
	Hint     *Hint
	Children []Child
}

// Child is a field of a setting, or with the name * what may stand there under names of the owner's.
type Child struct {
	Key         string
	Path        string
	Type        any
	Required    bool
	HasChildren bool
	HintPath    string
	Hint        *Hint
}

// Find returns what there is at a path, whose names have dots between; "." is the settings as a whole. Errors: CodeNotFound
// for a path at which no setting can stand.
func (f *Form) Find(path string) (*Place, error) {
	var s schema
	if err := json.Unmarshal(f.Schema, &s); err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "read the schema of the settings: %w", err)
	}
	parts := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]/", r) })
	for i, name := range parts {
		if s, _ = below(s, name); s == nil {
			return nil, wit.Errorf(wit.CodeNotFound, "config schema path not found: nothing can stand at %.200s", strings.Join(parts[:i+1], "."))
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "write the schema of a setting: %w", err)
	}
	p := &Place{Path: strings.Join(parts, "."), Schema: text, Children: []Child{}}
	p.HintPath, p.Hint = f.hint(parts)
	required, _ := s["required"].([]any)
	for _, key := range keys(s) {
		at := append(parts[:len(parts):len(parts)], key)
		child, _ := below(s, key)
		c := Child{Key: key, Path: strings.Join(at, "."), Type: child["type"], Required: slices.Contains(required, any(key)), HasChildren: len(keys(child)) > 0}
		c.HintPath, c.Hint = f.hint(at)
		p.Children = append(p.Children, c)
	}
	f.order(p.Children)
	return p, nil
}

// order puts children in the order of their hints.
func (f *Form) order(children []Child) {
	place := func(c Child) int {
		if c.Hint == nil {
			return 0
		}
		return c.Hint.Order
	}
	slices.SortStableFunc(children, func(a, b Child) int { return place(a) - place(b) })
}

// below is the schema of a field, or of an item of a list.
func below(s schema, name string) (schema, bool) {
	properties, _ := s["properties"].(schema)
	if child, ok := properties[name].(schema); ok {
		return child, true
	}
	if child, ok := s["additionalProperties"].(schema); ok {
		return child, true
	}
	_, err := strconv.Atoi(name)
	if child, ok := s["items"].(schema); ok && (name == "*" || err == nil) {
		return child, true
	}
	return nil, false
}

// keys are what may stand below a schema.
func keys(s schema) []string {
	properties, _ := s["properties"].(schema)
	list := slices.Sorted(maps.Keys(properties))
	for _, any := range []string{"additionalProperties", "items"} {
		if _, ok := s[any].(schema); ok {
			list = append(list, "*")
		}
	}
	return list
}

// hint finds the hint of a path, whose names may be the owner's.
func (f *Form) hint(path []string) (string, *Hint) {
	exact := strings.Join(path, ".")
	if h, ok := f.Hints[exact]; ok {
		return exact, &h
	}
	for _, known := range slices.Backward(slices.Sorted(maps.Keys(f.Hints))) { // a name before *
		if h := f.Hints[known]; matches(strings.Split(known, "."), path) {
			return known, &h
		}
	}
	return "", nil
}

// matches reports whether a path is one that a pattern means, in which * stands for any name.
func matches(pattern, path []string) bool {
	return slices.EqualFunc(pattern, path, func(p, name string) bool { return p == "*" || p == name })
}
