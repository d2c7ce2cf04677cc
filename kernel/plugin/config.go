package plugin

import (
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// CheckConfig checks a plugin's section of the configuration, or a channel account's, against the
// manifest before it is kept. Errors: CodeNotFound for an unknown plugin; CodeInvalid naming the field.
func (r *Registry) CheckConfig(id, account string, section wit.JSON) error {
	known := r.table.of(id)
	if known == nil {
		return wit.Errorf(wit.CodeNotFound, "there is no plugin %s", id)
	}
	m := known.manifest()
	if m == nil || len(m.Config) == 0 || !describes(m, account) {
		return nil
	}
	s, err := manifest.NewSchema(m.Config)
	if err != nil {
		return wit.Errorf(wit.CodeInternal, "config schema of %s: %w", id, err)
	}
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(section, &fields) // what is no object fails the schema
	for _, name := range s.Secrets {
		if _, there := fields[name]; there {
			return wit.Errorf(wit.CodeInvalid, "config of %s: %s is a secret: enter it as a credential", id, name)
		}
	}
	if err := s.Check(section); err != nil {
		return wit.Errorf(wit.CodeInvalid, "config of %s: %w", id, err)
	}
	return nil
}

// describes reports whether a manifest's schema is about the plugin's section (account "") or an
// account's: a channel's describes an account, every other plugin's the plugin itself.
func describes(m *wit.Manifest, account string) bool {
	return (m.Provides.Channel != nil) == (account != "")
}
