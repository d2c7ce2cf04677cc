package plugin

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// CheckConfig checks a plugin's section of the configuration, or a channel account's, against the
// manifest before it is kept. Errors: CodeNotFound for an unknown plugin; CodeInvalid naming the field.
func (r *Registry) CheckConfig(id, account string, section wit.JSON) error {
	s, err := r.schema(id, account)
	if s == nil {
		return err
	}
	where := described(id, account)
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(section, &fields) // what is no object fails the schema
	for _, name := range s.Secrets {
		if _, there := fields[name]; there {
			return wit.Errorf(wit.CodeInvalid, "%s: %s is a secret: enter it as a credential", where, name)
		}
	}
	if err := s.Check(context.Background(), section); err != nil {
		return wit.Errorf(wit.CodeInvalid, "%s: %w", where, err)
	}
	return nil
}

// described names a section to people.
func described(id, account string) string {
	if account == "" {
		return "config of " + id
	}
	return "config of " + id + ", account " + account
}

// schema is what a manifest says of a section, nil where it says nothing. Errors: CodeNotFound for an unknown
// plugin.
func (r *Registry) schema(id, account string) (*manifest.Schema, error) {
	known := r.table.of(id)
	if known == nil {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no plugin %s", id)
	}
	m := known.manifest()
	if m == nil || len(m.Config) == 0 || !describes(m, account) {
		return nil, nil
	}
	s, err := known.schema()
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "config schema of %s: %w", id, err)
	}
	return s, nil
}

// schema is what the manifest says of the configuration, nil where it says nothing. A version that can be called has it
// compiled.
func (s *standing) schema() (*manifest.Schema, error) {
	if s.version != nil {
		return s.version.config.schema, nil
	}
	if s.installed == nil || len(s.installed.Config) == 0 {
		return nil, nil
	}
	return manifest.NewSchema(s.installed.Config)
}

// ShowConfig returns a section as an owner may see it: without the values of fields that are secret, and of
// those that the manifest does not name, since a secret may stand there by mistake. A password in a URL is left
// out too.
func (r *Registry) ShowConfig(id, account string, section wit.JSON) wit.JSON {
	if len(section) == 0 {
		return section
	}
	named := []string{}
	if s, err := r.schema(id, account); err == nil && s != nil {
		named = s.Fields
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(section, &fields) != nil {
		return wit.JSON(hidden)
	}
	for name, value := range fields {
		if !slices.Contains(named, name) {
			fields[name] = json.RawMessage(hidden)
			continue
		}
		var text string
		if json.Unmarshal(value, &text) != nil {
			continue
		}
		if u, err := url.Parse(text); err == nil && u.User != nil {
			fields[name], _ = json.Marshal(u.Redacted()) // a string always can be
		}
	}
	shown, err := json.Marshal(fields)
	if err != nil {
		return wit.JSON(hidden)
	}
	return shown
}

// hidden stands for what is not shown.
const hidden = `"` + plain.Redacted + `"`

// describes reports whether a manifest's schema is about the plugin's section (account "") or an
// account's: a channel's describes an account, every other plugin's the plugin itself.
func describes(m *wit.Manifest, account string) bool {
	return (m.Provides.Channel != nil) == (account != "")
}
