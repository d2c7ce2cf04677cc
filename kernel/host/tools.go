package host

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// Tools calls tools for plugins.
type Tools interface {
	// Owner names the plugin that a tool is of, "" for one of no plugin. Errors: CodeNotFound.
	Owner(tool string) (plugin string, err error)
	// Invoke calls a tool past the hooks, in the name of the run at, and returns its answer within the contract's bounds.
	// Errors: CodeInvalid for arguments that do not fit; CodeForbidden where a hook refuses; the tool's; ctx's.
	Invoke(ctx context.Context, at wit.HookContext, r *wit.ToolRequest) (*wit.ToolAnswer, error)
}

// invocations calls other plugins' tools for a plugin.
type invocations struct {
	plugin     string
	permission *wit.ToolPermission // nil without it
	tools      Tools               // nil where there are none
	rate       *bucket
}

// Invoke is the guest's.
func (i invocations) Invoke(ctx context.Context, r *wit.ToolRequest) (*wit.ToolAnswer, error) {
	call := CallOf(ctx)
	if err := i.refusal(call, r.Name); err != nil {
		return nil, err
	}
	if wait := i.rate.take(); wait > 0 {
		return nil, tooOften("tools", wait)
	}
	return i.tools.Invoke(ctx, call.At, r)
}

// refusal is why a tool is not called at all.
func (i invocations) refusal(call Call, tool string) error {
	if err := call.asking("tools"); err != nil {
		return err
	}
	switch {
	case call.Hook != "":
		return wit.Errorf(wit.CodeForbidden, "tools: a hook may not call tools, since %s waits for it, and calls are asked about at hooks: set a later call that does", call.Hook)
	case i.tools == nil:
		return wit.NewError(wit.CodeUnavailable, "tools: this gateway calls no tools")
	}
	if err := within(i.plugin, "toolInvoke", "tools", i.permission.Tools, tool); err != nil {
		return err
	}
	owner, err := i.tools.Owner(tool)
	switch {
	case err != nil:
		return err
	case slices.Contains(call.Chain, owner):
		return wit.Errorf(wit.CodeForbidden, "tools: %s is a tool of plugin %s, which waits for this call: a plugin does not call itself", tool, owner)
	case len(call.Chain) > wit.LimitToolsDepth:
		return wit.Errorf(wit.CodeForbidden, "tools: %s would be called within %d calls of tools: no further one may be made", tool, wit.LimitToolsDepth)
	}
	return nil
}
