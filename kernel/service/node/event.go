package node

import (
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Events for clients.
var (
	// Requested tells who may approve that a node waits for it.
	Requested = event.Kind[Request]{Name: "node.pair.requested", Scope: wire.ScopePairing, DropIfSlow: true}
	// Resolved tells them that it waits no longer, and resolvedNode the node.
	Resolved     = event.Kind[Resolution]{Name: "node.pair.resolved", Scope: wire.ScopePairing, DropIfSlow: true}
	resolvedNode = event.Kind[Resolution]{Name: "node.pair.resolved", Scope: wire.ScopeNode}
	// Presence says that a node is there, or is no more.
	Presence = event.Kind[PresenceChange]{Name: "node.presence", Scope: wire.ScopeRead, DropIfSlow: true}
	// Told is what a node has to say.
	Told = event.Kind[Saying]{Name: "node.event", Scope: wire.ScopeRead, DropIfSlow: true}
	// Invoked asks a node, on the connection that it came by, to do something, and Cancelled says that nobody waits for
	// that any more.
	Invoked   = event.Kind[InvokeRequest]{Name: "node.invoke.request", Scope: wire.ScopeNode}
	Cancelled = event.Kind[InvokeCancel]{Name: "node.invoke.cancel", Scope: wire.ScopeNode}
)

// Events lists what clients may see.
func Events() []event.Row {
	return []event.Row{Requested.Row(), Resolved.Row(), Presence.Row(), Told.Row(), Invoked.Row(), Cancelled.Row()}
}

// Resolution is the end of a request, or of a node's pairing: approved, rejected or removed. Ts is Unix milliseconds.
type Resolution struct {
	RequestID string `json:"requestId"`
	NodeID    string `json:"nodeId"`
	Decision  string `json:"decision" rpc:"enum=approved|rejected|removed"`
	Ts        int64  `json:"ts"`
}

// PresenceChange is a node that has come or gone. Ts is Unix milliseconds.
type PresenceChange struct {
	NodeID    string `json:"nodeId"`
	Connected bool   `json:"connected"`
	Ts        int64  `json:"ts"`
}

// Saying is an event of a node's. Ts is Unix milliseconds.
type Saying struct {
	NodeID  string `json:"nodeId"`
	Event   string `json:"event"`
	Payload any    `json:"payload,omitempty"`
	Ts      int64  `json:"ts"`
}

// InvokeRequest asks a node to carry out a command.
type InvokeRequest struct {
	// ID is what node.invoke.result names.
	ID      string `json:"id"`
	NodeID  string `json:"nodeId"`
	Command string `json:"command"`
	// ParamsJSON is the parameters as JSON; absent where there are none.
	ParamsJSON *string `json:"paramsJSON,omitempty"`
	// TimeoutMs is how long the answer is waited for, in milliseconds.
	TimeoutMs      int64  `json:"timeoutMs,omitempty"`
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
}

// InvokeCancel takes an InvokeRequest back.
type InvokeCancel struct {
	InvokeID string `json:"invokeId"`
	NodeID   string `json:"nodeId"`
}
