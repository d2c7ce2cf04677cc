package agent

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/google/uuid"
)

// Invoke calls a tool for somebody who is no model, as a model's call is made: past the same hooks and approvals, and within
// the same bounds. It belongs to the run at, if that names one, and is not recorded in its history. What the tool says of its
// progress is heard by nobody.
//
// Errors: CodeNotFound for a tool that there is not; CodeForbidden for one that the agent may not use, and where a hook or the approver refuses the call, or a hook withholds its result;
// the tool's, such as CodeInvalid for arguments that do not fit; CodeTimeout when ctx ends.
func (s *Service) Invoke(ctx context.Context, at wit.HookContext, name string, args wit.JSON) (*wit.ToolOutput, error) {
	tool, ok := s.Tools(at.Agent).Tool(name)
	if !ok {
		return nil, s.lacking(at.Agent, name)
	}
	call := wit.ToolCall{ID: uuid.NewString(), Name: name, Args: args}
	e, err := hook.BeforeToolCall.Fire(ctx, s.hooks, at, wit.BeforeToolCall{Tool: name, CallID: call.ID, Args: args})
	if err != nil {
		return nil, err
	}
	refused, err := s.approver.Approve(ctx, run.Run{ID: at.Run, Session: session.Key(at.Session)}, call, tool.Definition(), e.Args, func(string) {})
	if err != nil {
		return nil, err
	}
	if refused != "" {
		return nil, wit.NewError(wit.CodeForbidden, "the call was not made: "+refused)
	}
	began := time.Now()
	out, err := tool.Invoke(ctx, &wit.ToolInvocation{Name: name, Args: e.Args, Context: wit.ToolContext{
		Agent: at.Agent, Session: at.Session, Run: at.Run, Channel: at.Channel, Account: at.Account, CallID: call.ID,
		Now: began.UnixMilli(), TimeZone: s.settings().zone().String(),
	}}, nil)
	if err != nil {
		return nil, err
	}
	if out == nil {
		out = &wit.ToolOutput{}
	}
	took := time.Since(began).Milliseconds()
	res, err := passed(ctx, s.hooks, at, call, result{parts: out.Content, failed: out.Failed})
	if err != nil {
		res = failure("The result was withheld.")
	}
	_, _ = hook.AfterToolCall.Fire(ctx, s.hooks, at, wit.AfterToolCall{
		Tool: name, CallID: call.ID, Args: e.Args, Result: res.text(), Failed: res.failed, Duration: took,
	})
	return &wit.ToolOutput{Content: res.parts, Failed: res.failed}, err
}

// lacking is why an agent has no tool of a name.
func (s *Service) lacking(agent, name string) error {
	if _, there := s.tools.Tool(name); there {
		return wit.Errorf(wit.CodeForbidden, "agent %q may not use the tool %.80q: see tools of agents.list in the settings", agent, name)
	}
	return wit.Errorf(wit.CodeNotFound, "there is no tool %.80q", name)
}
