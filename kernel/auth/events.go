package auth

import (
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Events for clients.
var (
	// Requested tells who may approve that a device waits.
	Requested = event.Kind[Request]{Name: "device.pair.requested", Scope: wire.ScopePairing}
	// Resolved tells them that it waits no longer.
	Resolved = event.Kind[Resolution]{Name: "device.pair.resolved", Scope: wire.ScopePairing}
	// Altered tells them that the paired devices are others, or called otherwise.
	Altered = event.Kind[Alteration]{Name: "device.pair.changed", Scope: wire.ScopePairing, DropIfSlow: true}
	// SetupCompleted tells them that a device was let in by a setup code.
	SetupCompleted = event.Kind[SetupCompletion]{Name: "device.pair.setup.completed", Scope: wire.ScopePairing}
	// Revoked is for the gateway, which closes the connections that it concerns. No client sees it.
	Revoked = event.Kind[Revocation]{Name: "device.revoked"}
)

// Resolution is the end of a pairing request: approved, rejected or removed. Ts is Unix milliseconds.
type Resolution struct {
	RequestID string `json:"requestId"`
	DeviceID  string `json:"deviceId"`
	Decision  string `json:"decision" rpc:"enum=approved|rejected|removed"`
	Ts        int64  `json:"ts"`
}

// Alteration names the device that was renamed or removed.
type Alteration struct {
	DeviceID string `json:"deviceId"`
}

// SetupCompletion is the device that was let in by a setup code. Ts is Unix milliseconds.
type SetupCompletion struct {
	SetupID    string `json:"setupId"`
	DeviceID   string `json:"deviceId"`
	DeviceName string `json:"deviceName,omitempty"`
	Access     Access `json:"access" rpc:"enum=full|limited|node"`
	Ts         int64  `json:"ts"`
}

// Revocation names the connections that lost their right: those of a device, in one role or, when Role
// is empty, in any.
type Revocation struct {
	DeviceID string
	Role     wire.Role
}

// Events lists what clients may see.
func Events() []event.Row {
	return []event.Row{Requested.Row(), Resolved.Row(), Altered.Row(), SetupCompleted.Row()}
}
