// Package cron is the jobs of clients: reminders and agent turns at their times. It gives kernel/schedule
// the words of protocols 3 and 4 and carries out what is due through ports, which services.go fills with a type of
// ports.go.
//
// A job either puts a system event before the main session, or lets an agent answer in a session of the
// job's own (or in one that it names). Both ports get a key that is the same for every call for one due
// time, and must do nothing for a key that they have seen done: a firing that a crash interrupted is
// simply called again.
//
// What a job asks for that this gateway cannot do (commands, scripts, triggers, pacing) is
// refused when it is added, not dropped in silence. Every change of a job is published as Changes, in
// order. Of jobs a Service keeps only what lists are filtered and sorted by, in memory and while such lists are asked for. It is
// safe for concurrent use.
package cron

import (
	"sync"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// MaxJobs is how many jobs clients may have in all.
const MaxJobs = 100_000

// owner is whose jobs these are in the scheduler.
const owner schedule.Owner = "cron"

// Deps is what the service needs.
type Deps struct {
	Scheduler *schedule.Scheduler
	Bus       *event.Bus
	Events    Events
	Turns     Turns
	Alarms    Alarms
	Webhooks  Webhooks
	// Agent returns the id of the agent that is meant, the default one for an empty text; CodeInvalid if there
	// is none of that id.
	Agent func(id string) (string, error)
	// Answers refuses a session key, or an agent's id, of an agent that there is not. Either may be empty.
	Answers func(sessionKey, agent string) error
	// Resolve says whom a name means; nil takes every name for an id.
	Resolve Resolver
	// StorePath is shown in cron.status.
	StorePath string
}

// Service is the cron service: the methods cron.* over the scheduler.
type Service struct {
	scheduler *schedule.Scheduler
	bus       *event.Bus
	agent     func(id string) (string, error)
	answers   func(sessionKey, agent string) error
	resolve   Resolver
	storePath string
	// instance names this process to clients that guard against a restart.
	instance  string
	cards     cards
	declaring sync.Mutex // from the look for a declaration key to the job that has it
}

// Change is what happened to a job. Times are Unix milliseconds.
type Change struct {
	JobID       string          `json:"jobId"`
	Action      schedule.Action `json:"action"`
	RunAtMs     int64           `json:"runAtMs,omitempty"`
	DurationMs  *int64          `json:"durationMs,omitempty"`
	Status      schedule.Status `json:"status,omitempty"`
	Error       string          `json:"error,omitempty"`
	Summary     string          `json:"summary,omitempty"`
	NextRunAtMs int64           `json:"nextRunAtMs,omitempty"`
	// RunID, Job and Outcome are protocol 4's: the job as it is after the change, or was when it was removed.
	RunID string `json:"runId,omitempty"`
	Job   *Job   `json:"job,omitempty"`
	Outcome
}

// Version implements event.Versioned.
func (c Change) Version(protocol int) any {
	if protocol < 4 {
		c.RunID, c.Job, c.Outcome = "", nil, Outcome{}
	}
	return c
}

// Changes is the event cron.
var Changes = event.Kind[Change]{Name: "cron", Scope: wire.ScopeRead}

// New makes the service the handler of its jobs. It must come before the scheduler's Run.
func New(d Deps) *Service {
	s := &Service{scheduler: d.Scheduler, bus: d.Bus, agent: d.Agent, answers: d.Answers, resolve: d.Resolve, storePath: d.StorePath, instance: instance()}
	r := runner{events: d.Events, turns: d.Turns, alarms: d.Alarms, webhooks: d.Webhooks}
	d.Scheduler.Handle(owner.Kind(), schedule.Handler{Fire: r.fire, Resumable: true, Jobs: MaxJobs, Changed: s.changed, Touched: s.cards.touched})
	return s
}

// Service names what cron is to the kernel. It has no Run: the scheduler runs its jobs.
func (s *Service) Service() service.Service {
	return service.Service{Name: "cron", Methods: s.Methods(), Events: []event.Row{Changes.Row()}}
}

// changed publishes what the scheduler tells of a job. A removed one has no times any more, and a running one
// has not yet an end.
func (s *Service) changed(c schedule.Change) {
	job := view(c.Job, 4)
	out := Change{JobID: c.Job.ID, Action: c.Action, Job: &job}
	if c.Run != nil {
		out.RunID, out.Outcome = c.Run.Key, outcome(*c.Run)
	}
	switch {
	case c.Action == schedule.Removed:
	case c.Run == nil:
		out.NextRunAtMs = c.Job.State.NextRunAt
	case c.Action == schedule.Started:
		out.RunAtMs = c.Run.StartedAt
	default:
		out.RunAtMs, out.DurationMs, out.NextRunAtMs = c.Run.StartedAt, &c.Run.Duration, c.Job.State.NextRunAt
		out.Status, out.Error, out.Summary = c.Run.Status, c.Run.Error, c.Run.Summary
	}
	Changes.Publish(s.bus, out)
}
