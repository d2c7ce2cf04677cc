package plugin

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// Tool is one tool of a plugin. Errors of its calls are as for Channel.
type Tool struct {
	handle
	name string
}

// ToolRow is a tool in a list.
type ToolRow struct {
	Plugin     string
	Definition wit.ToolDefinition
}

// Tools lists the tools that can be called, in the order of sources and ids. Of two with the same name
// the first is listed.
func (r *Registry) Tools() []ToolRow {
	return append([]ToolRow(nil), r.table.offers.Load().tools...)
}

// Tool returns a tool by its name, or CodeNotFound. It loads no code.
func (r *Registry) Tool(name string) (*Tool, error) {
	for _, row := range r.table.offers.Load().tools {
		if row.Definition.Name == name {
			return &Tool{handle{r.versions, row.Plugin}, name}, nil
		}
	}
	return nil, wit.Errorf(wit.CodeNotFound, "there is no tool %s", name)
}

// Name returns the tool's name.
func (t *Tool) Name() string { return t.name }

// Definition returns what the model is told of the tool; the zero value once it is gone.
func (t *Tool) Definition() wit.ToolDefinition {
	d, _ := definition(t.manifest(), t.name)
	return d
}

func definition(m *wit.Manifest, name string) (wit.ToolDefinition, bool) {
	if m != nil {
		for _, d := range m.Provides.Tools {
			if d.Name == name {
				return d, true
			}
		}
	}
	return wit.ToolDefinition{}, false
}

// Invoke calls the tool. Arguments that do not fit its schema are CodeInvalid, naming the field, and do
// not reach the plugin. tell, which may be nil, gets what the tool says of its progress, at the contract's rate and one
// after the other, by a goroutine of its own and in a context that ends with the call; Invoke returns after it.
func (t *Tool) Invoke(ctx context.Context, c *wit.ToolInvocation, tell func(ctx context.Context, text string)) (*wit.ToolOutput, error) {
	if v := t.current(); v != nil {
		if err := v.checkArgs(ctx, t.name, c.Args); err != nil {
			return nil, err
		}
	}
	own := *c
	if err := t.fill(&own.Config, ""); err != nil {
		return nil, err
	}
	own.Name = t.name
	progress := host.NewProgress(ctx, tell)
	defer progress.End()
	at := contextOf(own.Context)
	return call[wit.ToolOutput](ctx, t.versions, t.id, request{export: "tool_invoke", progress: progress, at: at}, &own)
}

// contextOf is a tool's context as a hook's.
func contextOf(c wit.ToolContext) wit.HookContext {
	return wit.HookContext{Agent: c.Agent, Session: c.Session, Run: c.Run, Channel: c.Channel, Account: c.Account}
}

// checkArgs checks a tool's arguments; its schema is compiled once per version.
// They are checked here and not in the plugin, so that every tool may rely on its schema. A tool that an upgrade
// has dropped is CodeNotFound.
func (v *version) checkArgs(ctx context.Context, name string, args wit.JSON) error {
	d, ok := definition(v.manifest, name)
	if !ok {
		return wit.Errorf(wit.CodeNotFound, "plugin %s has no tool %s any more", v.manifest.ID, name)
	}
	known, ok := v.schemas.Load(name)
	if !ok {
		s, err := manifest.NewSchema(d.Parameters)
		if err != nil {
			return wit.Errorf(wit.CodeInternal, "tool %s: its schema: %w", name, err)
		}
		known, _ = v.schemas.LoadOrStore(name, s)
	}
	s, _ := known.(*manifest.Schema)
	if err := s.Check(ctx, args); err != nil {
		return wit.Errorf(wit.CodeInvalid, "arguments of %s: %w", name, err)
	}
	return nil
}
