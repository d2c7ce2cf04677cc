package kernel_test

import (
	"context"
	"errors"
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

// TestAGateThatCannotRunIsShut, from its first call on and for as long as it is there: only its owner, who disables it,
// goes on without it.
func TestAGateThatCannotRunIsShut(t *testing.T) {
	t.Parallel()
	tool := kerneltest.Tool("danger", func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
		return &wit.ToolOutput{Content: []wit.Part{{Text: new("done")}}}, nil
	})
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if last := c.Turns[len(c.Turns)-1]; last.Role == wit.RoleTool {
			return kerneltest.Says(*last.Content[0].Text), nil
		}
		return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "c", Name: "danger", Args: wit.JSON(`{}`)}}, Stop: new(wit.StopReasonToolCalls)}, nil
	})
	guard := kerneltest.Hook("guard", wit.HookNameBeforeToolCall, nil)
	guard.Compile = func(context.Context) error { return wit.NewError(wit.CodeInvalid, "not a valid module") }
	watcher := kerneltest.Hook("watcher", wit.HookNameAfterToolCall, nil)
	watcher.Compile = func(context.Context) error { return errors.New("never") }
	l := kerneltest.Start(t, kerneltest.Plugin(tool, guard, watcher, brain)).Listen()
	for _, run := range []string{"r1", "r2"} {
		if got := l.Ask(run, "do it"); !strings.HasPrefix(got, "The call was not made: ") {
			t.Errorf("%s: %q", run, got)
		}
	}
	l.MustCall("plugins.configure", map[string]any{"id": "guard", "enabled": false}, nil)
	if got := l.Ask("r3", "do it"); got != "done" {
		t.Errorf("without it: %q", got)
	}
}
