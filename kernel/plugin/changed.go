package plugin

import (
	"context"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/rpc"
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

// Reported is what a tool says of its progress, for who called it by plugins.call.
type Reported struct {
	ID   string `json:"id"`
	Tool string `json:"tool"`
	// Text takes the place of what was said before.
	Text string `json:"text"`
}

// ReportedKind is published to the connection whose call it is.
var ReportedKind = event.Kind[Reported]{Name: "plugins.progress", Scope: wire.ScopeAdmin, DropIfSlow: true}

// Events lists the kinds that the registry publishes.
func Events() []event.Row { return []event.Row{ChangedKind.Row(), ReportedKind.Row()} }

// announcer tells everybody what a plugin has become, and who called a tool how far it is.
type announcer struct {
	bus      *event.Bus
	log      hclog.Logger
	settings Settings
}

// announce logs and publishes one step. It returns at once, whoever listens.
func (n announcer) announce(id string, a life.Announce) {
	switch {
	case a.Phase == life.Failed && a.Reason != n.settings.Fault(id, ""):
		n.log.Warn("plugin failed", "plugin", id, "version", a.Version, "reason", a.Reason)
	case a.Phase == life.Ready && a.Previous != "":
		n.log.Info("plugin replaced", "plugin", id, "version", a.Version, "before", a.Previous)
	case a.Phase == life.Ready:
		n.log.Info("plugin live", "plugin", id, "version", a.Version)
	case a.Phase == life.Stopped && (a.Reason == life.ReasonRemoved || a.Reason == life.ReasonDisabled):
		n.log.Info("plugin off", "plugin", id, "version", a.Version, "reason", a.Reason)
	default:
		n.log.Debug("plugin changed", "plugin", id, "version", a.Version, "state", string(a.Phase), "reason", a.Reason)
	}
	ChangedKind.Publish(n.bus, Changed{ID: id, Version: a.Version, State: a.Phase, Reason: a.Reason, PreviousVersion: a.Previous})
}

// progress returns what tells a caller how far a tool is, nil where there is nobody to tell: outside of a call by a client.
func (n announcer) progress(ctx context.Context, id, tool string) func(context.Context, string) {
	caller := rpc.CallerOf(ctx)
	if caller == nil {
		return nil
	}
	return func(_ context.Context, text string) {
		ReportedKind.Publish(n.bus, Reported{id, tool, text}, caller.ConnID)
	}
}
