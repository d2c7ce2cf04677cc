// Package roster looks after the agents that there are: clients add, change and delete them, and write the texts that each
// has in its prompt.
//
// The config file says which agents there are, and what becomes of it is what counts: a change that is in the file has
// happened, whatever ends the gateway afterwards. The texts are in the store. What changes both at once is finished, or
// taken back, with the next start. Who was there is kept as well, so that the owner hears of agents that are gone once,
// however they went. Everything is safe for concurrent use.
package roster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Settings is the config file.
type Settings interface {
	Config() *config.Config
	// Edit changes the file and puts it in force; see config.Settings.
	Edit(ctx context.Context, base string, change config.Change) (restart []string, err error)
}

// Deps is what the service stands on.
type Deps struct {
	Store    store.Store
	Bus      *event.Bus
	Settings Settings
	// Outbox tells the owner, in the chat that Owner finds; false where there is none.
	Outbox message.Outbox
	Owner  func(tx store.Tx) (at message.Account, to wit.Conversation, ok bool, err error)
	// Model completes the name of a model. Errors: CodeInvalid for one that cannot be.
	Model func(ctx context.Context, name string) (string, error)
	Log   hclog.Logger
}

// Service changes the agents.
type Service struct {
	Deps
	log     hclog.Logger
	mu      sync.Mutex // one change of agents at a time, in the file and in the store
	changed retry.Follower
	last    atomic.Pointer[kept] // of what runs have asked for
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	return &Service{Deps: d, log: d.Log.Named("roster"), changed: retry.NewFollower()}
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "roster", Methods: s.methods(), Events: []event.Row{Changed.Row()}, Run: s.Run}
}

func (s *Service) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("agents.create", wire.ScopeAdmin, s.create).Audited().Fails(wire.Conflict).Emits("agents.changed").
			Doc("Adds an agent to the config file."),
		rpc.New("agents.update", wire.ScopeAdmin, s.update).Audited().Fails(wire.NotFound).Emits("agents.changed").
			Doc("Changes what the config file says of an agent."),
		rpc.New("agents.delete", wire.ScopeAdmin, s.remove).Audited().Fails(wire.NotFound, wire.Conflict).Emits("agents.changed").
			Doc("Takes an agent out of the config file, with its bindings; what it said stays readable."),
		rpc.New("agents.files.list", wire.ScopeRead, s.listFiles).Fails(wire.NotFound).
			Doc("Lists the texts that an agent has in its prompt, and those that it may have."),
		rpc.New("agents.files.get", wire.ScopeRead, s.getFile).Fails(wire.NotFound).Doc("Returns one of these texts."),
		rpc.New("agents.files.set", wire.ScopeAdmin, s.setFile).Audited().Fails(wire.NotFound, wire.TooLarge).
			Doc("Writes one of these texts; an empty one is taken away."),
	}
}

// Reconfigured says that the settings may be others.
func (s *Service) Reconfigured() { s.changed.Tell() }

// storeRest is how long the service rests after the store has failed.
const storeRest = time.Second

// Run finishes what a crash has left half done, and follows the settings until ctx ends. It returns nil.
func (s *Service) Run(ctx context.Context) error {
	s.changed.Run(ctx, storeRest, s.follow, func(err error) { s.log.Error("agents not looked after", "error", err) })
	return nil
}

// follow is what each change of the settings asks for.
func (s *Service) follow(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.settle(ctx); err != nil {
		return err
	}
	return s.reconcile(ctx)
}
