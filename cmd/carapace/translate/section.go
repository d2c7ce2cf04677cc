package translate

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// section is a part of the settings, of which is taken what is understood.
type section map[string]json.RawMessage

// section takes a field that is an object; it is empty where there is none.
func (s section) section(name string) section {
	below := section{}
	if json.Unmarshal(s[name], &below) == nil {
		delete(s, name)
	}
	return below
}

// take takes a field of v's type, and reports whether it was there.
func (s section) take(name string, v any) bool {
	raw, ok := s[name]
	if !ok || json.Unmarshal(raw, v) != nil {
		return false
	}
	delete(s, name)
	return true
}

// text takes a field that is a text.
func (s section) text(name string) (text string) {
	s.take(name, &text)
	return text
}

// texts takes a list of texts and numbers.
func (s section) texts(name string) (list []string) {
	var any []json.RawMessage
	if !s.take(name, &any) {
		return nil
	}
	for _, raw := range any {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		list = append(list, text)
	}
	return list
}

// over is a section with what another one says for it.
func (s section) over(base section) section {
	all := maps.Clone(base)
	maps.Copy(all, s)
	return all
}

func (s section) names() string { return strings.Join(slices.Sorted(maps.Keys(s)), ", ") }

// variable is a place in a text where a variable's value belongs.
var variable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// resolve is the value of a field that may name variables, or be kept elsewhere. Its error names no value.
func (t *translation) resolve(raw json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		var missing error
		text = variable.ReplaceAllStringFunc(text, func(place string) string {
			name := variable.FindStringSubmatch(place)[1]
			value, ok := t.lookup(name)
			if !ok {
				missing = fmt.Errorf("the variable %s is not set here", name)
			}
			return value
		})
		return text, missing
	}
	var ref struct{ Source, ID string }
	if json.Unmarshal(raw, &ref) != nil || ref.Source == "" {
		return "", errors.New("it is neither a text nor a reference to one")
	}
	if ref.Source != "env" {
		return "", fmt.Errorf("it is kept outside the settings, by %q", ref.Source)
	}
	if value, ok := t.lookup(ref.ID); ok {
		return value, nil
	}
	return "", fmt.Errorf("the variable %s is not set here", ref.ID)
}
