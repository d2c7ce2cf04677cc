// Package audit answers who did what: the runs of the agents, and the calls by which somebody changed the gateway, let a device
// in or was refused.
//
// Calls are kept in a ledger of the store, without what was said in them: which method, what came of it, who called, and the ids
// of what it was about. Done and failed calls are kept for 90 days, 10,000 at most; what was refused has room of its own, so that
// nobody pushes out what was done by trying, and the same refusal again within an hour is counted in one record.
//
// A record is written a moment after the call has ended, together with others, and before the ledger is read; what could not be
// written is logged. Everything is safe for concurrent use.
package audit

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/task"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Deps is what the service stands on.
type Deps struct {
	Store store.Store
	// Runs returns the last runs of the agents.
	Runs func(ctx context.Context, limit int) ([]task.Task, error)
	// Removals returns what was removed of people.
	Removals func(context.Context) ([]Removal, error)
	// Session is a session's key as it is kept, by how a client writes it; with no key, it says whether there is an agent.
	Session func(key, agent string) (string, error)
	// Agent is the agent that is meant where none is named.
	Agent func() string
	// Redact takes the credentials that are known out of a text.
	Redact func(string) string
	Log    hclog.Logger
}

// Service keeps the ledger.
type Service struct {
	Deps
	writing sync.Mutex // held while entries are written
	sizes   map[store.Table[Record]]int

	mu      sync.Mutex
	waiting []*entry
	lost    int
	last    int                 // counts the entries, for their keys
	open    map[repeated]*entry // refusals that are still counted
	stopped bool
	wake    chan struct{}
}

// New returns the service.
func New(d Deps) *Service {
	d.Log = d.Log.Named("audit")
	return &Service{Deps: d, sizes: map[store.Table[Record]]int{}, open: map[repeated]*entry{}, wake: make(chan struct{}, 1)}
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "audit", Run: s.run, Methods: []rpc.Method{
		rpc.New("audit.list", wire.ScopeRead, s.list).
			Doc("Lists what the agents did, and who changed the gateway or was refused, the last first, without what was said."),
	}}
}

// run writes what waits, and returns when ctx has ended and nothing waits any more.
func (s *Service) run(ctx context.Context) error {
	counted := time.NewTicker(writeCounts)
	defer counted.Stop()
	for {
		select {
		case <-s.wake:
		case <-counted.C:
		case <-ctx.Done():
			s.mu.Lock()
			s.stopped = true
			s.mu.Unlock()
			s.flush()
			return nil
		}
		s.flush()
	}
}
