package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what the owner is shown of a field.
const (
	maxTitle = 64
	maxHelp  = 500
)

// fieldWords are what a configuration's schema says of a field to the owner. JSON Schema lets most of it be anything.
type fieldWords struct {
	Title       *string           `json:"title"`
	Description *string           `json:"description"`
	Examples    []json.RawMessage `json:"examples"`
	Help        *string           `json:"x-help"`
	Order       *float64          `json:"x-order"`
	Secret      *bool             `json:"x-secret"`
}

// form checks that whoever is asked for a configuration can be told what is meant: in setup, on a page, in a console.
func (c *checker) form(schema wit.JSON) {
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(schema, &s) != nil {
		return // NewSchema says so
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		var words fieldWords
		path := fmt.Sprintf("config.properties.%.64s", name)
		if text := s.Properties[name]; string(text) == "true" || string(text) == "false" {
			continue // a schema that says nothing
		} else if err := json.Unmarshal(text, &words); err != nil {
			c.problem(path, "title, description and x-help are texts, examples a list, x-order a number and x-secret true or false")
			continue
		}
		for _, t := range []struct {
			name string
			text *string
			most int
		}{{"title", words.Title, maxTitle}, {"x-help", words.Help, maxHelp}} {
			if t.text != nil && len(*t.text) > t.most {
				c.problem(path+"."+t.name, "has %d bytes, at most %d are shown", len(*t.text), t.most)
			}
		}
	}
}

// changes checks what is said of each version.
func (c *checker) changes(m *wit.Manifest) {
	for i, change := range m.Changes {
		path := fmt.Sprintf("changes[%d].version", i)
		if !isVersion(change.Version) {
			c.problem(path, "%.80q is not a version such as 1.2.0", change.Version)
		}
		if slices.ContainsFunc(m.Changes[:i], func(o wit.Change) bool { return o.Version == change.Version }) {
			c.problem(path, "%.80q is a duplicate", change.Version)
		}
	}
}
