package protocol

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// object is a JSON object that is made by hand.
type object = map[string]any

// JSON returns the document as one JSON Schema. The schema itself accepts any frame, with what it carries
// where the frame names it; a response does not name its method, so its payload is found by pointer:
// #/methods/<name>/result (or early) and, likewise, #/events/<name>/payload. What a method may be refused with is in errors, of
// all methods, and in its own errors: the details.code of the error where there is one, else its code.
func (d *Document) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "The protocol between carapace and its clients",
		"description": "Accepts any frame. Generated from the gateway's method table; protocol.md beside it is the same for people.",
		"anyOf": []any{
			object{"$ref": d.Request.Ref, "allOf": when("method", "params", d.Methods, func(m *Method) *rpc.Schema { return m.Params })},
			object{"$ref": d.Response.Ref},
			object{"$ref": d.News.Ref, "allOf": when("event", "payload", d.Events, func(e *Event) *rpc.Schema { return e.Payload })},
		},
		"errors":  wire.CommonErrors(),
		"methods": d.Methods,
		"events":  d.Events,
		"$defs":   d.Types.Defs,
	})
	return b.Bytes(), err
}

// when says of each name that a frame may have in a field what stands in another field then.
func when[T any](field, body string, all map[string]T, of func(T) *rpc.Schema) []any {
	var list []any
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, object{
			"if":   object{"properties": object{field: object{"const": name}}},
			"then": object{"properties": object{body: of(all[name])}},
		})
	}
	return list
}
