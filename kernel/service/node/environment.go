package node

import (
	"cmp"
	"context"
	"runtime"

	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// gatewayID names the gateway's own machine among the environments.
const gatewayID = "gateway"

// EnvironmentsParams select nothing: there are few.
type EnvironmentsParams struct {
	// Those below are accepted and change nothing.
	IncludeDesktopSetup bool   `json:"includeDesktopSetup,omitempty"`
	RuntimeID           string `json:"runtimeId,omitempty" rpc:"min=1,max=128"`
	Projection          string `json:"projection,omitempty" rpc:"enum=profiles|environments"`
}

// Environments are where something can be done: the gateway's machine, and the nodes.
type Environments struct {
	Environments []Environment `json:"environments"`
}

// Environment is a machine. Times are Unix milliseconds.
type Environment struct {
	ID    string `json:"id"`
	Type  string `json:"type" rpc:"enum=local|node"`
	Label string `json:"label,omitempty"`
	// Status is available for a node that is approved and connected.
	Status            string   `json:"status" rpc:"enum=available|unavailable"`
	Platform          string   `json:"platform,omitempty"`
	SessionHost       bool     `json:"sessionHost"`
	Trust             string   `json:"trust" rpc:"enum=persistent"`
	Capabilities      []string `json:"capabilities"`
	InvocableCommands []string `json:"invocableCommands"`
	LastConnectedAtMs int64    `json:"lastConnectedAtMs,omitempty"`
}

// environments lists where something can be done. Sessions live at the gateway alone.
func (s *Service) environments(ctx context.Context, _ EnvironmentsParams) (Environments, error) {
	out := Environments{[]Environment{{
		ID: gatewayID, Type: "local", Label: "Gateway", Status: "available", Platform: runtime.GOOS, SessionHost: true, Trust: "persistent",
		Capabilities: []string{}, InvocableCommands: []string{},
	}}}
	nodes, err := s.list(ctx, rpc.None{})
	for _, n := range nodes.Nodes {
		e := Environment{
			ID: "node:" + n.NodeID, Type: "node", Label: cmp.Or(n.DisplayName, n.NodeID), Status: "unavailable", Platform: n.Platform, Trust: "persistent",
			Capabilities: n.Caps, InvocableCommands: n.Commands, LastConnectedAtMs: max(n.ConnectedAtMs, n.LastConnectedAtMs),
		}
		if n.Connected && n.ApprovalState == stateApproved {
			e.Status = "available"
		}
		out.Environments = append(out.Environments, e)
	}
	return out, err
}
