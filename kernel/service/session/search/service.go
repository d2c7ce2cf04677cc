// Package search finds what was said, by an index of words that it writes behind the histories.
//
// A message is noted for the index in the transaction that adds it, and indexed seconds later, with those of other sessions, in
// small transactions that a crash may cut between any two: writing a message costs one lookup more, where indexing it at once
// would cost as much as its commit. What is searched for is read up to the present first, as far as that takes little time. What is deleted leaves the
// index with the message.
//
// The index holds the words of the messages. So a store that is sealed has none, and searching says so; what is opened again is
// indexed again.
package search

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Deps is what the service uses.
type Deps struct {
	Store    store.Store
	Bus      *event.Bus
	Sessions *session.Service
	Log      hclog.Logger
}

// Service finds what was said. It is safe for concurrent use.
type Service struct {
	store    store.Store
	bus      *event.Bus
	sessions *session.Service
	log      hclog.Logger
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	return &Service{store: d.Store, bus: d.Bus, sessions: d.Sessions, log: d.Log.Named("search")}
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "search", Run: s.run, Methods: []rpc.Method{
		rpc.New("sessions.search", wire.ScopeRead, s.search).Fails(wire.NotFound).Doc("Looks for words in what was said."),
	}}
}

// settle is how long what is said waits for more, so that one transaction indexes what many turns have left.
const settle = 2 * time.Second

// run indexes what is said until ctx ends.
func (s *Service) run(ctx context.Context) error {
	news := make(chan struct{}, 1)
	cancel := session.Changes.Subscribe(s.bus, func(session.ChangedEvent) {
		select {
		case news <- struct{}{}:
		default: // there is news already
		}
	})
	defer cancel()
	for {
		if err := s.catchUp(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("not all of what was said can be searched: it is tried again with the next message", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-news:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(settle):
		}
	}
}
