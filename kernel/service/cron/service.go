// Package cron is the jobs of clients: reminders and agent turns at their times. It gives kernel/schedule
// the words of protocols 3 and 4 and carries out what is due through two ports, which kernel.go fills.
//
// A job either puts a system event before the main session, or lets an agent answer in a session of the
// job's own (or in one that it names). Both ports get a key that is the same for every call for one due
// time, and must do nothing for a key that they have seen done: a firing that a crash interrupted is
// simply called again.
//
// What a job asks for that this gateway cannot do (webhook delivery, commands, scripts, triggers) is
// refused when it is added, not dropped in silence. Every change of a job is published as Changes, in
// order. A Service has no state of its own and is safe for concurrent use.
package cron

import (
	"context"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// owner is whose jobs these are in the scheduler.
const owner schedule.Owner = "cron"

// Events is where system events go.
type Events interface {
	// SystemEvent puts text before the main session of an agent (empty: the default one): at once with
	// now, else with its next run. The same key twice is one event.
	SystemEvent(ctx context.Context, text string, now bool, agentID, key string) error
}

// Turns lets an agent answer.
type Turns interface {
	// AgentTurn runs a turn to its end and returns the answer's text. The same key twice is one turn.
	AgentTurn(ctx context.Context, t Turn) (summary string, err error)
}

// Turn is what an agent is asked.
type Turn struct {
	JobID, JobName string
	// Key is the idempotency key.
	Key      string
	AgentID  string
	Message  string
	Model    string
	Thinking string
	// TimeoutSeconds is 0 for the agent's own limit.
	TimeoutSeconds float64
	// SessionKey is "cron:<jobId>", or the session that the job names.
	SessionKey string
	// Deliver says that the answer goes to a channel: to To there, or, with Channel "last" or empty, to
	// where the main session was last talked to.
	Deliver                          bool
	Channel, To, AccountID, ThreadID string
	// BestEffort says that a failed delivery does not fail the job.
	BestEffort bool
}

// Deps is what the service needs.
type Deps struct {
	Scheduler *schedule.Scheduler
	Bus       *event.Bus
	// Events may be nil: jobs with system events fail then.
	Events Events
	Turns  Turns
	// StorePath is shown in cron.status.
	StorePath string
	// Parallel is how many jobs run at a time; 0 is the scheduler's choice.
	Parallel int
}

// Service is the cron service.
type Service struct {
	Deps
	instance string
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
}

// Changes is the event cron.
var Changes = event.Kind[Change]{Name: "cron", Scope: wire.ScopeRead}

// New makes the service the handler of its jobs. It must come before the scheduler's Run.
func New(d Deps) *Service {
	s := &Service{Deps: d, instance: instance()}
	d.Scheduler.Handle(owner.Kind(), schedule.Handler{Fire: s.fire, Resumable: true, Parallel: d.Parallel, Changed: s.changed})
	return s
}

func (s *Service) changed(c schedule.Change) {
	out := Change{JobID: c.Job.ID, Action: c.Action}
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
	Changes.Publish(s.Bus, out)
}

func (s *Service) fire(ctx context.Context, f schedule.Firing) (string, error) {
	var d details
	if err := json.Unmarshal(f.Job.Payload, &d); err != nil {
		return "", wit.Errorf(wit.CodeInternal, "the job's record is damaged: %w", err)
	}
	if d.Kind == systemEvent {
		return d.Text, s.tell(ctx, d, d.Text, f.Key)
	}
	summary, err := s.Turns.AgentTurn(ctx, d.turn(f))
	if d.Isolation == nil || (err != nil && ctx.Err() != nil) {
		return summary, err
	}
	if note := d.Isolation.note(summary, err); note != "" {
		if failed := s.tell(ctx, d, note, f.Key+":note"); err == nil {
			err = failed
		}
	}
	return summary, err
}

func (s *Service) tell(ctx context.Context, d details, text, key string) error {
	if s.Events == nil {
		return wit.NewError(wit.CodeUnavailable, "nothing takes system events: use an isolated job")
	}
	return s.Events.SystemEvent(ctx, text, d.WakeMode == "now", d.AgentID, key)
}

func (d details) turn(f schedule.Firing) Turn {
	t := Turn{
		JobID: f.Job.ID, JobName: f.Job.Name, Key: f.Key, AgentID: d.AgentID, Message: d.Text, Model: d.Model,
		Thinking: d.Thinking, TimeoutSeconds: d.Timeout, SessionKey: "cron:" + f.Job.ID,
		Deliver: d.Delivery.wanted(), Channel: d.Delivery.Channel, To: d.Delivery.To,
		AccountID: d.Delivery.AccountID, ThreadID: d.Delivery.ThreadID,
		BestEffort: d.Delivery.BestEffort != nil && *d.Delivery.BestEffort,
	}
	if key, named := d.session(); named {
		t.SessionKey = key
	}
	return t
}

// Service describes the service to the kernel. What is due is run by the scheduler.
func (s *Service) Service() service.Service {
	return service.Service{Name: "cron", Methods: s.Methods(), Events: []event.Row{Changes.Row()}}
}
