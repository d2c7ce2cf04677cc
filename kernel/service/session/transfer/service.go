// Package transfer carries conversations out of the gateway and into it, as JSON lines and message by message.
package transfer

import (
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Deps is what the service uses.
type Deps struct {
	Store    store.Store
	Sessions *session.Service
}

// Service carries conversations. It is safe for concurrent use.
type Service struct {
	store    store.Store
	sessions *session.Service
}

// New returns the service; it starts nothing.
func New(d Deps) *Service { return &Service{store: d.Store, sessions: d.Sessions} }

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "transfer", Methods: []rpc.Method{
		rpc.New("sessions.export", wire.ScopeRead, s.export).Fails(wire.NotFound).
			Doc("Returns a history as JSON lines, page by page."),
		rpc.New("sessions.import", wire.ScopeAdmin, s.importHistory).Audited().Fails(wire.Conflict, wire.TooLarge).Emits("sessions.changed").
			Doc("Takes a piece of a history that another gateway has kept."),
	}}
}
