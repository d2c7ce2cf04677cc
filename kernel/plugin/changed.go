package plugin

import (
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// State is where a plugin stands in its life.
type State = life.Phase

const (
	StateInstalled = life.Installed
	StateVerified  = life.Verified
	StateReady     = life.Ready
	StateDraining  = life.Draining
	StateStopped   = life.Stopped
	StateFailed    = life.Failed
)

// Update is a package that was not put in the place of what runs.
type Update = life.Update

// Changed says that a plugin has a new state.
type Changed struct {
	ID              string `json:"id"`
	Version         string `json:"version,omitempty"`
	State           State  `json:"state"`
	Reason          string `json:"reason,omitempty"`
	PreviousVersion string `json:"previousVersion,omitempty"`
}

// ChangedKind is published at each step of a plugin's life.
var ChangedKind = event.Kind[Changed]{Name: "plugins.changed", Scope: wire.ScopeRead}

// Events lists the kinds that the registry publishes.
func Events() []event.Row { return []event.Row{ChangedKind.Row()} }
