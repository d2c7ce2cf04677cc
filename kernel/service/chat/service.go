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
	"github.com/carapace-gateway/carapace/wit"
)

// Media keeps files that clients attach.
type Media interface {
	// Put keeps data and returns its reference.
	Put(ctx context.Context, mime, name string, data []byte) (string, error)
	// Stat describes a file that is kept already, or returns CodeNotFound.
	Stat(ctx context.Context, id string) (wit.MediaInfo, error)
	// FetchURL keeps a file of the web that has at most so many bytes, and one of the types if there are any. It reaches public
	// addresses only, by https.
	FetchURL(ctx context.Context, address string, most int64, types ...string) (id, mimeType string, err error)
}

// Runs queues runs and tells of them. *run.Service is one.
// Its errors are passed on to clients as they are.
type Runs interface {
	Submit(ctx context.Context, q run.Request) (run.Receipt, error)
	Find(ctx context.Context, id string) (run.Run, error)
	Wait(ctx context.Context, id string) (run.Run, error)
	Stop(ctx context.Context, which run.Selection, reason string) ([]string, error)
}

// Compactor shortens conversations for the model. *agent.Service is one.
type Compactor interface {
	Compact(ctx context.Context, c agent.Compaction) (agent.Compacted, error)
}

// Deps is what the service uses. Media may be nil: attachments are refused then. So may Links: nobody is told then where files
// can be loaded.
type Deps struct {
	Store     store.Store
	Bus       *event.Bus
	Sessions  *session.Service
	Runs      Runs
	Models    *agent.Models
	Media     Media
	Links     Links
	Compactor Compactor
	Settings  func() agent.Settings
	// Prices says what a model costs, nil what nobody has said; it may be nil itself.
	Prices func(provider, model string) *ModelCost
	// TakesKey reports whether a provider needs a key and nothing else.
	TakesKey func(provider string) bool
}

// Service answers clients.
type Service struct {
	store     store.Store
	bus       *event.Bus
	sessions  *session.Service
	runs      Runs
	models    *agent.Models
	media     Media
	links     Links
	compactor Compactor
	settings  func() agent.Settings
	prices    func(provider, model string) *ModelCost
	takesKey  func(provider string) bool
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	return &Service{
		store: d.Store, bus: d.Bus, sessions: d.Sessions, runs: d.Runs, models: d.Models, media: d.Media, links: d.Links, compactor: d.Compactor, settings: d.Settings, prices: d.Prices, takesKey: d.TakesKey,
	}
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "chat", Events: Events(), Capabilities: []string{"published-model-catalog"}, Methods: []rpc.Method{
		rpc.New("chat.send", wire.ScopeWrite, s.send).OneOf(SendResult{}, AbortResult{}).Fails(wire.NotFound, wire.TooLarge).Emits("agent", "chat", "session.message", "sessions.changed").
			Doc("Says something in a conversation; events bring the answer."),
		rpc.NewKept("chat.history", wire.ScopeRead, s.history, s.historyBasis).OneOf(History{}, HistoryDelta{}, HistoryReset{}).Doc("Returns a page of a conversation, or what was added since a cursor."),
		rpc.New("chat.message.get", wire.ScopeRead, s.message).Fails(wire.NotFound).
			Doc("Returns one message of a conversation, whole."),
		rpc.New("chat.startup", wire.ScopeRead, s.startup).OneOf(History{}, HistoryDelta{}, HistoryReset{}, StartupMissing{}).Doc("Is chat.history, with what a page needs beside it when it opens."),
		rpc.New("chat.metadata", wire.ScopeRead, s.metadata).Doc("Returns what a conversation offers beside what was said in it."),
		rpc.New("chat.abort", wire.ScopeWrite, s.abort).Emits("agent", "chat").Doc("Stops the runs of a conversation."),
		rpc.New("chat.inject", wire.ScopeAdmin, s.inject).Audited().Fails(wire.NotFound, wire.TooLarge).Emits("chat", "session.message", "sessions.changed").
			Doc("Adds a message to a conversation as if the assistant had said it."),
		rpc.New("sessions.abort", wire.ScopeWrite, s.abortSession).Fails(wire.NotFound).Emits("agent", "chat").
			Doc("Stops the running answer of a conversation."),
		rpc.New("sessions.create", wire.ScopeAdmin, s.createSession).Audited().In4(wire.ScopeWrite).Fails(wire.NotFound, wire.Conflict, wire.TooLarge).Emits("sessions.changed", "agent", "chat").
			Doc("Begins a conversation, with its first message if there is one."),
		rpc.New("sessions.send", wire.ScopeWrite, s.sendTo).Fails(wire.NotFound, wire.TooLarge).Emits("agent", "chat", "session.message", "sessions.changed").
			Doc("Says something in a conversation that there is; events bring the answer."),
		rpc.New("sessions.steer", wire.ScopeWrite, s.steer).Fails(wire.NotFound, wire.TooLarge).Emits("agent", "chat", "session.message", "sessions.changed").
			Doc("Says something to the run that is under way in a conversation: a plain text joins it at its next step. Else it is sessions.send."),
		rpc.New("sessions.compact", wire.ScopeAdmin, s.compact).Audited().Fails(wire.NotFound, wire.Conflict).Emits("sessions.changed").
			Doc("Lets a summary stand for the beginning of a conversation in what the model reads."),
		rpc.NewTwoPhase("agent", wire.ScopeWrite, s.agent).Fails(wire.ForeignErrors()...).Emits("agent", "chat", "session.message", "sessions.changed").
			Doc("Lets the assistant answer a message; answers at once and again when it is done."),
		rpc.New("agent.wait", wire.ScopeWrite, s.wait).Fails(wire.NotFound).Doc("Waits until a run has ended."),
		rpc.New("agent.identity.get", wire.ScopeRead, s.identity).Doc("Returns the name and picture of an agent."),
		rpc.New("agents.list", wire.ScopeRead, s.listAgents).Doc("Lists the agents."),
		rpc.New("commands.list", wire.ScopeRead, s.listCommands).Doc("Lists the texts that the gateway answers itself."),
		rpc.New("models.authStatus", wire.ScopeRead, s.authStatus).Doc("Tells which of the configured providers have what they need."),
		rpc.New("models.list", wire.ScopeRead, s.listModels).Fails(wire.AgentTimeout).
			Doc("Lists the models of the configured providers."),
		rpc.New("models.probe", wire.ScopeAdmin, s.probe).Fails(wire.NotFound, wire.AgentTimeout).
			Doc("Asks a provider's default model something, by each of its keys."),
		rpc.New("models.test", wire.ScopeAdmin, s.testModels).Fails(wire.AgentTimeout).
			Doc("Asks models something, to see whether their keys, they themselves, and tools work."),
	}}
}

// now is the time as clients read it, in Unix milliseconds.
func now() int64 { return time.Now().UnixMilli() }
