package approval

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/approval/policy"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// What clients ask about.

const (
	maxCommand    = 16 << 10 // bytes of what is to be done
	defaultWaitMs = 120_000
	maxTimeoutMs  = 24 * 3600_000
)

// Common is what both kinds of requests may say.
type Common struct {
	AgentID    *string `json:"agentId,omitempty" rpc:"min=1,max=128"`
	SessionKey *string `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
	ToolCallID *string `json:"toolCallId,omitempty" rpc:"min=1,max=256"`
	// TimeoutMs is how long is waited; two minutes when left out, a day at most.
	TimeoutMs int64 `json:"timeoutMs,omitempty" rpc:"min=1"`
	// TwoPhase has the request answered at once that it is asked, and then with the answer.
	TwoPhase bool `json:"twoPhase"`
	// What else a client says of where it comes from and who may be asked is accepted and changes nothing.
	TurnSourceChannel         *string         `json:"turnSourceChannel,omitempty" rpc:"min=1,max=64"`
	TurnSourceTo              *string         `json:"turnSourceTo,omitempty" rpc:"min=1,max=512"`
	TurnSourceAccountID       *string         `json:"turnSourceAccountId,omitempty" rpc:"min=1,max=128"`
	TurnSourceThreadID        json.RawMessage `json:"turnSourceThreadId,omitempty"`
	ApprovalReviewerDeviceIDs []string        `json:"approvalReviewerDeviceIds,omitempty" rpc:"max=64"`
	Scope                     *map[string]any `json:"scope,omitempty"`
}

// ExecParams are a command that a client asks about.
type ExecParams struct {
	Common
	// ID is the client's name for it; without it the gateway makes one.
	ID string `json:"id,omitempty" rpc:"min=1,max=100"`
	// Command is the command line, at most 16 KiB. commandArgv or systemRunPlan may stand for it.
	Command       string         `json:"command,omitempty" rpc:"min=1,max=16384"`
	CommandArgv   []string       `json:"commandArgv,omitempty" rpc:"max=1024"`
	SystemRunPlan *SystemRunPlan `json:"systemRunPlan,omitempty"`
	CWD           *string        `json:"cwd,omitempty" rpc:"min=1,max=4096"`
	NodeID        *string        `json:"nodeId,omitempty" rpc:"min=1,max=256"`
	Host          *string        `json:"host,omitempty" rpc:"min=1,max=256"`
	// Security and Ask are what the client's own policy says, for whoever is asked. With ask always, no allowlist answers.
	Security     *string `json:"security,omitempty" rpc:"min=1,max=64"`
	Ask          *string `json:"ask,omitempty" rpc:"min=1,max=64"`
	WarningText  *string `json:"warningText,omitempty" rpc:"min=1,max=4096"`
	ResolvedPath *string `json:"resolvedPath,omitempty" rpc:"min=1,max=4096"`
	SessionID    *string `json:"sessionId,omitempty" rpc:"min=1,max=256"`
	RunID        *string `json:"runId,omitempty" rpc:"min=1,max=256"`
	// UnavailableDecisions are those that cannot be chosen.
	UnavailableDecisions []string `json:"unavailableDecisions,omitempty" rpc:"enum=allow-always,max=1"`
	// DeliverToApprovalClientsOnly and SuppressDelivery leave the owner's chats out.
	DeliverToApprovalClientsOnly bool `json:"deliverToApprovalClientsOnly"`
	SuppressDelivery             bool `json:"suppressDelivery"`
	// The rest is accepted and changes nothing. What the environment holds is kept nowhere.
	Env                  map[string]string `json:"env,omitempty" rpc:"max=1000"`
	CommandSpans         []CommandSpan     `json:"commandSpans,omitempty" rpc:"max=1024"`
	RequireDeliveryRoute bool              `json:"requireDeliveryRoute"`
}

// CommandSpan is a part of a command's text.
type CommandSpan struct {
	StartIndex int `json:"startIndex" rpc:"required,min=0"`
	EndIndex   int `json:"endIndex" rpc:"required,min=1"`
}

// SystemRunPlan is a command as a node will run it. What else it says is accepted and changes nothing.
type SystemRunPlan struct {
	Argv               []string        `json:"argv" rpc:"required,max=1024"`
	CWD                *string         `json:"cwd,omitempty" rpc:"min=1,max=4096"`
	CommandText        string          `json:"commandText" rpc:"required,min=1,max=16384"`
	CommandPreview     *string         `json:"commandPreview,omitempty" rpc:"min=1,max=16384"`
	AgentID            *string         `json:"agentId,omitempty" rpc:"min=1,max=128"`
	SessionKey         *string         `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
	PolicySnapshot     *map[string]any `json:"policySnapshot,omitempty"`
	MutableFileOperand *map[string]any `json:"mutableFileOperand,omitempty"`
}

// Accepted is the first of two answers: it is asked.
type Accepted struct {
	Status      string `json:"status" rpc:"enum=accepted"`
	ID          string `json:"id"`
	CreatedAtMs int64  `json:"createdAtMs"`
	ExpiresAtMs int64  `json:"expiresAtMs"`
}

// fill takes from a plan what the request leaves out, and finds the command.
func (p *ExecParams) fill() {
	if plan := p.SystemRunPlan; plan != nil {
		p.Command = cmp.Or(p.Command, plan.CommandText, strings.Join(plan.Argv, " "))
		p.CWD, p.AgentID, p.SessionKey = cmp.Or(p.CWD, plan.CWD), cmp.Or(p.AgentID, plan.AgentID), cmp.Or(p.SessionKey, plan.SessionKey)
	}
	p.Command = cmp.Or(p.Command, strings.Join(p.CommandArgv, " "))
}

func (s *Service) requestExec(ctx context.Context, p ExecParams, accept func(Accepted)) (Decided, error) {
	if plan := p.SystemRunPlan; plan != nil {
		if err := s.named(Common{AgentID: plan.AgentID, SessionKey: plan.SessionKey}); err != nil {
			return Decided{}, err
		}
	}
	if p.fill(); strings.TrimSpace(p.Command) == "" {
		return Decided{}, wit.NewError(wit.CodeInvalid, "say what is to be run: command is missing")
	}
	if err := s.named(p.Common); err != nil {
		return Decided{}, err
	}
	r := s.newRecord(Exec, p.ID, p.Common)
	subject := p.subject()
	r.Pattern = subject.Remember(func(t string) bool { return s.d.Redact(t) != t })
	r.Exec = &ExecRequest{
		Command: s.d.Redact(message.Clip(p.Command, maxCommand)), CWD: p.CWD, Host: p.Host, NodeID: p.NodeID, Security: p.Security, Ask: p.Ask,
		AgentID: p.AgentID, ResolvedPath: p.ResolvedPath, SessionKey: p.SessionKey, RunID: p.RunID, ToolCallID: p.ToolCallID,
		WarningText: p.WarningText, AllowedDecisions: choices(p.UnavailableDecisions),
	}
	asked := func(tx store.Tx) (*record, error) {
		f, _, err := load(tx)
		if err != nil {
			return nil, err
		}
		v := s.look(f, r.Agent, subject)
		always := v.rules.Ask == policy.Always || text(p.Ask) == string(policy.Always)
		switch {
		case v.rules.Security == policy.Deny:
			return nil, s.settleNew(tx, r, Deny)
		case v.hit && !always && text(p.Security) != string(policy.Deny):
			if err := v.use(tx, r.Exec.Command); err != nil {
				return nil, err
			}
			return nil, s.settleNew(tx, r, AllowOnce)
		}
		return s.ask(tx, &r, p.DeliverToApprovalClientsOnly || p.SuppressDelivery)
	}
	return s.request(ctx, r.ID, asked, p.TwoPhase, accept)
}

// named refuses a session or an agent that there is not.
func (s *Service) named(c Common) error {
	if c.AgentID != nil && strings.TrimSpace(*c.AgentID) == "" {
		return wit.NewError(wit.CodeInvalid, "agentId is blank: leave it out, or name an agent")
	}
	return s.d.Answers(text(c.SessionKey), text(c.AgentID))
}

// subject is what the policy knows of the command: the program that a client has found, on this gateway's host. What runs on a node
// is remembered by the node.
func (p *ExecParams) subject() policy.Subject {
	s := policy.Subject{Effects: []wit.Effect{wit.EffectExecutes}}
	resolved := text(p.ResolvedPath)
	if p.NodeID != nil || text(p.Host) == "node" || resolved == "" {
		return s
	}
	if list := policy.Executables(p.Command); len(list) == 1 && programIs(list[0], resolved) {
		s.Executables = []string{resolved}
	}
	return s
}

// programIs reports whether a word of a command can be the program at a path.
func programIs(word, path string) bool {
	return word == path || !strings.Contains(word, "/") && strings.HasSuffix(path, "/"+word)
}

func choices(unavailable []string) []Decision {
	return slices.DeleteFunc([]Decision{AllowOnce, AllowAlways, Deny}, func(d Decision) bool { return slices.Contains(unavailable, string(d)) })
}

func (s *Service) newRecord(kind Kind, id string, c Common) record {
	now := time.Now().UnixMilli()
	return record{
		ID: cmp.Or(strings.TrimSpace(id), newID()), Kind: kind, Agent: cmp.Or(strings.TrimSpace(text(c.AgentID)), s.d.Agent(text(c.SessionKey))),
		CreatedAt: now, ExpiresAt: now + min(cmp.Or(c.TimeoutMs, defaultWaitMs), maxTimeoutMs), outcome: outcome{Status: Pending},
	}
}

// ask records an approval, and asks the owner in a chat unless that is left out.
func (s *Service) ask(tx store.Tx, r *record, quiet bool) (*record, error) {
	if !quiet {
		if _, err := s.askOwner(tx, r, s.d.Redact(r.question())); err != nil {
			return nil, err
		}
	}
	return r, insert(tx, *r)
}

// settleNew records an approval that the policy has decided.
func (s *Service) settleNew(tx store.Tx, r record, d Decision) error {
	if err := insert(tx, r); err != nil {
		return err
	}
	return s.conclude(tx, r, outcome{Status: statusOf(d), Decision: d, By: Resolver{Kind: bySystem, ID: "policy", Name: "the policy"}})
}

// request asks, and waits for the answer. Who gives up waiting does not take the request back: the answer can be waited for again.
func (s *Service) request(ctx context.Context, id string, ask func(store.Tx) (*record, error), twoPhase bool, accept func(Accepted)) (Decided, error) {
	if err := s.commit(ctx, ask); err != nil {
		return Decided{}, err
	}
	s.lookAgain() // what the policy has decided is told
	if twoPhase {
		r, err := s.load(ctx, id, "")
		if err != nil {
			return Decided{}, err
		}
		accept(Accepted{Status: "accepted", ID: id, CreatedAtMs: r.CreatedAt, ExpiresAtMs: r.ExpiresAt})
	}
	r, err := s.await(ctx, id)
	return r.decided(), err
}

// load returns an approval of a kind, "" for any. Errors: CodeNotFound; the store's.
func (s *Service) load(ctx context.Context, id string, kind Kind) (r record, err error) {
	err = s.d.Store.View(ctx, func(tx store.Tx) error {
		if r, err = find(tx, id); err == nil && kind != "" && r.Kind != kind {
			err = unknown(id)
		}
		return err
	})
	return r, err
}

// PluginParams are what a plugin of a client asks.
type PluginParams struct {
	Common
	PluginID    *string `json:"pluginId,omitempty" rpc:"min=1,max=128"`
	Title       string  `json:"title" rpc:"required,min=1,max=80"`
	Description string  `json:"description" rpc:"required,min=1,max=512"`
	Detail      *string `json:"detail,omitempty" rpc:"min=1,max=16384"`
	// Severity is info, warning or critical; warning when left out.
	Severity *string `json:"severity,omitempty" rpc:"enum=info|warning|critical"`
	ToolName *string `json:"toolName,omitempty" rpc:"min=1,max=128"`
	// AllowedDecisions are those to choose from; all when left out.
	AllowedDecisions []Decision      `json:"allowedDecisions,omitempty" rpc:"max=3,enum=allow-once|allow-always|deny"`
	MCPTool          *map[string]any `json:"mcpTool,omitempty"`
}

func (s *Service) requestPlugin(ctx context.Context, p PluginParams, accept func(Accepted)) (Decided, error) {
	if err := s.named(p.Common); err != nil {
		return Decided{}, err
	}
	r := s.newRecord(Plugin, "plugin:"+newID(), p.Common)
	r.Plugin = &PluginRequest{
		Title: s.d.Redact(p.Title), Description: s.d.Redact(p.Description), Severity: cmp.Or(text(p.Severity), "warning"), PluginID: p.PluginID,
		ToolName: p.ToolName, ToolCallID: p.ToolCallID, AgentID: p.AgentID, SessionKey: p.SessionKey, AllowedDecisions: p.AllowedDecisions,
	}
	if p.Detail != nil {
		r.Plugin.Detail = some(s.d.Redact(*p.Detail))
	}
	if len(p.AllowedDecisions) == 0 {
		r.Plugin.AllowedDecisions = choices(nil)
	}
	return s.request(ctx, r.ID, func(tx store.Tx) (*record, error) { return s.ask(tx, &r, false) }, p.TwoPhase, accept)
}
