package approval

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// methods returns the rows of the method table. Those of nodes are there where there are nodes.
func (s *Service) methods() []rpc.Method {
	rows := []rpc.Method{
		rpc.NewTwoPhase("exec.approval.request", wire.ScopeApprovals, s.requestExec).Audited().Fails(wire.Conflict).Emits("exec.approval.requested", "exec.approval.resolved").
			Doc("Asks whether a command may be run, and waits for the answer. With twoPhase it answers at once that it asks, and once more with the answer."),
		rpc.New("exec.approval.waitDecision", wire.ScopeApprovals, s.waitFor(Exec)).Fails(wire.NotFound).
			Doc("Waits for the answer to what was asked before."),
		rpc.New("exec.approval.resolve", wire.ScopeApprovals, s.resolve(Exec)).Audited().Fails(wire.NotFound, wire.Conflict).Emits("exec.approval.resolved").
			Doc("Says whether it may be done; the first word counts, and the same again is no error."),
		rpc.New("exec.approval.get", wire.ScopeApprovals, s.get).Fails(wire.NotFound).
			Doc("Returns one approval, also one that is over."),
		rpc.New("exec.approval.list", wire.ScopeApprovals, s.listExec).Doc("Lists the calls and commands that wait for an answer, the oldest first."),
		rpc.New("exec.approval.grants.list", wire.ScopeApprovals, s.listGrants).Doc("Lists what was allowed always, by agent, the newest first."),
		rpc.New("exec.approval.grants.revoke", wire.ScopeApprovals, s.revokeGrant).Audited().Doc("Takes back what was allowed always: it is asked about again."),
		rpc.New("exec.approvals.get", wire.ScopeAdmin, s.getFile).Doc("Returns the policy: what may be done by whom, and when somebody is asked."),
		rpc.New("exec.approvals.set", wire.ScopeAdmin, s.setFile).Audited().Fails(wire.Conflict).Doc("Replaces the policy."),
		rpc.NewTwoPhase("plugin.approval.request", wire.ScopeApprovals, s.requestPlugin).Audited().Fails(wire.Conflict).Emits("plugin.approval.requested", "plugin.approval.resolved").
			Doc("Asks on behalf of a client's plugin, as exec.approval.request does."),
		rpc.New("plugin.approval.waitDecision", wire.ScopeApprovals, s.waitFor(Plugin)).Fails(wire.NotFound).
			Doc("Waits for the answer to what was asked before."),
		rpc.New("plugin.approval.resolve", wire.ScopeApprovals, s.resolve(Plugin)).Audited().Fails(wire.NotFound, wire.Conflict).Emits("plugin.approval.resolved").
			Doc("Says whether it may be done, as exec.approval.resolve does."),
		rpc.New("plugin.approval.list", wire.ScopeApprovals, s.listPlugin).Doc("Lists what the plugins of clients have asked and nobody has answered, the oldest first."),
		rpc.New("openclaw.approval.list", wire.ScopeApprovals, none).Doc("Lists what an agent that looks after the gateway itself has asked: nothing, since there is none here. Clients that list approvals of all kinds ask for these too."),
		rpc.New("approval.get", wire.ScopeApprovals, s.getSnapshot).Fails(wire.NotFound).Doc("Returns one approval of any kind."),
		rpc.New("approval.resolve", wire.ScopeApprovals, s.resolveAny).Audited().Fails(wire.NotFound, wire.Conflict).Emits("exec.approval.resolved", "plugin.approval.resolved").
			Doc("Says whether it may be done, and returns how the approval stands."),
		rpc.New("approval.history", wire.ScopeApprovals, s.history).Doc("Lists the approvals that are over, the newest first, page by page."),
	}
	if s.d.Nodes != nil {
		rows = append(rows,
			rpc.New("exec.approvals.node.get", wire.ScopeAdmin, s.nodeGet).Fails(wire.NotConnected, wire.NodeTimeout, wire.NotFound).
				Doc("Returns the policy that a node keeps for itself."),
			rpc.New("exec.approvals.node.set", wire.ScopeAdmin, s.nodeSet).Audited().Fails(wire.NotConnected, wire.NodeTimeout, wire.NotFound, wire.Conflict).
				Doc("Replaces the policy that a node keeps for itself."))
	}
	return rows
}

// IDParams name an approval.
type IDParams struct {
	ID string `json:"id" rpc:"required,min=1,max=100"`
}

// WaitParams name an approval and say how long to wait.
type WaitParams struct {
	IDParams
	// TimeoutMs bounds the waiting; without it the approval's own end does. The answer has no decision then.
	TimeoutMs int64 `json:"timeoutMs,omitempty" rpc:"min=1"`
}

// Decided is how something that was asked stands. Times are in Unix milliseconds.
type Decided struct {
	ID string `json:"id"`
	// Decision is null where nobody has decided: in time, or so far.
	Decision    *Decision `json:"decision" rpc:"enum=allow-once|allow-always|deny"`
	Status      Status    `json:"status" rpc:"enum=pending|approved|denied|expired|cancelled"`
	ResolvedBy  *string   `json:"resolvedBy,omitempty"`
	CreatedAtMs int64     `json:"createdAtMs"`
	ExpiresAtMs int64     `json:"expiresAtMs"`
}

func (r *record) decided() Decided {
	return Decided{ID: r.ID, Decision: said(r.Decision), Status: r.Status, ResolvedBy: some(r.ByName), CreatedAtMs: r.CreatedAt, ExpiresAtMs: r.ExpiresAt}
}

func (s *Service) waitFor(kind Kind) func(context.Context, WaitParams) (Decided, error) {
	return func(ctx context.Context, p WaitParams) (Decided, error) {
		r, err := s.load(ctx, p.ID, kind)
		if err != nil || r.Status != Pending {
			return r.decided(), err
		}
		waiting := ctx
		if p.TimeoutMs > 0 {
			var cancel context.CancelFunc
			waiting, cancel = context.WithTimeout(ctx, time.Duration(min(p.TimeoutMs, maxTimeoutMs))*time.Millisecond)
			defer cancel()
		}
		over, err := s.await(waiting, p.ID)
		if err != nil && ctx.Err() == nil && waiting.Err() != nil {
			return r.decided(), nil
		}
		return over.decided(), err
	}
}

// ResolveParams answer what was asked.
type ResolveParams struct {
	IDParams
	Decision Decision `json:"decision" rpc:"required,enum=allow-once|allow-always|deny"`
	// Reviewer is somebody on a channel whose word a client passes on.
	Reviewer *Reviewer `json:"reviewer,omitempty"`
}

// Reviewer is somebody on a channel.
type Reviewer struct {
	Channel   string `json:"channel" rpc:"required,min=1,max=64"`
	AccountID string `json:"accountId" rpc:"required,max=128"`
	SenderID  string `json:"senderId" rpc:"required,min=1,max=256"`
}

// ResolveResult is that it was said.
type ResolveResult struct {
	OK       bool     `json:"ok"`
	ID       string   `json:"id"`
	Decision Decision `json:"decision"`
	// Applied is false where the same was said before.
	Applied bool `json:"applied"`
}

func (s *Service) resolve(kind Kind) func(context.Context, ResolveParams) (ResolveResult, error) {
	return func(ctx context.Context, p ResolveParams) (ResolveResult, error) {
		_, applied, err := s.decide(ctx, p.ID, kind, p.Decision, resolver(ctx, p.Reviewer))
		return ResolveResult{OK: true, ID: p.ID, Decision: p.Decision, Applied: applied}, err
	}
}

// resolver is who calls, or whose word they pass on.
func resolver(ctx context.Context, r *Reviewer) Resolver {
	if r != nil {
		id := r.Channel + ":" + r.SenderID
		return Resolver{Kind: byChannel, ID: id, Name: id}
	}
	c := rpc.CallerOf(ctx)
	if c == nil {
		return Resolver{Kind: bySystem}
	}
	return Resolver{Kind: byDevice, ID: cmp.Or(c.DeviceID, c.Client.ID), Name: cmp.Or(c.Client.DisplayName, c.Client.ID)}
}

// Details is one approval of a call or a command. Times are in Unix milliseconds.
type Details struct {
	Decided
	CommandText      string      `json:"commandText"`
	AllowedDecisions []Decision  `json:"allowedDecisions" rpc:"enum=allow-once|allow-always|deny"`
	Host             *string     `json:"host"`
	NodeID           *string     `json:"nodeId"`
	AgentID          *string     `json:"agentId"`
	Request          ExecRequest `json:"request"`
	// Pattern is what allow-always remembers, null for nothing.
	Pattern      *string `json:"pattern"`
	ResolvedAtMs *int64  `json:"resolvedAtMs"`
}

func (s *Service) get(ctx context.Context, p IDParams) (Details, error) {
	r, err := s.load(ctx, p.ID, Exec)
	if err != nil {
		return Details{}, err
	}
	d := Details{
		Decided: r.decided(), CommandText: r.Exec.Command, AllowedDecisions: r.Exec.AllowedDecisions, Host: r.Exec.Host, NodeID: r.Exec.NodeID,
		AgentID: r.Exec.AgentID, Request: *r.Exec, Pattern: some(r.Pattern),
	}
	if r.At != 0 {
		d.ResolvedAtMs = &r.At
	}
	return d, nil
}

func (s *Service) listExec(ctx context.Context, _ rpc.None) ([]ExecPending, error) {
	list, err := s.pending(ctx, Exec)
	out := []ExecPending{}
	for r := range slices.Values(list) {
		out = append(out, r.execPending())
	}
	return out, err
}

func (s *Service) listPlugin(ctx context.Context, _ rpc.None) ([]PluginPending, error) {
	list, err := s.pending(ctx, Plugin)
	out := []PluginPending{}
	for r := range slices.Values(list) {
		out = append(out, r.pluginPending())
	}
	return out, err
}

// none are the approvals of a kind that there is not.
func none(context.Context, rpc.None) ([]PluginPending, error) { return []PluginPending{}, nil }
