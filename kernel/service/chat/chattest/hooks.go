package chattest

import (
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/wit"
)

// Hooks are hook plugins by the hook they handle.
type Hooks struct {
	mu sync.Mutex
	// Asked are the events so far.
	Asked []wit.HookEvent
	// Broken is the hook at which the plugin fails.
	Broken wit.HookName
	// On decides at a hook.
	On map[wit.HookName]func(wit.HookEvent) *wit.HookDecision
	// OnFailure is the policy of all of them, "" what the contract says where a manifest says nothing.
	OnFailure wit.FailPolicy
}

// Of returns the plugin that handles a hook.
func (p *Hooks) Of(name wit.HookName) []hook.Plugin { return []hook.Plugin{plugin{p, name}} }

// Names returns the hooks that were asked.
func (p *Hooks) Names() (out []wit.HookName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.Asked {
		out = append(out, e.Name)
	}
	return out
}

type plugin struct {
	p    *Hooks
	name wit.HookName
}

func (plugin) ID() string { return "watcher" }
func (x plugin) Facts() wit.HookFacts {
	facts := wit.HookFacts{Name: x.name}
	if x.p.OnFailure != "" {
		facts.OnFailure = &x.p.OnFailure
	}
	return facts
}

func (plugin) Prepare(context.Context) error { return nil }

func (x plugin) Handle(_ context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	x.p.Asked = append(x.p.Asked, *e)
	if e.Name == x.p.Broken {
		return nil, wit.NewError(wit.CodeInternal, "it is broken")
	}
	if fn := x.p.On[e.Name]; fn != nil {
		return fn(*e), nil
	}
	return nil, nil
}
