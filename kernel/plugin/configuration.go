package plugin

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// configuration is what the owner configured for a plugin, as its manifest's schema sees it.
// A section is checked again when its text has changed and not at each call: calls do not pay for the schema.
type configuration struct {
	manifest *wit.Manifest
	schema   *manifest.Schema // nil when the manifest has none
	settings Settings
	checked  sync.Map // *section, by account
}

// section is a configuration as it was checked last.
type section struct {
	raw, value wit.JSON
	err        error
}

func newConfiguration(m *wit.Manifest, s Settings) *configuration {
	c := &configuration{manifest: m, settings: s}
	if len(m.Config) > 0 {
		c.schema, _ = manifest.NewSchema(m.Config) // the manifest's check compiled it already
	}
	return c
}

// section returns the plugin's configuration, or an account's, checked and without secrets. Errors:
// CodeNotFound, CodeInvalid.
func (c *configuration) section(account string) (wit.JSON, error) {
	id := c.manifest.ID
	value := c.settings.PluginConfig(id)
	if account != "" {
		of, ok := c.settings.AccountConfig(id, account)
		if !ok {
			return nil, wit.Errorf(wit.CodeNotFound, "%s has no account %q: set it up first", id, account)
		}
		value = of
	}
	if c.schema == nil {
		return value, nil
	}
	if known, ok := c.checked.Load(account); ok {
		if s, _ := known.(*section); s != nil && string(s.raw) == string(value) {
			return s.value, s.err
		}
	}
	s := &section{raw: value, value: c.schema.Strip(value)}
	if describes(c.manifest, account) {
		if err := c.schema.Check(context.Background(), s.value); err != nil {
			s.value, s.err = nil, wit.Errorf(wit.CodeInvalid, "%s: %w", described(id, account), err)
		}
	}
	c.checked.Store(account, s)
	return s.value, s.err
}

// fault is what is wrong with what the owner wrote in the plugin's own section; nil where that is nothing, and where nothing is
// written: a plugin that lacks what nobody has said yet can be looked at, and says so when it is called.
func (c *configuration) fault() error {
	if !written(c.settings.PluginConfig(c.manifest.ID)) {
		return nil
	}
	_, err := c.section("")
	return err
}

// written reports whether a section says anything.
func written(section wit.JSON) bool {
	text := string(section)
	return text != "" && text != "{}" && text != "null"
}

// fault is what is wrong with the configuration of a package that would run with it.
func (c *candidate) fault(s Settings) error {
	if c.err != nil || !written(s.PluginConfig(c.manifest.ID)) {
		return nil
	}
	return newConfiguration(c.manifest, s).fault()
}

// Fault says what is wrong with the configuration of a plugin's account, for which that cannot run, or with an empty one that of
// the plugin; nil where nothing is, and for what is not here.
func (r *Registry) Fault(id, account string) error {
	s := r.table.of(id)
	if s == nil || s.manifest() == nil {
		return nil
	}
	c := newConfiguration(s.manifest(), r.keeper.settings)
	if s.version != nil {
		c = s.version.config
	}
	if account == "" {
		return c.fault()
	}
	_, err := c.section(account)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil
	}
	return err
}

// strip removes the secrets from a section that somebody else brings.
func (c *configuration) strip(value wit.JSON) wit.JSON { return c.schema.Strip(value) }

// flat returns the fields of the plugin's section as Extism's config knows them: strings as they are, other
// values as JSON.
// Secrets are taken out, as everywhere: a guest names credentials and never has them.
func (c *configuration) flat() map[string]string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(c.schema.Strip(c.settings.PluginConfig(c.manifest.ID)), &fields) != nil {
		return nil
	}
	out := make(map[string]string, len(fields))
	for name, value := range fields {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		out[name] = text
	}
	return out
}
