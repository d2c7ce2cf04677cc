package gemini

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// whole is a schema with what it refers to, and with what it says in allOf, in one. A reference that leads nowhere, or
// back to itself, says nothing. seen has the references that led here.
func (t *translator) whole(v json.Value, seen []string) json.Value {
	ref := v.Get("$ref").Text()
	parts := v.Get("allOf")
	if ref == "" && !parts.IsArray() {
		return v
	}
	if t.left--; t.left < 0 || len(seen) > maxDepth {
		return json.Value{}
	}
	all := []json.Value{v}
	if ref != "" && !slices.Contains(seen, ref) {
		seen = append(slices.Clone(seen), ref)
		all = append(all, t.whole(t.find(ref), seen))
	}
	for part := range parts.Items() {
		all = append(all, t.whole(part, append(slices.Clone(seen), "")))
	}
	return merged(all)
}

// find is what a reference inside of the schema leads to, such as #/$defs/Point.
func (t *translator) find(ref string) json.Value {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return json.Value{}
	}
	at := t.root
	for step := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if step != "" {
			at = at.Get(strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~"))
		}
	}
	return at
}

// merged is the schema that says what several do: of a word that more than one has, the first counts, but that all of their
// properties and of what they require do.
func merged(all []json.Value) json.Value {
	out, taken := json.Object{}, map[string]bool{"$ref": true, "allOf": true, "properties": true, "required": true}
	properties, required := json.Object{}, json.Array{}
	named := map[string]bool{}
	for _, v := range all {
		for name, field := range v.Fields() {
			if !taken[name] {
				taken[name] = true
				out = out.Raw(name, field.Raw())
			}
		}
		for name, field := range v.Get("properties").Fields() {
			if !named[name] {
				named[name] = true
				properties = properties.Raw(name, field.Raw())
			}
		}
		for name := range v.Get("required").Items() {
			required = required.Add(name.Raw())
		}
	}
	if len(properties) > 0 {
		out = out.Raw("properties", properties.JSON())
	}
	if len(required) > 0 {
		out = out.Raw("required", required.JSON())
	}
	value, _ := json.Parse(out.JSON()) // it was JSON before
	return value
}

// without is a schema without one of its words.
func without(v json.Value, word string) json.Value {
	out := json.Object{}
	for name, field := range v.Fields() {
		if name != word {
			out = out.Raw(name, field.Raw())
		}
	}
	value, _ := json.Parse(out.JSON()) // it was JSON before
	return value
}
