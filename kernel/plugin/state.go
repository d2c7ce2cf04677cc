package plugin

import (
	"sync"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// State is where a plugin stands in its life.
type State string

const (
	StateInstalled State = "installed" // its manifest is good; its code has not been looked at
	StateVerified  State = "verified"  // its code has what the manifest says
	StateReady     State = "ready"     // it has been compiled
	StateDraining  State = "draining"  // it takes no further calls
	StateStopped   State = "stopped"   // it is off, or gone
	StateFailed    State = "failed"    // it cannot run; the reason says why
)

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

// entry is one plugin id. The registry's loading lock guards what changes it; mu only lets others read.
type entry struct {
	id      string
	current atomic.Pointer[version] // nil while nothing can be called

	mu       sync.Mutex
	state    State
	reason   string
	hint     string
	update   *Update  // a package that does not run in the place of the current one
	previous *version // stopped, kept for Rollback
	// rejected are packages, by fingerprint, that failed; they are not tried again.
	rejected map[string]Update
	building string        // fingerprint of what is being compiled, under loading
	dormant  *wit.Manifest // of a disabled plugin
	version  string        // of what state speaks of
	path     string
}

// Update is a package that was not put in the place of what runs.
type Update struct {
	Version string `json:"version,omitempty"`
	Path    string `json:"path"`
	Reason  string `json:"reason"`
	Hint    string `json:"hint,omitempty"`
	// Lacking are the permissions that plugins.grant would give it.
	Lacking []string `json:"lacking,omitempty"`
}

// set changes an entry's state and announces it, unless it is the same.
func (r *Registry) set(e *entry, s State, version, reason string) {
	if e.become(s, version, reason) {
		r.announce(e.id, s, version, reason)
	}
}

func (e *entry) become(s State, version, reason string) (changed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	changed = e.state != s || e.version != version || e.reason != reason
	e.state, e.version, e.reason, e.hint = s, version, reason, ""
	return changed
}

func (r *Registry) announce(id string, s State, version, reason string, previous ...string) {
	c := Changed{ID: id, Version: version, State: s, Reason: reason}
	if len(previous) > 0 {
		c.PreviousVersion = previous[0]
	}
	if s == StateFailed {
		r.log.Warn("a plugin failed", "plugin", id, "version", version, "reason", reason)
	} else {
		r.log.Debug("a plugin changed", "plugin", id, "version", version, "state", string(s), "reason", reason)
	}
	ChangedKind.Publish(r.deps.Bus, c)
}
