package agent

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// Deps is what the service uses. Typing, Files and Transcribers may be nil: nobody sees typing then, no file is kept, and
// nothing is transcribed.
type Deps struct {
	Store    store.Store
	Sessions *session.Service
	Models   *Models
	Tools    Tools
	Hooks    *hook.Hooks
	Outbox   message.Outbox
	Observer Observer
	Typing   Typing
	Files    Files
	// Transcribers write down what is said in recordings.
	Transcribers Transcribers
	// Texts stand in prompts; nil has none.
	Texts Texts
	// Approver is asked before each call of a tool; nil approves all.
	Approver Approver
	Settings func() Settings
	Log      hclog.Logger
}

// Service executes runs; it implements run.Executor.
type Service struct {
	common
	store        store.Store
	tools        Tools
	typing       *typist
	transcribers Transcribers
	approver     Approver
	settings     func() Settings
}

// common is what a loop and the commands share with the service.
type common struct {
	models   *Models
	sessions *session.Service
	hooks    *hook.Hooks
	out      outgoing
	observer Observer
	files    Files
	texts    Texts
	log      hclog.Logger
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	log := d.Log.Named("agent")
	if d.Files == nil {
		d.Files = noFiles{}
	}
	if d.Transcribers == nil {
		d.Transcribers = nobody{}
	}
	if d.Texts == nil {
		d.Texts = noTexts{}
	}
	if d.Approver == nil {
		d.Approver = everything{}
	}
	return &Service{
		common: common{d.Models, d.Sessions, d.Hooks, outgoing{d.Outbox, log}, d.Observer, d.Files, d.Texts, log},
		store:  d.Store, tools: d.Tools, typing: &typist{typing: d.Typing, store: d.Store, log: log}, transcribers: d.Transcribers, approver: d.Approver, settings: d.Settings,
	}
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "agent", Run: s.Run, Notices: s.models.notices, Checks: []func(context.Context) service.Check{s.models.check, s.checkTranscriber}}
}

// Run lets work go on beside the runs, until ctx ends. It returns nil when all of that has ended; what
// executes runs must have stopped before.
func (s *Service) Run(ctx context.Context) error {
	s.models.background.run(ctx)
	s.typing.shown.Wait()
	return nil
}

// Execute implements run.Executor.
func (s *Service) Execute(ctx context.Context, a *run.Active) error {
	if a.Run.State == run.Queued && a.Run.Command != "" && !startsFresh(a.Run) {
		return commands{s.common, s.settings, s.Compact}.execute(ctx, a)
	}
	l := s.newLoop(a)
	defer l.release()
	if a.Run.State == run.Queued {
		files := slices.Concat(a.Run.Parts, attachments(s.fetch(ctx, a.Run)))
		l.attached = s.transcribe(ctx, a.Run, files)
		if err := ctx.Err(); err != nil {
			return err // a run that was stopped has ended; if the gateway stops, the next start does all of it
		}
	}
	if err := l.begin(ctx); err != nil {
		return err
	}
	defer l.report.Close()
	if err := cmp.Or(a.Run.Refusal(), l.settings.gone(a.Run.Session.Agent())); err != nil {
		return l.end(ctx, answer{}, err)
	}
	var err error
	if l.standing, err = s.texts.Texts(ctx, a.Run.Session.Agent(), private(a.Run, s.sessions.Settings())); err != nil {
		return err // the store has failed, not the run
	}
	ctx, cancel := a.WithTimeout(ctx)
	defer cancel()
	defer s.typing.show(ctx, a.Run.Reply)()
	reply, err := l.converse(ctx)
	return l.end(ctx, reply, err)
}

func (s *Service) newLoop(a *run.Active) *loop {
	settings := s.settings()
	return &loop{
		common: s.common, active: a, settings: settings, began: time.Now(),
		calls: &toolCalls{active: a, tools: allowed(s.Tools(a.Run.Session.Agent()), a.Run.Tools), hooks: s.hooks, zone: settings.zone().String(), approver: s.approver, log: s.log},
	}
}

// Dropped implements run.Executor.
func (s *Service) Dropped(r run.Run) { s.observer.Ended(r) }

// SessionEnded fires the hook session_end for a history that has ended. It was the history of e.
func (c common) SessionEnded(ctx context.Context, e session.Entry, why wit.SessionEnding) {
	_, _ = hook.SessionEnd.Fire(ctx, c.hooks, wit.HookContext{Agent: e.Key.Agent(), Session: string(e.Key)},
		wit.SessionEnd{SessionID: e.SessionID, Messages: e.Last, Why: why})
}
