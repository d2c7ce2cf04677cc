package agent

import (
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// Deps is what the service uses. Typing may be nil: nobody sees typing then.
type Deps struct {
	Sessions *session.Service
	Models   *Models
	Tools    Tools
	Hooks    *hook.Hooks
	Outbox   message.Outbox
	Observer Observer
	Typing   Typing
	Settings func() Settings
	Log      hclog.Logger
}

// Service executes runs; it implements run.Executor.
type Service struct {
	common
	sessions *session.Service
	tools    Tools
	typing   Typing
	settings func() Settings
	typers   sync.WaitGroup // who show typing; they end with their run's context
}

// common is what a loop and the commands share with the service.
type common struct {
	models   *Models
	hooks    *hook.Hooks
	out      outgoing
	observer Observer
	log      hclog.Logger
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	log := d.Log.Named("agent")
	return &Service{
		common:   common{d.Models, d.Hooks, outgoing{d.Outbox, log}, d.Observer, log},
		sessions: d.Sessions, tools: d.Tools, typing: d.Typing, settings: d.Settings,
	}
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "agent", Run: s.Run, Checks: []func(context.Context) service.Check{s.models.check}}
}

// Run lets work go on beside the runs, until ctx ends. It returns nil when all of that has ended; what
// executes runs must have stopped before.
func (s *Service) Run(ctx context.Context) error {
	s.models.background.run(ctx)
	s.typers.Wait()
	return nil
}

// Execute implements run.Executor.
func (s *Service) Execute(ctx context.Context, a *run.Active) error {
	if a.Run.State == run.Queued && a.Run.Command != "" && !startsFresh(a.Run) {
		return commands{s.common, s.sessions, s.settings}.execute(ctx, a)
	}
	l := s.newLoop(a)
	if err := l.begin(ctx); err != nil {
		return err
	}
	defer l.report.Close()
	if err := a.Run.Refusal(); err != nil {
		return l.end(ctx, answer{}, err)
	}
	ctx, cancel := a.WithTimeout(ctx)
	defer cancel()
	defer s.showTyping(ctx, a.Run)()
	reply, err := l.converse(ctx)
	return l.end(ctx, reply, err)
}

func (s *Service) newLoop(a *run.Active) *loop {
	settings := s.settings()
	return &loop{
		common: s.common, active: a, settings: settings, began: time.Now(),
		calls: &toolCalls{active: a, tools: s.tools, hooks: s.hooks, zone: settings.zone().String(), log: s.log},
	}
}

// Dropped implements run.Executor.
func (s *Service) Dropped(r run.Run) { s.observer.Ended(r) }

// SessionEnded fires the hook session_end for a history that a reset or a deletion has ended.
func (c common) SessionEnded(ctx context.Context, key session.Key) {
	_, _ = hook.SessionEnd.Fire(ctx, c.hooks, wit.HookContext{Agent: key.Agent(), Session: string(key)}, hook.None{})
}

// typingInterval is how often typing is shown again.
const typingInterval = 5 * time.Second

// showTyping shows in the conversation that an answer is on its way, until the returned function is called.
func (s *Service) showTyping(ctx context.Context, r run.Run) (stop func()) {
	if s.typing == nil || r.Reply == nil || r.Reply.Conversation == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	at, to := message.Account{Channel: r.Reply.Channel, ID: r.Reply.Account}, *r.Reply.Conversation
	s.typers.Go(func() {
		for ctx.Err() == nil {
			if err := s.typing.Typing(ctx, at, to); err != nil && ctx.Err() == nil {
				s.log.Debug("typing not shown", "channel", at.Channel, "error", err)
			}
			retry.Sleep(ctx, typingInterval)
		}
	})
	return cancel
}
