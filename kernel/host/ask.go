package host

import (
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// asking refuses what a running export may not ask for, since it changes more than the plugin's own, or depends on more
// than the export's input. It is nil elsewhere.
func (c Call) asking(noun string) error {
	f := wit.Export(c.Export)
	switch {
	case f == nil:
		return nil
	case f.Pure:
		return wit.Errorf(wit.CodeForbidden, "%s: %s may not ask for this, since its answer is to depend on its input alone: do it in a tool, a hook or a later call", noun, c.Export)
	case f.Capability == "channel" || f.Capability == "stt":
		return wit.Errorf(wit.CodeForbidden, "%s: %s may not ask for this, since messages wait for it: do it in a tool, a hook or a later call", noun, c.Export)
	}
	return nil
}

// within refuses what is beyond the names that a permission lists; all is within an empty list. field is the list in the
// manifest.
func within(plugin, permission, field string, names []string, name string) error {
	if len(names) == 0 || slices.Contains(names, name) {
		return nil
	}
	return wit.Errorf(wit.CodeForbidden, "plugin %s: the permission %s is not granted for %.64q: add it to permissions.%[2]s.%[4]s in plugin.json", plugin, permission, name, field)
}
