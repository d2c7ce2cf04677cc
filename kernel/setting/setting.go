// Package setting fills the texts of a manifest's recipes in with what the owner has configured: `config:field` for a text, and in
// addresses also `{field}`; and says whether what depends on settings holds. All functions are pure.
package setting

import (
	"net/url"
	"slices"
	"strings"
)

// prefix begins a text that stands for a field of the configuration.
const prefix = "config:"

// Field returns the field that a text stands for; ok is false for a text of its own.
func Field(text string) (field string, ok bool) { return strings.CutPrefix(text, prefix) }

// Base returns the field that the beginning of an address stands for, and the path behind it, from its slash; ok is false for an
// address of its own.
func Base(address string) (field, path string, ok bool) {
	rest, ok := Field(address)
	if i := strings.IndexByte(rest, '/'); ok && i >= 0 {
		return rest[:i], rest[i:], true
	}
	return rest, "", ok
}

// Text returns a text, or what of gives for the field that it stands for.
func Text(text string, of func(field string) string) string {
	if field, ok := Field(text); ok {
		return of(field)
	}
	return text
}

// Fields returns the fields that an address has in braces.
func Fields(address string) (fields []string) {
	for _, piece := range strings.Split(address, "{")[1:] {
		if field, _, ok := strings.Cut(piece, "}"); ok && !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	return fields
}

// Address returns an address with what of gives for its fields, or the name of a field for which that is nothing.
func Address(address string, of func(field string) string) (url, missing string) {
	if field, path, ok := Base(address); ok {
		if address = of(field); address == "" {
			return "", field
		}
		if path != "" {
			address = strings.TrimRight(address, "/") + path
		}
	}
	for _, field := range Fields(address) {
		text := of(field)
		if text == "" {
			return "", field
		}
		address = strings.ReplaceAll(address, "{"+field+"}", escape(text))
	}
	return address, ""
}

// escape makes one segment of a path of a text; one that would go up is none.
func escape(text string) string {
	if strings.Trim(text, ".") == "" {
		return strings.Repeat("%2E", len(text))
	}
	return strings.ReplaceAll(url.PathEscape(text), "{", "%7B")
}
