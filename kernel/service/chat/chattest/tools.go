package chattest

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Tools are add (reads) and pay (spends), which count their calls.
type Tools struct {
	mu    sync.Mutex
	calls map[string]int
	// Do is what each call does. Tell says how far it is.
	Do func(ctx context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error)
}

func newTools() *Tools {
	return &Tools{calls: map[string]int{}, Do: func(_ context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
		return &wit.ToolOutput{Content: []wit.Part{session.TextPart(c.Name + " ok " + string(c.Args))}}, nil
	}}
}

// Tools implements agent.Tools.
func (x *Tools) Tools() []wit.ToolDefinition {
	return []wit.ToolDefinition{
		{Name: "add", Description: "adds", Parameters: wit.JSON(`{}`), Effects: []wit.Effect{wit.EffectReads}},
		{Name: "pay", Description: "pays", Parameters: wit.JSON(`{}`), Effects: []wit.Effect{wit.EffectReads, wit.EffectSpends}},
	}
}

// Tool implements agent.Tools.
func (x *Tools) Tool(name string) (agent.Tool, bool) {
	for _, d := range x.Tools() {
		if d.Name == name {
			return tool{x, d}, true
		}
	}
	return nil, false
}

// Count returns how often a tool was called.
func (x *Tools) Count(name string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.calls[name]
}

type tool struct {
	x *Tools
	d wit.ToolDefinition
}

func (t tool) Definition() wit.ToolDefinition { return t.d }

func (t tool) Invoke(ctx context.Context, c *wit.ToolInvocation, tell func(context.Context, string)) (*wit.ToolOutput, error) {
	var args map[string]any
	if err := json.Unmarshal(c.Args, &args); err != nil || t.d.Name == "add" && args["a"] == nil {
		return nil, wit.Errorf(wit.CodeInvalid, "the argument a is missing: %w", err)
	}
	t.x.mu.Lock()
	t.x.calls[t.d.Name]++
	do := t.x.Do
	t.x.mu.Unlock()
	return do(context.WithValue(ctx, tellKey{}, tell), c)
}

type tellKey struct{}

// Tell says how far the call is whose context this is.
func Tell(ctx context.Context, text string) {
	ctx.Value(tellKey{}).(func(context.Context, string))(ctx, text)
}
