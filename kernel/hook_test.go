package kernel_test

import (
	"context"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAHookVetoesATool, the model is told why, and what is said later goes on.
func TestAHookVetoesATool(t *testing.T) {
	t.Parallel()
	ran := false
	danger := kerneltest.Tool("danger", func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
		ran = true
		return &wit.ToolOutput{}, nil
	})
	guard := kerneltest.Hook("guard", wit.HookNameBeforeToolCall, func(context.Context, *wit.HookEvent) (*wit.HookDecision, error) {
		return &wit.HookDecision{Cancel: true, Reason: new("the owner forbids it")}, nil
	})
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if last := c.Turns[len(c.Turns)-1]; last.Role == wit.RoleTool {
			return kerneltest.Says(*last.Content[0].Text), nil
		}
		return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "c", Name: "danger", Args: wit.JSON(`{}`)}}, Stop: new(wit.StopReasonToolCalls)}, nil
	})
	l := kerneltest.Start(t, kerneltest.Plugin(danger, guard, brain)).Listen()
	if got := l.Ask("r", "do it"); !strings.Contains(got, "the owner forbids it") || ran {
		t.Errorf("ran %v: %q", ran, got)
	}
}
