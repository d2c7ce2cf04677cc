// Package heartbeat wakes agents at an interval, to say what the owner should hear, and gives it what clients and
// webhooks report in between. An agent that has nothing to say is silent.
//
// The beats are jobs of the scheduler's, so that they survive a restart and come once, and each is a durable run in the
// agent's main session. Whether there are any is the owner's setting, which set-heartbeats overrules; that, and how the last
// one went, is in the store. Everything is safe for concurrent use.
package heartbeat

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Defaults of the settings.
const (
	DefaultEvery  = 30 * time.Minute
	DefaultQuiet  = 300
	DefaultPrompt = "This is a heartbeat: nobody has written. Look at what was said and noted in this conversation since you last answered, " +
		"and at what is due. Say what the owner should hear now, if there is anything. If there is nothing, answer only HEARTBEAT_OK."
)

// Settings is what the owner says of an agent's heartbeats.
type Settings struct {
	// Agent is who wakes.
	Agent string
	// Every is 0 where the owner says nothing: they are off then, unless somebody switches them on.
	Every time.Duration
	// Prompt and Quiet have defaults. An answer of HEARTBEAT_OK and at most Quiet characters beside is not delivered.
	Prompt string
	Quiet  int
	// Model answers instead of the session's, if it is not empty.
	Model string
	// Silent says that no answer is delivered. Else it goes to To on Channel, or to where the main session was last spoken to.
	Silent               bool
	Channel, To, Account string
	// Awake reports whether the agent may wake at a time; nil is always.
	Awake func(time.Time) bool
}

// Prompt is what an agent is asked.
type Prompt struct {
	// Key is the idempotency key.
	Key, Agent, Text, Model string
	// Quiet is as in Settings.
	Quiet                int
	Deliver              bool
	Channel, To, Account string
}

// Answer is what came of it.
type Answer struct {
	// Said is what is to be heard; empty for an agent that has nothing to say.
	Said string
	// Channel and To are where it was delivered, empty for nowhere, and Undelivered why not.
	Channel, To string
	Undelivered error
}

// Runs asks agents.
type Runs interface {
	// Ask runs a prompt to its end in the agent's main session. The same key twice is one run.
	Ask(ctx context.Context, p Prompt) (Answer, error)
	// Tell puts a text before a session, or the main one of an agent where that is empty: at once with now, else with its
	// next run. Errors: CodeInvalid for an agent or a session that there is not.
	Tell(ctx context.Context, text string, now bool, agent, session string) error
}

// Presence is the list of who is there.
type Presence interface {
	// Report takes what a client says of itself.
	Report(p wire.Presence)
}

// Status says how a heartbeat went.
type Status string

// The ways in which a heartbeat ends.
const (
	Sent    Status = "sent"     // something is to be heard, and on its way
	Quiet   Status = "ok-token" // there was nothing to say
	Skipped Status = "skipped"  // nobody was asked, or nobody is to hear the answer: see Reason
	Failed  Status = "failed"
)

// Beat is one heartbeat.
type Beat struct {
	// Ts is when it ended, in Unix milliseconds, and DurationMs how long it took.
	Ts     int64  `json:"ts"`
	Status Status `json:"status"`
	// AgentID is who woke.
	AgentID    string `json:"agentId,omitempty"`
	DurationMs int64  `json:"durationMs"`
	// Reason says why it was skipped or has failed.
	Reason string `json:"reason,omitempty"`
	// Preview is the beginning of what was said.
	Preview string `json:"preview,omitempty"`
	Channel string `json:"channel,omitempty"`
	To      string `json:"to,omitempty"`
}

// Kind is the event heartbeat.
var Kind = event.Kind[Beat]{Name: "heartbeat", Scope: wire.ScopeRead}

// kept is what the store has.
type kept struct {
	// Enabled overrules the settings, unless it is nil.
	Enabled *bool `json:"enabled,omitempty"`
	Last    *Beat `json:"last,omitempty"`
	// Of are the last ones of each agent that wakes.
	Of map[string]Beat `json:"of,omitempty"`
}

const (
	table = store.Table[kept]("heartbeat")
	row   = "main"
	owner = schedule.Owner("heartbeat")
)

// Deps is what the service stands on.
type Deps struct {
	Store     store.Store
	Bus       *event.Bus
	Scheduler *schedule.Scheduler
	Runs      Runs
	// Presence may be nil: nobody reports then.
	Presence Presence
	// Settings are asked for each time: those of each agent that may wake, at least of one.
	Settings func() []Settings
	Log      hclog.Logger
}

// Service wakes the agents.
type Service struct {
	Deps
	log     hclog.Logger
	changed retry.Follower
	kept    atomic.Pointer[kept] // as it was read or written last
}

// New makes the service the handler of its jobs. It must come before the scheduler's Run.
func New(d Deps) *Service {
	s := &Service{Deps: d, log: d.Log.Named("heartbeat"), changed: retry.NewFollower()}
	s.kept.Store(&kept{})
	d.Scheduler.Handle(owner.Kind(), schedule.Handler{Fire: s.fire, Resumable: true, Parallel: 1})
	return s
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "heartbeat", Methods: s.methods(), Events: []event.Row{Kind.Row()}, Run: s.Run}
}

// Changed says that the settings may be others.
func (s *Service) Changed() { s.changed.Tell() }

// storeRest is how long planning rests after the store has failed.
const storeRest = time.Second

// Run keeps the scheduler in step with the settings until ctx ends, and returns nil then.
func (s *Service) Run(ctx context.Context) error {
	s.changed.Run(ctx, storeRest, s.plan, func(err error) { s.log.Error("heartbeats not planned", "error", err) })
	return nil
}

// plan makes the scheduler's jobs what the settings say, one for each agent. One whose interval stays the same is due when it was.
func (s *Service) plan(ctx context.Context) error {
	if err := s.Store.View(ctx, func(tx store.Tx) error {
		k, err := read(tx)
		if err == nil {
			s.kept.Store(&k)
		}
		return err
	}); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, set := range s.Plan() {
		if set.Every == 0 {
			continue
		}
		wanted[set.Agent] = true
		if _, err := s.Scheduler.Set(ctx, schedule.Job{
			ID: set.Agent, Owner: owner, Name: "heartbeat", Enabled: true, Spec: schedule.Spec{EveryMs: set.Every.Milliseconds()},
		}); err != nil {
			return err
		}
	}
	jobs, err := s.Scheduler.List(ctx, owner)
	for _, j := range jobs {
		if wanted[j.ID] {
			continue
		}
		if err := s.Scheduler.Remove(ctx, owner, j.ID); err != nil && wit.CodeOf(err) != wit.CodeNotFound {
			return err
		}
	}
	return err
}

// read returns what the store has, also where that is nothing.
func read(tx store.Tx) (kept, error) {
	k, err := table.Get(tx, row)
	if wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err) {
		return kept{}, nil
	}
	return k, err
}

// keep changes what the store has.
func (s *Service) keep(ctx context.Context, change func(*kept)) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		k, err := read(tx)
		if err != nil {
			return err
		}
		change(&k)
		if err := table.Put(tx, row, k); err != nil {
			return err
		}
		s.kept.Store(&k)
		return nil
	})
}

// Plan is the settings with their defaults, and Every 0 for agents that do not wake.
func (s *Service) Plan() []Settings {
	plan := slices.Clone(s.Settings())
	for i := range plan {
		s.complete(&plan[i])
	}
	return plan
}

// complete gives settings their defaults.
func (s *Service) complete(set *Settings) {
	set.Prompt, set.Quiet = cmp.Or(set.Prompt, DefaultPrompt), cmp.Or(set.Quiet, DefaultQuiet)
	switch enabled := s.kept.Load().Enabled; {
	case enabled != nil && !*enabled:
		set.Every = 0
	case enabled != nil:
		set.Every = cmp.Or(set.Every, DefaultEvery)
	}
}

// PlanOf is the plan of one agent; Every is 0 for one that does not wake.
func (s *Service) PlanOf(agent string) Settings {
	for _, set := range s.Settings() {
		if set.Agent == agent {
			s.complete(&set)
			return set
		}
	}
	return Settings{Agent: agent}
}

// Last is how the last heartbeat went, nil where there was none.
func (s *Service) Last() *Beat { return s.kept.Load().Last }

// LastOf is how an agent's last heartbeat went, nil where there was none.
func (s *Service) LastOf(agent string) *Beat {
	k := s.kept.Load()
	if b, ok := k.Of[agent]; ok {
		return &b
	}
	if k.Last != nil && k.Last.AgentID == "" { // by a version in which one agent woke
		return k.Last
	}
	return nil
}
