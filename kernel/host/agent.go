package host

import (
	"context"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Agents has runs made for plugins.
type Agents interface {
	// Run queues a run. The same ID again is the same run. Errors: CodeForbidden for one that is too deep; CodeInvalid and
	// CodeNotFound for an agent, a session or a destination that there is not; those of a.Admit and a.AdmitChannel; the store's.
	Run(ctx context.Context, a AgentRun) error
	// Wait tells how a run stands, when it has ended or d is over. in is the run in which it is asked, "" for none. Errors:
	// CodeNotFound; CodeForbidden where the run would wait for who waits for it; CodeTimeout when ctx ends; the store's.
	Wait(ctx context.Context, id, in string, d time.Duration) (*wit.RunOutcome, error)
}

// AgentRun is a run that a plugin asks for.
type AgentRun struct {
	ID, Plugin string
	// In is the run in which it is asked for, "" for none.
	In      string
	Request *wit.AgentRequest
	// Admit refuses an agent, and AdmitChannel a channel for the answer.
	Admit, AdmitChannel func(name string) error
}

// agents asks the owner's agents for a plugin.
type agents struct {
	plugin     string
	permission *wit.AgentPermission   // nil without it
	messages   *wit.MessagePermission // nil without it
	agents     Agents                 // nil where there are none
	rate       *bucket
}

// Run is the guest's. That it is done says that the run will begin, also after a crash.
func (a agents) Run(ctx context.Context, r *wit.AgentRequest) (*wit.AgentStarted, error) {
	call := CallOf(ctx)
	if err := a.refusal(call); err != nil {
		return nil, err
	}
	if r.Deliver != nil && a.messages == nil {
		return nil, forbidden(a.plugin, "messageSend")
	}
	if wait := a.rate.take(); wait > 0 {
		return nil, tooOften("agent", wait)
	}
	run := AgentRun{
		ID: a.prefix() + r.IdempotencyKey, Plugin: a.plugin, In: call.At.Run, Request: r,
		Admit: func(agent string) error { return within(a.plugin, "agentRun", "agents", a.permission.Agents, agent) },
		AdmitChannel: func(channel string) error {
			return within(a.plugin, "messageSend", "channels", a.messages.Channels, channel)
		},
	}
	if err := a.agents.Run(ctx, run); err != nil {
		return nil, err
	}
	return &wit.AgentStarted{Run: run.ID}, nil
}

// Wait is the guest's. A plugin hears of its own runs only.
func (a agents) Wait(ctx context.Context, q *wit.RunQuery) (*wit.RunOutcome, error) {
	call := CallOf(ctx)
	if err := a.refusal(call); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(q.Run, a.prefix()) {
		return nil, wit.Errorf(wit.CodeNotFound, "agent: plugin %s has no run %.80q", a.plugin, q.Run)
	}
	if q.Wait > 0 && call.Hook != "" {
		return nil, wit.Errorf(wit.CodeForbidden, "agent: a hook may not wait for a run, since %s waits for the hook: ask without a wait, or later", call.Hook)
	}
	return a.agents.Wait(ctx, q.Run, call.At.Run, time.Duration(min(q.Wait, wit.RunQueryWaitCut))*time.Millisecond)
}

// prefix begins the ids of the plugin's runs.
func (a agents) prefix() string { return "plugin:" + a.plugin + ":" }

func (a agents) refusal(call Call) error {
	if err := call.asking("agent"); err != nil {
		return err
	}
	if a.agents == nil {
		return wit.NewError(wit.CodeUnavailable, "agent: this gateway has no agents")
	}
	return nil
}
