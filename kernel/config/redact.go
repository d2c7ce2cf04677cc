package config

import (
	"bytes"
	"encoding/json"

	"github.com/carapace-gateway/carapace/wit"
)

// redacted stands where a secret does that is not shown. Whoever writes the settings back leaves it as it is.
const redacted = "[redacted]"

// secretFields name what in gateway is not shown.
func secretFields() []string { return []string{"token", "password"} }

// Section shows a plugin's section, or that of an account of a channel, as the owner may see it.
type Section func(id, account string, section wit.JSON) wit.JSON

// mask is a value that is not shown as it is.
type mask struct {
	path        []string
	real, shown wit.JSON
}

// Redact puts a mark in the place of what must not be shown, and returns the settings as they are shown, which nothing
// can be started with. Errors: CodeInvalid for a document that is none of settings.
func (d *Document) Redact(show Section) (*Config, error) {
	for _, m := range d.masks(show) {
		if err := d.put(m.path, m.shown); err != nil {
			return nil, err
		}
	}
	return d.decode()
}

// Restore puts what before has in the place of the marks that Redact made of it.
func (d *Document) Restore(before *Document, show Section) error {
	if before.broken != nil {
		return nil
	}
	for _, m := range before.masks(show) {
		if now, ok := d.Get(m.path...); ok && same(now, m.shown) {
			if err := d.put(m.path, m.real); err != nil {
				return err
			}
		}
	}
	return nil
}

// masks lists what is not shown as it is: the gateway's secrets, and what show changes in sections.
func (d *Document) masks(show Section) (list []mask) {
	for _, name := range secretFields() {
		if real, ok := d.Get("gateway", name); ok {
			list = append(list, mask{[]string{"gateway", name}, real, quoted(redacted)})
		}
	}
	for _, id := range d.names("plugins") {
		list = d.section(list, show, id, "", "plugins", id, "config")
	}
	for _, id := range d.names("channels") {
		for _, account := range d.names("channels", id, "accounts") {
			list = d.section(list, show, id, account, "channels", id, "accounts", account, "config")
		}
	}
	return list
}

// section adds the fields of a section that show changes, or all of it where that is no object.
func (d *Document) section(list []mask, show Section, id, account string, path ...string) []mask {
	real, ok := d.Get(path...)
	if !ok {
		return list
	}
	var now, shown map[string]wit.JSON
	seen := show(id, account, real)
	if json.Unmarshal(real, &now) != nil || json.Unmarshal(seen, &shown) != nil {
		return append(list, mask{path, real, seen})
	}
	for _, name := range d.names(path...) {
		if !same(now[name], shown[name]) {
			list = append(list, mask{append(path[:len(path):len(path)], name), now[name], shown[name]})
		}
	}
	return list
}

// names lists the fields of an object, in their order.
func (d *Document) names(path ...string) []string {
	raw, _ := d.Get(path...)
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var names []string
	for dec.More() {
		name, err := dec.Token()
		var value json.RawMessage
		if err != nil || dec.Decode(&value) != nil {
			break
		}
		if text, ok := name.(string); ok {
			names = append(names, text)
		}
	}
	return names
}

// put sets one value.
func (d *Document) put(path []string, value wit.JSON) error {
	patch := value
	for i := len(path) - 1; i >= 0; i-- {
		b, err := json.Marshal(map[string]wit.JSON{path[i]: patch})
		if err != nil {
			return wit.Errorf(wit.CodeInternal, "redact the settings: %w", err)
		}
		patch = b
	}
	return d.Merge(patch)
}

// same compares two values as JSON has them, blanks aside.
func same(a, b wit.JSON) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}
