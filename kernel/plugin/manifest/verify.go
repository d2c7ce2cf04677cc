package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// userModule is where plugins import the contract's functions from.
const userModule = "extism:host/user"

// Info is what a file of code needs and offers: names of functions by import module, and of exports.
type Info struct {
	Imports map[string][]string
	Exports []string
}

// Verify compares what the code needs and offers with what the manifest says. The file of a bundle
// serves other plugins too, so only what is missing counts there; imports that this plugin may not use
// are linked to refusals. The error is CodeInvalid and names all that is missing.
func Verify(m *wit.Manifest, info Info) error {
	var problems []string
	if missing := without(requiredExports(m), info.Exports); len(missing) > 0 {
		problems = append(problems, "the manifest provides what the code does not export: "+strings.Join(missing, ", "))
	}
	imports := info.Imports[userModule]
	var unknown, forbidden []string
	for _, name := range imports {
		permission, known := wit.PermissionOf(name)
		switch {
		case !known:
			unknown = append(unknown, name)
		case permission != "" && !Permits(&m.Permissions, permission):
			forbidden = append(forbidden, fmt.Sprintf("%s (permissions.%s)", name, permission))
		}
	}
	if len(unknown) > 0 {
		problems = append(problems, "the code imports what this gateway does not have: "+strings.Join(unknown, ", "))
	}
	if _, bundled := Entry(m); bundled == "" {
		if len(forbidden) > 0 {
			problems = append(problems, "the code imports what the manifest does not ask for: "+strings.Join(forbidden, ", "))
		}
		if extra := undeclared(m, info.Exports); len(extra) > 0 {
			problems = append(problems, "the code exports what the manifest does not provide: "+strings.Join(extra, ", "))
		}
	}
	if len(problems) > 0 {
		return wit.NewError(wit.CodeInvalid, strings.Join(problems, "; "))
	}
	return nil
}

func requiredExports(m *wit.Manifest) []string {
	var names []string
	p := &m.Provides
	if p.Channel != nil {
		names = append(names, "channel_event", "channel_send")
		for _, op := range p.Channel.Operations {
			names = append(names, "channel_"+op)
		}
	}
	if p.Provider != nil {
		names = append(names, "provider_request")
		if !p.Provider.Offline {
			names = append(names, "provider_chunk")
		}
	}
	if len(p.Tools) > 0 {
		names = append(names, "tool_invoke")
	}
	if len(p.Hooks) > 0 {
		names = append(names, "hook_handle")
	}
	if m.Permissions.Schedule != nil {
		names = append(names, "schedule_fire")
	}
	return names
}

// undeclared lists exports of capabilities that the manifest does not name.
func undeclared(m *wit.Manifest, exports []string) []string {
	p := &m.Provides
	declared := map[string]bool{"": true, "channel": p.Channel != nil, "provider": p.Provider != nil, "tool": len(p.Tools) > 0,
		"hook": len(p.Hooks) > 0, "schedule": m.Permissions.Schedule != nil}
	var extra []string
	for _, name := range exports {
		if !declared[wit.CapabilityOf(name)] {
			extra = append(extra, name)
		}
	}
	return extra
}

// Permits reports whether a permission is among those.
func Permits(p *wit.Permissions, name string) bool {
	return slices.Contains(PermissionNames(p), name)
}

// PermissionNames lists the permissions that are asked for.
func PermissionNames(p *wit.Permissions) []string {
	var names []string
	add := func(name string, has bool) {
		if has {
			names = append(names, name)
		}
	}
	add("http", p.HTTP != nil)
	add("kv", p.KV != nil)
	add("credential", p.Credential != nil)
	add("schedule", p.Schedule != nil)
	add("emit", p.Emit != nil)
	add("media", p.Media != nil)
	return names
}

func without(names, have []string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(have, n) })
}
