package kernel

import (
	"cmp"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/offer"
)

// offers is offer's view of the registry.
type offers struct {
	registry *plugin.Registry
	settings *config.Settings
}

// callable reports whether a plugin in this state can be called: one whose code has not been looked at is when it is first needed.
func callable(s plugin.State) bool {
	return s == plugin.StateInstalled || s == plugin.StateVerified || s == plugin.StateReady
}

func (o offers) list() []offer.Plugin {
	var list []offer.Plugin
	for _, is := range o.registry.List() {
		p := offer.Plugin{
			ID: is.ID, Name: cmp.Or(is.Name, is.ID), Description: is.Description, Path: is.Path, BuiltIn: is.Stock, Enabled: o.settings.PluginEnabled(is.ID),
			Runs: callable(is.State), Reason: is.Reason, Tools: is.Provides.Tools, Hooks: is.Provides.Hooks,
		}
		if d, err := o.registry.Info(is.ID); err == nil {
			p.Homepage = d.Homepage
		}
		list = append(list, p)
	}
	return list
}

// offeredTools is offer's view of the tools.
type offeredTools struct{ *wiring }

func (t offeredTools) All() []offer.Tool {
	var list []offer.Tool
	for _, row := range t.platform.plugins.Tools() {
		list = append(list, offer.Tool{Definition: row.Definition, Plugin: row.Plugin})
	}
	if t.servers != nil {
		for _, is := range t.servers.Offered() {
			server, name := is.Origin()
			list = append(list, offer.Tool{Definition: is.Definition(), Server: server, ServerTool: name})
		}
	}
	return list
}

func (t offeredTools) Of(agent string) []string {
	var names []string
	for _, d := range t.agents.Tools(agent).Tools() {
		names = append(names, d.Name)
	}
	return names
}

func (t offeredTools) Away() []string {
	if t.servers == nil {
		return nil
	}
	return t.servers.Away()
}
