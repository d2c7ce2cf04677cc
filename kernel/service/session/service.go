package session

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service uses. All fields but KeepBytes are needed.
type Deps struct {
	Store    store.Store
	Bus      *event.Bus
	Queue    Queue
	Settings func() Settings
	Log      hclog.Logger
	// KeepBytes bounds what is kept of histories in memory; 8 MiB when 0.
	KeepBytes int
}

// Service is the sessions as clients see them.
type Service struct {
	store       store.Store
	bus         *event.Bus
	queue       Queue
	settings    func() Settings
	log         hclog.Logger
	skips       *store.Skips
	last        atomic.Pointer[Overview]
	kept        kept
	filterIndex filterIndex
	switched    switched
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	log := d.Log.Named("session")
	return &Service{store: d.Store, bus: d.Bus, queue: d.Queue, settings: d.Settings, log: log, skips: store.NewSkips(log), kept: kept{most: d.KeepBytes}}
}

// Ports is what the methods need of the services above.
type Ports struct {
	Runs   Runs
	Models Models
	// Ended is told that a history of a session has ended. It was the history of entry.
	Ended func(ctx context.Context, entry Entry, why wit.SessionEnding)
}

// Service describes the service to the kernel.
func (s *Service) Service(p Ports) service.Service {
	m := methods{s, p}
	return service.Service{Name: "session", Methods: m.rows(), Events: Events(), Run: s.Run, Checks: []func(context.Context) service.Check{s.check}}
}

// Settings returns how keys are made at present.
func (s *Service) Settings() Settings { return s.settings() }

// ChangedEvent says that a session's entry, queue or history is not what it was.
type ChangedEvent struct {
	SessionKey Key    `json:"sessionKey"`
	AgentID    string `json:"agentId"`
	// Reason is message, run, patch, reset or delete.
	Reason string `json:"reason"`
	// Ts is in Unix milliseconds.
	Ts int64 `json:"ts"`
}

// Changes is the kind sessions.changed: a session's entry, queue or history is not what it was.
var Changes = event.Kind[ChangedEvent]{Name: "sessions.changed", Scope: wire.ScopeRead, DropIfSlow: true}

// Events lists the kinds that this package publishes.
func Events() []event.Row { return []event.Row{Changes.Row()} }

// Changed announces a committed change.
func (s *Service) Changed(key Key, reason string) {
	Changes.Publish(s.bus, ChangedEvent{SessionKey: key, AgentID: key.Agent(), Reason: reason, Ts: time.Now().UnixMilli()})
}

// Run makes the order of the sessions where there is none, frees the histories that a crash left over, and returns nil
// when ctx ends.
func (s *Service) Run(ctx context.Context) error {
	if err := s.Arrange(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("sessions not put in order, so that lists of them are slow", "error", err)
	}
	if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("old histories not freed", "error", err)
	}
	<-ctx.Done()
	return nil
}
