package session

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// PatchManyParams make the same change of several sessions.
type PatchManyParams struct {
	Targets []PatchTarget `json:"targets" rpc:"required,min=1,max=100"`
	Patch   Change        `json:"patch" rpc:"required"`
}

// PatchTarget names one of them. One that there is not is not made.
type PatchTarget struct {
	Key     string `json:"key" rpc:"required,min=1"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// ExpectedSessionID refuses when the session has another history by now.
	ExpectedSessionID string `json:"expectedSessionId,omitempty" rpc:"min=1"`
	// ExpectedLifecycleRevision is accepted and not compared.
	ExpectedLifecycleRevision string `json:"expectedLifecycleRevision,omitempty"`
}

// PatchManyResult says what became of each target, in their order.
type PatchManyResult struct {
	Outcomes []PatchOutcome `json:"outcomes"`
}

// PatchOutcome is what became of one target.
type PatchOutcome struct {
	OK      bool   `json:"ok"`
	Key     string `json:"key"`
	AgentID string `json:"agentId,omitempty"`
	// Error says why it was not changed.
	Error *wire.Error `json:"error,omitempty"`
}

// patchMany makes the change of each target in a transaction of its own: those that cannot be changed do not keep the others
// from it.
func (m methods) patchMany(ctx context.Context, p PatchManyParams) (PatchManyResult, error) {
	if !p.Patch.archivesOnly() {
		if err := rpc.Require(ctx, wire.ScopeAdmin, "sessions.patchMany"); err != nil {
			return PatchManyResult{}, err
		}
	}
	var err error
	if p.Patch.Model, err = m.model(ctx, p.Patch.Model); err != nil {
		return PatchManyResult{}, err
	}
	if err := p.Patch.apply(&Choices{}); err != nil {
		return PatchManyResult{}, err
	}
	keys := make([]Key, len(p.Targets))
	for i, t := range p.Targets {
		if keys[i], err = m.sessions.Settings().Find(t.Key, t.AgentID); err != nil {
			return PatchManyResult{}, err
		}
	}
	protocol := wire.MaxProtocol
	if c := rpc.CallerOf(ctx); c != nil {
		protocol = c.Protocol
	}
	res := PatchManyResult{Outcomes: make([]PatchOutcome, 0, len(p.Targets))}
	for i, t := range p.Targets {
		o := PatchOutcome{OK: true, Key: t.Key, AgentID: t.AgentID}
		change := PatchParams{ExpectedSessionID: t.ExpectedSessionID, Change: p.Patch}
		if err := m.change(ctx, keys[i], change, m.sessions.Lookup); err != nil {
			if wit.CodeOf(err) == wit.CodeInternal || ctx.Err() != nil {
				return res, err
			}
			o.OK, o.Error = false, wire.NewError(err, nil, protocol)
		}
		res.Outcomes = append(res.Outcomes, o)
	}
	return res, nil
}
