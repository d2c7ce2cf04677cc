package offer

import (
	"context"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// maxSummary bounds a tool's description in a list, in bytes.
const maxSummary = 240

// Tool is one that can be called: of a plugin, or of an MCP server.
type Tool struct {
	Definition wit.ToolDefinition
	// Plugin is its plugin's id, empty for one of a server, which calls it ServerTool.
	Plugin             string
	Server, ServerTool string
}

// Tools are those that there are, and who may use them.
type Tools interface {
	// All lists those that can be called now.
	All() []Tool
	// Of lists the names of those that an agent may use by the owner's settings.
	Of(agent string) []string
	// Away lists the MCP servers whose tools are missing since they are not connected.
	Away() []string
}

// full is the one profile that there is: an agent may use every tool that its settings do not take from it.
const full = "full"

// CatalogParams name the agent that is asked for; the default one when left out.
type CatalogParams struct {
	AgentID string `json:"agentId,omitempty" rpc:"min=1,max=64"`
	// IncludePlugins of false leaves out what plugins and MCP servers bring, which is all.
	IncludePlugins *bool `json:"includePlugins,omitempty"`
}

// CatalogResult is the tools there are, whether or not the agent may use them.
type CatalogResult struct {
	AgentID  string         `json:"agentId"`
	Profiles []Profile      `json:"profiles"`
	Groups   []CatalogGroup `json:"groups"`
}

// Profile is a choice of tools with a name: full, which is all, is the only one.
type Profile struct {
	ID    string `json:"id" rpc:"enum=minimal|coding|messaging|full"`
	Label string `json:"label"`
}

// CatalogGroup is the tools of a plugin or of an MCP server.
type CatalogGroup struct {
	ID       string        `json:"id"`
	Label    string        `json:"label"`
	Source   string        `json:"source" rpc:"enum=core|plugin"`
	PluginID string        `json:"pluginId,omitempty"`
	Tools    []CatalogTool `json:"tools"`
}

// CatalogTool is a tool in the catalog. Description is the beginning of FullDescription.
type CatalogTool struct {
	ID              string   `json:"id"`
	Label           string   `json:"label"`
	Description     string   `json:"description"`
	FullDescription string   `json:"fullDescription,omitempty"`
	Source          string   `json:"source" rpc:"enum=core|plugin"`
	PluginID        string   `json:"pluginId,omitempty"`
	Risk            string   `json:"risk" rpc:"enum=low|medium|high"`
	Tags            []string `json:"tags"`
	DefaultProfiles []string `json:"defaultProfiles"`
}

// catalog lists the tools by who brings them, in the order of names.
func (s *Service) catalog(_ context.Context, in CatalogParams) (CatalogResult, error) {
	out := CatalogResult{Profiles: []Profile{{full, "Full"}}, Groups: []CatalogGroup{}}
	var err error
	if out.AgentID, err = s.AgentOf("", in.AgentID); err != nil || in.IncludePlugins != nil && !*in.IncludePlugins {
		return out, err
	}
	labels := s.labels()
	at := map[string]int{}
	for _, t := range s.Tools.All() {
		id := t.group()
		i, known := at[id]
		if !known {
			i, at[id] = len(out.Groups), len(out.Groups)
			out.Groups = append(out.Groups, CatalogGroup{ID: id, Label: t.label(labels), Source: "plugin", PluginID: t.Plugin})
		}
		d := t.Definition
		out.Groups[i].Tools = append(out.Groups[i].Tools, CatalogTool{
			ID: d.Name, Label: d.Name, Description: summary(d.Description), FullDescription: d.Description, Source: "plugin", PluginID: t.Plugin,
			Risk: risk(d.Effects), Tags: tags(d.Effects), DefaultProfiles: []string{full},
		})
	}
	slices.SortStableFunc(out.Groups, func(a, b CatalogGroup) int { return strings.Compare(a.Label, b.Label) })
	for _, g := range out.Groups {
		slices.SortFunc(g.Tools, func(a, b CatalogTool) int { return strings.Compare(a.ID, b.ID) })
	}
	return out, nil
}

// EffectiveParams name a session, and may name its agent.
type EffectiveParams struct {
	AgentID    string `json:"agentId,omitempty" rpc:"min=1,max=64"`
	SessionKey string `json:"sessionKey" rpc:"required,min=1,max=512"`
}

// EffectiveResult is the tools that the agent of a session is offered at its next turn.
type EffectiveResult struct {
	AgentID string           `json:"agentId"`
	Profile string           `json:"profile"`
	Groups  []EffectiveGroup `json:"groups"`
	// Notices say which tools are missing that the settings ask for.
	Notices []Notice `json:"notices,omitempty"`
}

// EffectiveGroup is the tools of one kind of source.
type EffectiveGroup struct {
	ID     string          `json:"id" rpc:"enum=core|plugin|channel|mcp"`
	Label  string          `json:"label"`
	Source string          `json:"source" rpc:"enum=core|plugin|channel|mcp"`
	Tools  []EffectiveTool `json:"tools"`
}

// EffectiveTool is one of them. MCPToolName is what its server calls it.
type EffectiveTool struct {
	ID             string   `json:"id"`
	Label          string   `json:"label"`
	Description    string   `json:"description"`
	RawDescription string   `json:"rawDescription"`
	Source         string   `json:"source" rpc:"enum=core|plugin|channel|mcp"`
	PluginID       string   `json:"pluginId,omitempty"`
	MCPServer      string   `json:"mcpServer,omitempty"`
	MCPToolName    string   `json:"mcpToolName,omitempty"`
	Risk           string   `json:"risk" rpc:"enum=low|medium|high"`
	Tags           []string `json:"tags"`
}

// Notice is something to know about the list.
type Notice struct {
	ID       string   `json:"id"`
	Severity string   `json:"severity" rpc:"enum=info|warning"`
	Message  string   `json:"message"`
	Servers  []string `json:"servers,omitempty"`
}

// effective lists what the agent of a session may use.
func (s *Service) effective(_ context.Context, in EffectiveParams) (EffectiveResult, error) {
	out := EffectiveResult{Profile: full, Groups: []EffectiveGroup{}}
	var err error
	if out.AgentID, err = s.AgentOf(in.SessionKey, in.AgentID); err != nil {
		return out, err
	}
	may := s.Tools.Of(out.AgentID)
	plugins := EffectiveGroup{ID: "plugin", Label: "Plugins", Source: "plugin"}
	servers := EffectiveGroup{ID: "mcp", Label: "MCP servers", Source: "mcp"}
	for _, t := range s.Tools.All() {
		d := t.Definition
		if !slices.Contains(may, d.Name) {
			continue
		}
		g := &plugins
		if t.Server != "" {
			g = &servers
		}
		g.Tools = append(g.Tools, EffectiveTool{
			ID: d.Name, Label: d.Name, Description: summary(d.Description), RawDescription: d.Description, Source: g.Source,
			PluginID: t.Plugin, MCPServer: t.Server, MCPToolName: t.ServerTool, Risk: risk(d.Effects), Tags: tags(d.Effects),
		})
	}
	for _, g := range []EffectiveGroup{plugins, servers} {
		if len(g.Tools) > 0 {
			out.Groups = append(out.Groups, g)
		}
	}
	if away := s.Tools.Away(); len(away) > 0 {
		out.Notices = append(out.Notices, Notice{
			ID: "mcp-not-connected", Severity: "warning", Servers: away,
			Message: "Not connected, so that their tools are missing: " + strings.Join(away, ", ") + ". `carapace mcp list` says why.",
		})
	}
	return out, nil
}

// labels are the names of plugins, by id.
func (s *Service) labels() map[string]string {
	names := map[string]string{}
	for _, p := range s.Plugins() {
		names[p.ID] = p.Name
	}
	return names
}

func (t Tool) group() string {
	if t.Server != "" {
		return "mcp:" + t.Server
	}
	return "plugin:" + t.Plugin
}

func (t Tool) label(plugins map[string]string) string {
	if t.Server != "" {
		return t.Server
	}
	if name := plugins[t.Plugin]; name != "" {
		return name
	}
	return t.Plugin
}

// summary is the first paragraph of a description, bounded.
func summary(description string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(description), "\n\n")
	return message.Clip(first, maxSummary)
}

// risk is how much a call can do that cannot be undone, by what the tool declares.
func risk(effects []wit.Effect) string {
	has := func(any ...wit.Effect) bool {
		return slices.ContainsFunc(effects, func(e wit.Effect) bool { return slices.Contains(any, e) })
	}
	switch {
	case has(wit.EffectExecutes, wit.EffectSpends):
		return "high"
	case has(wit.EffectWrites, wit.EffectSends):
		return "medium"
	}
	return "low"
}

// tags are the effects.
func tags(effects []wit.Effect) []string {
	list := make([]string, 0, len(effects))
	for _, e := range effects {
		list = append(list, string(e))
	}
	return list
}
