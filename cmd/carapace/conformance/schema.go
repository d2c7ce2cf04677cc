package conformance

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// schemaSamples makes values that fit a JSON Schema of an object, in a style; more than one where it has choices. It makes none
// where it does not understand enough of the schema.
func schemaSamples(text wit.JSON, st style) (fitting []wit.JSON) {
	checked, err := manifest.NewSchema(text)
	if err != nil {
		return nil
	}
	var schema map[string]any
	if json.Unmarshal(text, &schema) != nil {
		return nil
	}
	w := &writer{root: schema, style: st}
	for _, value := range w.object(schema, 0) {
		text := encode(value, true)
		if text != nil && checked.Check(context.Background(), text) == nil && !slices.ContainsFunc(fitting, func(b wit.JSON) bool { return string(b) == string(text) }) {
			fitting = append(fitting, text)
		}
	}
	return fitting
}

// writer makes values of a schema.
type writer struct {
	root  map[string]any
	style style
}

const maxChoices = 12 // values of one schema

// object makes objects: one with the first choice of each property, and one more for each other choice of one.
func (w *writer) object(schema map[string]any, depth int) (all []any) {
	properties, _ := schema["properties"].(map[string]any)
	first, others := map[string]any{}, map[string][]any{}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		property, _ := properties[name].(map[string]any)
		if property["x-secret"] == true || !w.style.all && !required(schema, name) && w.style.name != usual.name {
			continue
		}
		if choices := w.values(property, depth+1); len(choices) > 0 {
			first[name], others[name] = choices[0], choices[1:]
		}
	}
	if w.style.unknown && schema["additionalProperties"] != false {
		first["fieldOfTheFuture"] = true
	}
	all = append(all, first)
	for _, name := range slices.Sorted(maps.Keys(others)) {
		for _, choice := range others[name] {
			other := maps.Clone(first)
			other[name] = choice
			if all = append(all, other); len(all) == maxChoices {
				return all
			}
		}
	}
	return all
}

func required(schema map[string]any, name string) bool {
	list, _ := schema["required"].([]any)
	return slices.Contains(list, any(name))
}

// values are what a schema takes: the best one first.
func (w *writer) values(schema map[string]any, depth int) []any {
	if depth > maxDepth {
		return nil
	}
	if ref, ok := schema["$ref"].(string); ok {
		schema = w.follow(ref)
	}
	for _, of := range []string{"enum", "examples"} {
		if list, ok := schema[of].([]any); ok && len(list) > 0 {
			return list[:min(len(list), maxChoices)]
		}
	}
	for _, of := range []string{"const", "default"} {
		if value, there := schema[of]; there && (of == "const" || !w.style.fill && w.style.text != oddText) {
			return []any{value}
		}
	}
	for _, of := range []string{"anyOf", "oneOf", "allOf"} {
		list, _ := schema[of].([]any)
		var all []any
		for _, s := range list {
			if sub, ok := s.(map[string]any); ok {
				all = append(all, w.values(sub, depth+1)...)
			}
		}
		if len(all) > 0 {
			return all
		}
	}
	return w.typed(schema, depth)
}

func (w *writer) follow(ref string) map[string]any {
	at := w.root
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at, _ = at[part].(map[string]any)
	}
	return at
}

func (w *writer) typed(schema map[string]any, depth int) []any {
	kind, _ := schema["type"].(string)
	if list, ok := schema["type"].([]any); ok && len(list) > 0 {
		kind, _ = list[0].(string)
	}
	switch kind {
	case "string":
		return []any{w.text(schema)}
	case "integer", "number":
		return w.numbers(schema, kind == "integer")
	case "boolean":
		return []any{true, false}
	case "null":
		return []any{nil}
	case "array":
		return []any{w.list(schema, depth)}
	case "object":
		return w.object(schema, depth)
	}
	return []any{w.style.text}
}

func (w *writer) text(schema map[string]any) string {
	switch schema["format"] {
	case "uri", "url":
		return "https://example.org/x"
	case "date-time":
		return "2025-06-15T15:06:40Z"
	case "date":
		return "2025-06-15"
	case "email":
		return "ann@example.org"
	}
	if pattern, ok := schema["pattern"].(string); ok {
		return matching(pattern)
	}
	low, high := int(number(schema["minLength"], 0)), int(number(schema["maxLength"], freeText))
	runes := []rune(w.style.text)
	if w.style.fill {
		low = min(high, freeText)
	}
	for len(runes) > 0 && len(runes) < low {
		runes = append(runes, runes[:min(len(runes), low-len(runes))]...)
	}
	for len(runes) < low {
		runes = append(runes, 'x')
	}
	return string(runes[:min(len(runes), high)])
}

// numbers are those at the ends, and for fractions one between.
func (w *writer) numbers(schema map[string]any, whole bool) []any {
	low, high := number(schema["minimum"], -1e6), number(schema["maximum"], 1e6)
	low, high = number(schema["exclusiveMinimum"], low-1)+1, number(schema["exclusiveMaximum"], high+1)-1
	middle := math.Floor(max(low, min(high, float64(w.style.number))))
	if step := number(schema["multipleOf"], 0); step > 0 {
		low, high, middle = math.Ceil(low/step)*step, math.Floor(high/step)*step, math.Ceil(middle/step)*step
	}
	if !w.style.fill {
		if w.style.all && !whole {
			return []any{middle, max(low, min(high, middle+0.5))}
		}
		return []any{middle}
	}
	return []any{high, low}
}

func (w *writer) list(schema map[string]any, depth int) []any {
	n := max(w.style.items, int(number(schema["minItems"], 0)))
	if most, ok := schema["maxItems"].(float64); ok {
		if n = min(n, int(most)); w.style.fill {
			n = int(min(most, mostList))
		}
	}
	items, _ := schema["items"].(map[string]any)
	list := []any{}
	if choices := w.values(items, depth+1); len(choices) > 0 {
		for at := range n {
			list = append(list, choices[at%len(choices)])
		}
	}
	return list
}

func number(v any, otherwise float64) float64 {
	if n, ok := v.(float64); ok {
		return n
	}
	return otherwise
}
