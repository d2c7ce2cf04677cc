package plugin

import (
	"context"
	"fmt"
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
	raw    wit.JSON
	own    wit.JSON // what the owner wrote, without secrets
	filled wit.JSON // with the schema's defaults for what the owner left out
	err    error
}

func newConfiguration(m *wit.Manifest, s Settings) *configuration {
	c := &configuration{manifest: m, settings: s}
	if len(m.Config) > 0 {
		c.schema, _ = manifest.NewSchema(m.Config) // the manifest's check compiled it already
	}
	return c
}

// section returns the plugin's configuration, or an account's, as the plugin gets it: checked, without secrets and with the
// defaults of the schema. Errors: CodeNotFound, CodeInvalid.
func (c *configuration) section(account string) (wit.JSON, error) {
	s, err := c.look(account)
	return s.filled, err
}

// own is the section without the defaults: what only the owner may say, such as which hosts the plugin may reach, is asked
// of it. Errors are those of section.
func (c *configuration) own(account string) (wit.JSON, error) {
	s, err := c.look(account)
	return s.own, err
}

// look reads a section, and checks it if its text is another than the last time. With an error the section is empty.
func (c *configuration) look(account string) (section, error) {
	id := c.manifest.ID
	value := c.settings.PluginConfig(id)
	if account != "" {
		of, ok := c.settings.AccountConfig(id, account)
		if !ok {
			return section{}, wit.Errorf(wit.CodeNotFound, "%s has no account %q: set it up first", id, account)
		}
		value = of
	}
	if c.schema == nil {
		return section{own: value, filled: value}, nil
	}
	if known, ok := c.checked.Load(account); ok {
		if s, _ := known.(*section); s != nil && string(s.raw) == string(value) {
			return *s, s.err
		}
	}
	s := c.check(account, value)
	c.checked.Store(account, s)
	return *s, s.err
}

// check is what the schema makes of a section, if it is about that.
func (c *configuration) check(account string, value wit.JSON) *section {
	own := c.schema.Strip(value)
	if !describes(c.manifest, account) {
		return &section{raw: value, own: own, filled: own}
	}
	if err := c.schema.Check(context.Background(), own); err != nil {
		if !written(value) {
			err = fmt.Errorf("%w: `carapace setup %s` asks for it", err, c.manifest.ID)
		}
		return &section{raw: value, err: wit.Errorf(wit.CodeInvalid, "%s: %w", described(c.manifest.ID, account), err)}
	}
	return &section{raw: value, own: own, filled: c.schema.Fill(own)}
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

// flat returns the fields of the plugin's section as Extism's config knows them. Of a section that does not fit the schema it is what the owner wrote.
// Secrets are taken out, as everywhere: a guest names credentials and never has them.
func (c *configuration) flat() map[string]string {
	value, err := c.section("")
	if err != nil {
		value = c.schema.Strip(c.settings.PluginConfig(c.manifest.ID))
	}
	return manifest.Flat(value)
}
