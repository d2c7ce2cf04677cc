package manifest

import (
	"path"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// userModule is where plugins import the contract's functions from.
const userModule = "extism:host/user"

// Verify compares what the code needs and offers, imports by module and exports, with what the manifest says. The
// file of a bundle serves other plugins too, so only what is missing counts there; imports that this plugin may not
// use are linked to refusals. The error is CodeInvalid and names all that is missing.
func Verify(m *wit.Manifest, imports map[string][]string, exports []string) error {
	var problems []string
	if missing := without(required(m), exports); len(missing) > 0 {
		problems = append(problems, "the manifest provides what the code does not export: "+strings.Join(missing, ", ")+inScript(m, missing))
	}
	var unknown, forbidden, asking []string
	for _, name := range imports[userModule] {
		permission, known := wit.PermissionOf(name)
		switch {
		case !known:
			unknown = append(unknown, name)
		case permission != "" && !m.Permissions.Has(permission):
			forbidden = append(forbidden, name)
			if ask := wit.Asking(permission); !slices.Contains(asking, ask) {
				asking = append(asking, ask)
			}
		}
	}
	if len(unknown) > 0 {
		problems = append(problems, "the code imports what this gateway does not have: "+strings.Join(unknown, ", "))
	}
	if _, bundled := Entry(m); bundled == "" {
		if len(forbidden) > 0 {
			problems = append(problems, "the code imports what the manifest does not ask for: "+strings.Join(forbidden, ", ")+
				": add "+strings.Join(asking, ", ")+" to the permissions in plugin.json, or leave that out")
		}
		if extra := slices.DeleteFunc(slices.Clone(exports), m.Declares); len(extra) > 0 {
			problems = append(problems, "the code exports what the manifest does not provide: "+strings.Join(extra, ", "))
		}
	}
	if len(problems) > 0 {
		return wit.NewError(wit.CodeInvalid, strings.Join(problems, "; "))
	}
	return nil
}

// inScript says how exports are written in a script, whose language has its own case of their names; empty for other code.
func inScript(m *wit.Manifest, names []string) string {
	file, _ := Entry(m)
	how := map[string]string{".ts": "export function ", ".js": "export function ", ".py": "def "}[path.Ext(file)]
	if how == "" {
		return ""
	}
	written := make([]string, len(names))
	for n, name := range names {
		if written[n] = name; how != "def " {
			written[n] = camel(name)
		}
		written[n] = "`" + how + written[n] + "`"
	}
	return ": " + file + " has to have " + strings.Join(written, ", ")
}

// camel is a name of the contract as JavaScript has it: toolInvoke for tool_invoke.
func camel(name string) string {
	words := strings.Split(name, "_")
	for n, w := range words[1:] {
		words[n+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// required lists what the code has to export: what the contract says of the kinds, and what only some facts of them ask for.
func required(m *wit.Manifest) []string {
	names := m.RequiredExports()
	if s := m.Provides.Service; s != nil && s.TickEvery != nil {
		names = append(names, "service_tick")
	}
	return names
}

func without(names, have []string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(have, n) })
}
