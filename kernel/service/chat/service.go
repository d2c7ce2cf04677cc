package chat

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Media keeps files that clients attach.
type Media interface {
	// Put keeps data and returns its reference.
	Put(ctx context.Context, mime, name string, data []byte) (string, error)
}

// Runs queues runs and tells of them. *run.Service is one.
type Runs interface {
	Submit(ctx context.Context, q run.Request) (run.Receipt, error)
	Find(ctx context.Context, id string) (run.Run, error)
	Wait(ctx context.Context, id string) (run.Run, error)
	Stop(ctx context.Context, which run.Selection, reason string) ([]string, error)
}

// Deps is what the service uses. Media may be nil: pictures are refused then.
type Deps struct {
	Store    store.Store
	Bus      *event.Bus
	Sessions *session.Service
	Runs     Runs
	Models   *agent.Models
	Media    Media
	Settings func() agent.Settings
}

// Service answers clients.
type Service struct {
	store    store.Store
	bus      *event.Bus
	sessions *session.Service
	runs     Runs
	models   *agent.Models
	media    Media
	settings func() agent.Settings
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	return &Service{
		store: d.Store, bus: d.Bus, sessions: d.Sessions, runs: d.Runs, models: d.Models, media: d.Media, settings: d.Settings,
	}
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	lists := lists{s.models, s.sessions, s.settings}
	return service.Service{Name: "chat", Events: Events(), Methods: []rpc.Method{
		rpc.New("chat.send", wire.ScopeWrite, s.send),
		rpc.New("chat.history", wire.ScopeRead, s.history),
		rpc.New("chat.abort", wire.ScopeWrite, s.abort),
		rpc.New("chat.inject", wire.ScopeAdmin, s.inject),
		rpc.New("sessions.abort", wire.ScopeWrite, s.abortSession),
		rpc.NewTwoPhase("agent", wire.ScopeWrite, s.agent),
		rpc.New("agent.wait", wire.ScopeWrite, s.wait),
		rpc.New("agent.identity.get", wire.ScopeRead, lists.identity),
		rpc.New("agents.list", wire.ScopeRead, lists.agents),
		rpc.New("models.list", wire.ScopeRead, lists.listModels),
	}}
}

// now is the time as clients read it, in Unix milliseconds.
func now() int64 { return time.Now().UnixMilli() }
