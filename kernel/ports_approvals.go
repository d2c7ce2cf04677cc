package kernel

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/service/approval"
	"github.com/carapace-gateway/carapace/kernel/service/node"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Views of approvals.

// approver is agent's view of approval, which is asked when a call is made.
type approver struct {
	approvals *approval.Service
	main      func() string // the default agent
}

func (a approver) Approve(ctx context.Context, r run.Run, call wit.ToolCall, d wit.ToolDefinition, args wit.JSON, progress func(string)) (string, error) {
	c := approval.Call{
		Run: r.ID, ID: call.ID, Agent: cmp.Or(r.Session.Agent(), a.main()), Session: string(r.Session), Tool: call.Name, Effects: d.Effects, Args: args, For: r.Origin.Sender,
	}
	refused, err := a.approvals.Approve(ctx, c, func(id string) { progress("Waits for approval " + id + ".") })
	// A call that a restart has interrupted comes again; one of a run that was stopped, or of no run, does not.
	if err != nil && (run.StoppedBy(ctx) != nil || r.ID == "" && ctx.Err() != nil) {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawal)
		defer cancel()
		_ = a.approvals.Withdraw(late, c) // it expires otherwise
	}
	return refused, err
}

// nodePolicies are the policies that nodes keep for themselves; nil where there are no nodes.
func (w *wiring) nodePolicies() approval.Nodes {
	if slices.Contains(w.o.Without, "node") {
		return nil
	}
	return nodePolicies{w}
}

type nodePolicies struct{ w *wiring }

func (n nodePolicies) Invoke(ctx context.Context, id, command string, params wit.JSON) (wit.JSON, error) {
	out, err := n.w.nodes.Invoke(ctx, node.InvokeParams{NodeID: id, Command: command, Params: json.RawMessage(params), IdempotencyKey: uuid.NewString()})
	switch {
	case err != nil:
		return nil, err
	case len(out.Payload) > 0:
		return wit.JSON(out.Payload), nil
	case out.PayloadJSON != nil && json.Valid([]byte(*out.PayloadJSON)):
		return wit.JSON(*out.PayloadJSON), nil
	}
	return nil, wit.Errorf(wit.CodeUnavailable, "the node %s has answered %s with nothing that can be read", id, command)
}

// withdrawal is how long it may take to take an approval back.
const withdrawal = 10 * time.Second

// approvers reports whether a client is connected that may approve.
func (w *wiring) approvers() bool {
	return w.door.gateway != nil && w.door.gateway.Allowed(wire.ScopeApprovals)
}

// home is the folder of whoever runs the gateway, "" where there is none.
func home() string {
	dir, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return dir
}
