package gemini

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// The API reads a schema as the message Schema of its reference, which has some words of OpenAPI 3.0, and refuses the whole
// request for each word that it does not know. So a tool's JSON Schema is translated: references are written out, lists of
// types and oneOf become anyOf, a constant becomes an enumeration of one, bounds that are excluded become ones that are
// included, allOf is put together; what it has no word for stands in the description, or is left out.

const (
	maxDepth = 24   // of a schema
	maxNodes = 2000 // once its references are written out
)

// parameters is the schema of a tool's arguments, nil for a tool that has none: an object without properties is refused.
func parameters(schema wit.JSON) wit.JSON {
	value, _ := json.Parse(schema) // none, or none that can be read, is one of no arguments
	t := &translator{root: value, left: maxNodes}
	whole := t.whole(value, nil)
	if variants := choices(whole, &note{}); len(variants) > 0 && !hasFields(whole.Get("properties")) {
		for i := range variants { // an object that is one of several: all that any of them may have
			variants[i] = without(t.whole(variants[i], nil), "required")
		}
		whole = merged(variants)
	}
	if !hasFields(whole.Get("properties")) {
		return nil
	}
	return t.typed(whole, "object", note{}, nil)
}

func hasFields(v json.Value) bool {
	for range v.Fields() {
		return true
	}
	return false
}

// translated is a schema in the API's words.
func translated(schema wit.JSON) wit.JSON {
	value, _ := json.Parse(schema)
	t := &translator{root: value, left: maxNodes}
	return t.schema(value, note{}, nil)
}

// translator translates one schema. path has the references that are being written out, and an empty text for each other
// step down.
type translator struct {
	root json.Value
	left int // how many schemas may still be written
}

// note is what stands around a schema and belongs to it.
type note struct {
	description string
	nullable    bool
}

// schema writes a schema.
func (t *translator) schema(v json.Value, around note, path []string) wit.JSON {
	if t.left--; t.left < 0 || len(path) > maxDepth {
		return wit.JSON(`{"type":"STRING"}`)
	}
	if ref := v.Get("$ref").Text(); ref != "" {
		if slices.Contains(path, ref) {
			return wit.JSON(`{"type":"OBJECT"}`) // it is inside of itself
		}
		path = append(slices.Clone(path), ref)
	}
	v = t.whole(v, nil)
	path = append(slices.Clone(path), "")
	if around.description == "" {
		around.description = v.Get("description").Text()
	}
	around.nullable = around.nullable || v.Get("nullable").Bool()
	var variants []json.Value
	if !hasFields(v.Get("properties")) { // beside properties it says which of them are required
		variants = choices(v, &around)
	}
	if len(variants) == 1 {
		return t.schema(variants[0], around, path)
	}
	kinds := kindsOf(v, &around)
	if len(variants) == 0 && len(kinds) == 1 {
		return t.typed(v, kinds[0], around, path)
	}
	return around.add(json.Object{}.Array("anyOf", func(list json.Array) json.Array {
		if len(variants) == 0 {
			for _, kind := range kinds {
				list = list.Add(t.typed(v, kind, note{}, path))
			}
		}
		for _, variant := range variants {
			list = list.Add(t.schema(variant, note{}, path))
		}
		return list
	}), nil).JSON()
}

// add adds what stands around a schema, and words for what the schema cannot say.
func (n note) add(out json.Object, words []string) json.Object {
	text := n.description
	if len(words) > 0 {
		text = strings.TrimSpace(text + " (" + strings.Join(words, "; ") + ")")
	}
	if text != "" {
		out = out.Text("description", text)
	}
	if n.nullable {
		out = out.Bool("nullable", true)
	}
	return out
}

// choices are the schemas of which one has to fit, without that for null.
func choices(v json.Value, around *note) (list []json.Value) {
	for _, name := range [...]string{"anyOf", "oneOf"} {
		for variant := range v.Get(name).Items() {
			if variant.Get("type").Text() == "null" {
				around.nullable = true
			} else {
				list = append(list, variant)
			}
		}
	}
	return list
}

// kindsOf are the types that a value may have, without null; of a schema that does not say, the one that its other words
// are about.
func kindsOf(v json.Value, around *note) (kinds []string) {
	take := func(kind string) {
		switch kind {
		case "null":
			around.nullable = true
		case "string", "integer", "number", "boolean", "array", "object":
			kinds = append(kinds, kind)
		}
	}
	take(strings.ToLower(v.Get("type").Text()))
	for item := range v.Get("type").Items() {
		take(strings.ToLower(item.Text()))
	}
	switch {
	case len(kinds) > 0:
		return kinds
	case v.Get("properties").Exists():
		return []string{"object"}
	case v.Get("items").Exists(), v.Get("prefixItems").Exists():
		return []string{"array"}
	}
	return []string{"string"}
}

// typed writes a schema of one type.
func (t *translator) typed(v json.Value, kind string, around note, path []string) wit.JSON {
	out := json.Object{}.Text("type", strings.ToUpper(kind))
	var words []string
	switch kind {
	case "string":
		out, words = text(out, v)
	case "integer", "number":
		out, words = number(out, v, kind)
	case "array":
		out = t.list(out, v, path)
	case "object":
		out = t.object(out, v, path)
	}
	return around.add(out, words).JSON()
}

// text adds what is known of a text.
func text(out json.Object, v json.Value) (json.Object, []string) {
	var words []string
	if values := constants(v); len(values) > 0 {
		out = out.Text("format", "enum").Array("enum", func(list json.Array) json.Array {
			for _, value := range values {
				list = list.Add(json.Text(value))
			}
			return list
		})
	} else if format := v.Get("format").Text(); format == "date-time" {
		out = out.Text("format", format)
	} else if format != "" {
		words = append(words, format)
	}
	return kept(out, v, "minLength", "maxLength", "pattern"), words
}

// constants are the texts that a value may be. An empty one is refused.
func constants(v json.Value) (values []string) {
	for item := range v.Get("enum").Items() {
		if text := item.Text(); text != "" {
			values = append(values, text)
		}
	}
	if text := v.Get("const").Text(); text != "" {
		values = append(values, text)
	}
	return values
}

// number adds what is known of a number. Only a text may be enumerated.
func number(out json.Object, v json.Value, kind string) (json.Object, []string) {
	switch format := v.Get("format").Text(); format {
	case "int32", "int64", "float", "double":
		out = out.Text("format", format)
	}
	out = kept(out, v, "minimum", "maximum")
	for _, bound := range [...]string{"minimum", "maximum"} {
		limit := v.Get("exclusive" + strings.ToUpper(bound[:1]) + bound[1:])
		if !limit.Exists() || limit.IsText() || string(limit.Raw()) == "true" || string(limit.Raw()) == "false" || v.Get(bound).Exists() {
			continue
		}
		switch {
		case kind != "integer":
			out = out.Raw(bound, limit.Raw())
		case bound == "minimum":
			out = out.Int(bound, limit.Int()+1)
		default:
			out = out.Int(bound, limit.Int()-1)
		}
	}
	if values := constants(v); len(values) > 0 {
		return out, []string{"one of: " + strings.Join(values, ", ")}
	}
	return out, nil
}

// list adds what is in a list. It has to be said: of several schemas it is any of them.
func (t *translator) list(out json.Object, v json.Value, path []string) json.Object {
	out = kept(out, v, "minItems", "maxItems")
	items := v.Get("items")
	if items.IsObject() {
		return out.Raw("items", t.schema(items, note{}, path))
	}
	var each []json.Value
	for _, list := range [...]json.Value{v.Get("prefixItems"), items} {
		for item := range list.Items() {
			each = append(each, item)
		}
	}
	switch len(each) {
	case 0:
		return out.Raw("items", wit.JSON(`{"type":"STRING"}`))
	case 1:
		return out.Raw("items", t.schema(each[0], note{}, path))
	}
	return out.Object("items", func(o json.Object) json.Object {
		return o.Array("anyOf", func(list json.Array) json.Array {
			for _, item := range each {
				list = list.Add(t.schema(item, note{}, path))
			}
			return list
		})
	})
}

// object adds an object's properties. One that is required has to be among them.
func (t *translator) object(out json.Object, v json.Value, path []string) json.Object {
	properties := v.Get("properties")
	if !hasFields(properties) {
		return out
	}
	out = out.Object("properties", func(o json.Object) json.Object {
		for name, property := range properties.Fields() {
			o = o.Raw(name, t.schema(property, note{}, append(slices.Clone(path), "")))
		}
		return o
	})
	required := json.Array{}
	for name := range v.Get("required").Items() {
		if properties.Get(name.Text()).Exists() {
			required = required.Add(json.Text(name.Text()))
		}
	}
	if len(required) > 0 {
		out = out.Raw("required", required.JSON())
	}
	return out
}

// kept adds the words that both kinds of schema know.
func kept(out json.Object, v json.Value, names ...string) json.Object {
	for _, name := range names {
		if field := v.Get(name); field.Exists() {
			out = out.Raw(name, field.Raw())
		}
	}
	return out
}
