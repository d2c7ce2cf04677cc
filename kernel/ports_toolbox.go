package kernel

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// toolCaller is the view that toolbox and mcp have of the tools and of who calls them.
type toolCaller struct{ *wiring }

func (t toolCaller) List() []wit.ToolDefinition { return tools{t.platform.plugins}.Tools() }

func (t toolCaller) Session(text string) (session.Key, error) {
	return t.sessionSettings().Find(text, "")
}

func (t toolCaller) Invoke(ctx context.Context, at wit.HookContext, name string, args wit.JSON) (*wit.ToolOutput, error) {
	return t.agents.Invoke(ctx, at, name, args)
}
