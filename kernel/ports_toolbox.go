package kernel

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/toolserver"
	"github.com/carapace-gateway/carapace/wit"
)

// tools is agent's view of the tools: those of plugins, and after them those of other programs.
type tools struct {
	registry *plugin.Registry
	servers  *toolserver.Service // nil where there are none
}

func (w *wiring) tools() tools { return tools{w.platform.plugins, w.servers} }

func (t tools) Tools() []wit.ToolDefinition {
	var list []wit.ToolDefinition
	for _, row := range t.registry.Tools() {
		list = append(list, row.Definition)
	}
	if t.servers != nil {
		list = append(list, t.servers.Tools()...)
	}
	return list
}

func (t tools) Tool(name string) (agent.Tool, bool) {
	if f, err := t.registry.Tool(name); err == nil {
		return f, true
	}
	if t.servers == nil {
		return nil, false
	}
	return t.servers.Tool(name)
}

// argumentSchema compiles a schema of a tool's arguments.
func argumentSchema(text wit.JSON) (toolserver.Schema, error) { return manifest.NewSchema(text) }

// toolCaller is the view that toolbox and mcp have of the tools and of who calls them.
type toolCaller struct{ *wiring }

func (t toolCaller) List(agent string) []wit.ToolDefinition { return t.agents.Tools(agent).Tools() }

func (t toolCaller) Session(text string) (session.Key, error) {
	return t.sessionSettings().Find(text, "")
}

func (t toolCaller) Invoke(ctx context.Context, at wit.HookContext, name string, args wit.JSON) (*wit.ToolOutput, error) {
	return t.agents.Invoke(ctx, at, name, args)
}
