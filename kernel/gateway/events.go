package gateway

import (
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// The kinds that the gateway itself sends.
var (
	challengeKind = event.Kind[wire.Challenge]{Name: "connect.challenge", Scope: wire.ScopeNone}
	presenceKind  = event.Kind[wire.PresenceChanged]{Name: "presence", Scope: wire.ScopeRead, DropIfSlow: true}
	tickKind      = event.Kind[wire.Tick]{Name: "tick", Scope: wire.ScopeNone, DropIfSlow: true}
	shutdownKind  = event.Kind[wire.Shutdown]{Name: "shutdown", Scope: wire.ScopeNone}
)

// healthEvent is published by whoever makes Snapshot, and has the type of payload that Health has there.
const healthEvent = "health"

// Events lists what the gateway itself sends.
func Events() []event.Row {
	return []event.Row{
		challengeKind.Row(), presenceKind.Row(), tickKind.Row(),
		{Name: healthEvent, Scope: wire.ScopeRead, DropIfSlow: true},
		shutdownKind.Row(),
	}
}
