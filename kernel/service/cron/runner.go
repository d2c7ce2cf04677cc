package cron

import (
	"context"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/wit"
)

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

// runner carries out what is due. It keeps nothing: a firing that a crash interrupted comes again, with the
// same key, and the ports know what they have done.
type runner struct {
	events Events
	turns  Turns
}

// fire carries out one due time and returns what is kept as its summary.
func (r runner) fire(ctx context.Context, f schedule.Firing) (string, error) {
	var d details
	if err := json.Unmarshal(f.Job.Payload, &d); err != nil {
		return "", wit.Errorf(wit.CodeInternal, "the job's record is damaged: %w", err)
	}
	if d.Kind == systemEvent {
		return d.Text, r.tell(ctx, d, d.Text, f.Key)
	}
	summary, err := r.turns.AgentTurn(ctx, d.turn(f))
	// A firing that is interrupted comes again: its note would be about the stop, and not about the job.
	if d.Isolation == nil || (err != nil && ctx.Err() != nil) {
		return summary, err
	}
	if note := d.Isolation.note(summary, err); note != "" {
		if failed := r.tell(ctx, d, note, f.Key+":note"); err == nil {
			err = failed
		}
	}
	return summary, err
}

// tell puts text before the main session, at once where the job says so.
func (r runner) tell(ctx context.Context, d details, text, key string) error {
	return r.events.SystemEvent(ctx, text, d.WakeMode == "now", d.AgentID, key)
}

// turn is what the agent is asked at a due time. Without a session that the job names, all its turns share
// one of the job's own.
func (d details) turn(f schedule.Firing) Turn {
	t := Turn{
		Key: f.Key, AgentID: d.AgentID, Message: d.Text, Model: d.Model,
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
