package config

import (
	"encoding/json"

	"github.com/carapace-gateway/carapace/wit"
)

// redacted stands where a secret does that is not shown. Whoever writes the settings back leaves it as it is.
const redacted = "[redacted]"

// secretFields name what in gateway is not shown.
func secretFields() []string { return []string{"token", "password"} }

// Redact puts a mark in the place of what must not be shown.
func (d *Document) Redact() error {
	return d.exchange(func(name string) wit.JSON { return quoted(redacted) })
}

// Restore puts what shown has in the place of the marks that Redact made.
func (d *Document) Restore(shown *Document) error {
	if shown.broken != nil {
		return nil
	}
	return d.exchange(func(name string) wit.JSON {
		now, _ := d.Get("gateway", name)
		was, ok := shown.Get("gateway", name)
		if string(now) != string(quoted(redacted)) || !ok {
			return now
		}
		return was
	})
}

// exchange gives the secrets that there are other values.
func (d *Document) exchange(value func(name string) wit.JSON) error {
	for _, name := range secretFields() {
		now, ok := d.Get("gateway", name)
		if !ok {
			continue
		}
		next := value(name)
		if string(next) == string(now) {
			continue
		}
		patch, err := json.Marshal(map[string]map[string]wit.JSON{"gateway": {name: next}})
		if err != nil {
			return wit.Errorf(wit.CodeInternal, "redact the settings: %w", err)
		}
		if err := d.Merge(patch); err != nil {
			return err
		}
	}
	return nil
}
