package system

import (
	"context"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// PluginList is the plugins as the pages of protocol 4 list them; plugins.status says more.
type PluginList struct {
	Plugins []ListedPlugin `json:"plugins"`
	// Diagnostics are always empty: what is wrong with a plugin stands in its error.
	Diagnostics []string `json:"diagnostics"`
	// MutationAllowed says that plugins.setEnabled may be called: always.
	MutationAllowed bool `json:"mutationAllowed"`
}

// ListedPlugin is one plugin.
type ListedPlugin struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Version     string `json:"version,omitempty"`
	// Kind says what it is: channel, provider, tool, …
	Kind []string `json:"kind"`
	// Origin is built-in, installed or folder.
	Origin    string `json:"origin,omitempty"`
	Installed bool   `json:"installed"`
	Enabled   bool   `json:"enabled"`
	State     string `json:"state" rpc:"enum=enabled|disabled|error"`
	Error     string `json:"error,omitempty"`
}

func (m *monitor) listPlugins(context.Context, rpc.None) (PluginList, error) {
	r := PluginList{Plugins: []ListedPlugin{}, Diagnostics: []string{}, MutationAllowed: true}
	for _, p := range m.plugins.List() {
		r.Plugins = append(r.Plugins, listed(p))
	}
	return r, nil
}

// listed is a plugin as the pages list it.
func listed(p Plugin) ListedPlugin {
	l := ListedPlugin{
		ID: p.ID, Name: p.Name, Description: p.Description, Version: p.Version, Kind: p.Kinds, Origin: p.Origin,
		Installed: true, Enabled: p.State != "disabled", State: "enabled",
	}
	switch p.State {
	case "disabled":
		l.State = "disabled"
	case "failed":
		l.State, l.Error = "error", p.Reason
	}
	return l
}

// find is a plugin by its id. Errors: CodeNotFound.
func find(all Plugins, id string) (Plugin, error) {
	for _, p := range all.List() {
		if p.ID == id {
			return p, nil
		}
	}
	return Plugin{}, wit.Errorf(wit.CodeNotFound, "there is no plugin %.64q: `carapace plugins list` shows which there are", id)
}

// EnableParams turn a plugin on or off.
type EnableParams struct {
	PluginID string `json:"pluginId" rpc:"required,min=1,max=64"`
	Enabled  bool   `json:"enabled" rpc:"required"`
	// AcknowledgeCapabilities is that the owner has seen what the plugin is: it is turned on only if it still is that.
	AcknowledgeCapabilities *Acknowledgement `json:"acknowledgeCapabilities,omitempty"`
}

// Acknowledgement has the reviewToken of plugins.inspect.
type Acknowledgement struct {
	ReviewToken string `json:"reviewToken" rpc:"required,min=1,max=128"`
}

// EnableResult is the plugin as it is then.
type EnableResult struct {
	OK     bool         `json:"ok"`
	Plugin ListedPlugin `json:"plugin"`
	// RestartRequired is false: it is in force at once.
	RestartRequired bool `json:"restartRequired"`
	// Warnings say why a plugin that is on does not run.
	Warnings []string `json:"warnings,omitempty"`
}

// setEnabled writes the owner's word into the config file, as plugins.configure does.
func (s *setup) setEnabled(ctx context.Context, p EnableParams) (EnableResult, error) {
	if seen := p.AcknowledgeCapabilities; seen != nil {
		is, err := s.plugins.Inspect(p.PluginID)
		if err == nil && is.ReviewToken != seen.ReviewToken {
			err = wit.Errorf(wit.CodeConflict, "plugin %s is another one than was looked at: look at it again", p.PluginID)
		}
		if err != nil {
			return EnableResult{}, err
		}
	}
	if _, err := s.configure(ctx, Setup{ID: p.PluginID, Enabled: &p.Enabled}); err != nil {
		return EnableResult{}, err
	}
	is, err := find(s.plugins, p.PluginID)
	out := EnableResult{OK: err == nil, Plugin: listed(is)}
	if out.Plugin.Error != "" {
		out.Warnings = []string{out.Plugin.Error}
	}
	return out, err
}

// InspectParams name a plugin.
type InspectParams struct {
	PluginID string `json:"pluginId" rpc:"required,min=1,max=64"`
}

// InspectResult is what a plugin is, for who is to turn it on; plugins.info says more.
type InspectResult struct {
	OK       bool         `json:"ok"`
	Plugin   ListedPlugin `json:"plugin"`
	Source   Source       `json:"source"`
	Declared Declared     `json:"declared"`
	// ReviewToken names all of this; another version, or one that asks for other things, has another.
	ReviewToken string       `json:"reviewToken"`
	Grants      PluginGrants `json:"grants"`
}

// Source is where a plugin comes from. Integrity is the digest of the archive that was installed.
type Source struct {
	Kind          string `json:"kind" rpc:"enum=bundled|archive|path"`
	Spec          string `json:"spec,omitempty"`
	Integrity     string `json:"integrity,omitempty"`
	IntegrityKind string `json:"integrityKind,omitempty" rpc:"enum=sha256"`
}

// Declared is what a plugin's manifest says that it is. Contracts are what else it is: stt, tts, webhook and service. The last
// five are other gateways', and empty.
type Declared struct {
	Channels             []string `json:"channels"`
	Providers            []string `json:"providers"`
	Tools                []string `json:"tools"`
	Contracts            []string `json:"contracts"`
	Hooks                []string `json:"hooks"`
	MCPServers           []string `json:"mcpServers"`
	CLICommands          []string `json:"cliCommands"`
	CLIBackends          []string `json:"cliBackends"`
	Skills               []string `json:"skills"`
	DangerousConfigFlags []string `json:"dangerousConfigFlags"`
}

// PluginGrants are what a plugin may do with conversations.
type PluginGrants struct {
	Hooks HookGrants `json:"hooks"`
}

// HookGrants say whether a plugin may change what the model is told, which is by the hook before_agent_start, and whether it sees
// what is said: by a hook or by the permission sessionRead.
type HookGrants struct {
	AllowPromptInjection    Effective `json:"allowPromptInjection"`
	AllowConversationAccess Effective `json:"allowConversationAccess"`
}

// Effective is what is so.
type Effective struct {
	Effective bool `json:"effective"`
}

// Inspected is what there is to know of what a plugin is; ReviewToken names it.
type Inspected struct {
	Provides wit.Provided
	// Granted are the names of the permissions that it has.
	Granted                   []string
	Path, Digest, ReviewToken string
}

func (m *monitor) inspect(_ context.Context, p InspectParams) (InspectResult, error) {
	is, err := find(m.plugins, p.PluginID)
	if err != nil {
		return InspectResult{}, err
	}
	seen, err := m.plugins.Inspect(p.PluginID)
	if err != nil {
		return InspectResult{}, err
	}
	out := InspectResult{OK: true, Plugin: listed(is), Source: source(is, seen), Declared: declared(is, seen.Provides), ReviewToken: seen.ReviewToken}
	hooked := slices.ContainsFunc(seen.Provides.Hooks, func(h string) bool { return !strings.HasPrefix(h, "gateway_") })
	out.Grants.Hooks = HookGrants{
		AllowPromptInjection:    Effective{slices.Contains(seen.Provides.Hooks, string(wit.HookNameBeforeAgentStart))},
		AllowConversationAccess: Effective{hooked || slices.Contains(seen.Granted, "sessionRead")},
	}
	return out, nil
}

// source is where a plugin comes from.
func source(p Plugin, seen Inspected) Source {
	switch {
	case p.ByHand:
		return Source{Kind: "path", Spec: seen.Path}
	case seen.Digest != "":
		return Source{Kind: "archive", Spec: seen.Path, Integrity: seen.Digest, IntegrityKind: "sha256"}
	}
	return Source{Kind: "bundled"}
}

// declared is what a plugin is, with empty lists for what it is not.
func declared(p Plugin, provides wit.Provided) Declared {
	d := Declared{
		Channels: []string{}, Providers: []string{}, Contracts: []string{}, Tools: append([]string{}, provides.Tools...), Hooks: append([]string{}, provides.Hooks...),
		MCPServers: []string{}, CLICommands: []string{}, CLIBackends: []string{}, Skills: []string{}, DangerousConfigFlags: []string{},
	}
	for _, kind := range p.Kinds {
		switch kind {
		case "channel":
			d.Channels = append(d.Channels, p.ID)
		case "provider":
			d.Providers = append(d.Providers, p.ID)
		case "tool", "hook":
		default:
			d.Contracts = append(d.Contracts, kind)
		}
	}
	return d
}
