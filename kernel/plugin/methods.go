package plugin

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// IDParams name a plugin.
type IDParams struct {
	ID string `json:"id"`
}

// GrantParams name a plugin and what of it is granted.
type GrantParams struct {
	ID string `json:"id" rpc:"required,min=1,max=64"`
	// Digest is the one of waiting in plugins.info: a grant is for what was shown.
	Digest string `json:"digest" rpc:"required,min=1,max=128"`
}

// StatusResult lists the plugins, by id.
type StatusResult struct {
	Plugins []Status `json:"plugins"`
}

// Methods are the registry's rows of the method table.
func (r *Registry) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("plugins.status", wire.ScopeRead, func(ctx context.Context, _ rpc.None) (StatusResult, error) {
			list := r.List()
			for i := range list {
				list[i].Crash = forAuthor(ctx, list[i].Crash)
			}
			return StatusResult{Plugins: list}, nil
		}).Doc("Lists the plugins and how they are."),
		rpc.New("plugins.info", wire.ScopeRead, func(ctx context.Context, p IDParams) (Details, error) {
			d, err := r.Info(p.ID)
			d.Crash = forAuthor(ctx, d.Crash)
			return d, err
		}).Fails(wire.NotFound).
			Doc("Returns all that is known of a plugin: what it may do, what it needs, how it is."),
		rpc.New("plugins.call", wire.ScopeAdmin, r.callTool).Audited().Fails(wire.ForeignErrors()...).Fails(wire.NotConnected, wire.NodeTimeout).Emits("plugins.progress").
			Doc("Calls a tool of a plugin as a model would, or a function that it exports, for its author, who is told how far it is by plugins.progress."),
		rpc.New("plugins.trace", wire.ScopeRead, r.trace).Fails(wire.NotFound).
			Doc("Returns the last calls of a plugin: how long each took, what it used, and what it asked the gateway for. They are kept from the first look on."),
		rpc.New("plugins.grant", wire.ScopeAdmin, func(ctx context.Context, p GrantParams) (Details, error) {
			if err := r.Grant(ctx, p.ID, p.Digest); err != nil {
				return Details{}, err
			}
			return r.Info(p.ID)
		}).Audited().Fails(wire.NotFound, wire.Conflict).Emits("plugins.changed").
			Doc("Grants an update of a plugin what it may be, use and ask for, and returns the plugin."),
	}
}

// CallParams are a call of a tool, or of another function of the plugin.
type CallParams struct {
	ID string `json:"id" rpc:"required,min=1,max=64"`
	// Tool is a tool's name, or that of a function which the contract has plugins export, such as channel_event.
	Tool string `json:"tool" rpc:"required,min=1,max=64"`
	// Args are the tool's arguments, an object, or what the function is given; {} when left out.
	Args wit.JSON `json:"args,omitempty"`
}

// CallResult is what the tool answered.
type CallResult struct {
	Content []wit.Part `json:"content"`
	// Failed says that the tool ran and has bad news.
	Failed bool `json:"failed"`
	// Answer is what a function has answered that is no tool.
	Answer wit.JSON `json:"answer,omitempty"`
}

// noTool says why a tool cannot be called.
func (r *Registry) noTool(p CallParams) error {
	s := r.table.of(p.ID)
	if s == nil {
		return wit.Errorf(wit.CodeNotFound, "there is no plugin %s: `carapace plugins list` shows which there are", p.ID)
	}
	if s.awaited() {
		return errAwaited(p.ID)
	}
	status := r.table.status(s)
	if status.State == StateFailed {
		return wit.Errorf(wit.CodeUnavailable, "plugin %s does not run: %s", p.ID, strings.TrimSuffix(status.Reason+": "+status.Hint, ": "))
	}
	if status.State == StateStopped {
		return wit.Errorf(wit.CodeUnavailable, "plugin %s is off (%s): `carapace plugins enable %[1]s` turns it on", p.ID, status.Reason)
	}
	if slices.Contains(status.Provides.Tools, p.Tool) {
		return wit.Errorf(wit.CodeNotFound, "the tool %s of plugin %s cannot be called: `carapace plugins info %s` shows how it is", p.Tool, p.ID, p.ID)
	}
	return wit.Errorf(wit.CodeNotFound, "plugin %s has no tool %s; it has %s", p.ID, p.Tool, cmp.Or(strings.Join(status.Provides.Tools, ", "), "none"))
}

// callTool calls a tool of the plugin that is named, also where models get another one of that name. Errors: CodeNotFound when the
// plugin has no such tool.
func (r *Registry) callTool(ctx context.Context, p CallParams) (CallResult, error) {
	if len(p.Args) == 0 {
		p.Args = wit.JSON("{}")
	}
	if wit.Export(p.Tool) != nil {
		return r.callExport(ctx, p)
	}
	t := &Tool{handle{r.versions, p.ID}, p.Tool}
	if t.Definition().Name == "" {
		return CallResult{}, r.noTool(p)
	}
	out, err := t.Invoke(ctx, &wit.ToolInvocation{Args: p.Args}, r.keeper.news.progress(ctx, p.ID, p.Tool))
	if err != nil {
		return CallResult{}, r.table.withCrash(p.ID, err)
	}
	return CallResult{Content: append([]wit.Part{}, out.Content...), Failed: out.Failed}, nil
}
