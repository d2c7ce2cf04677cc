package cron

import (
	"context"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/schedule"
)

// Events is where system events go.
type Events interface {
	// SystemEvent puts text before the main session of an agent (empty: the default one): at once with
	// now, else with its next run. The same key twice is one event.
	SystemEvent(ctx context.Context, text string, now bool, agentID, key string) error
}

// Turns lets an agent answer.
type Turns interface {
	// AgentTurn runs a turn to its end and returns what it came to, also beside an error. The same key twice is
	// one turn. An answer that was to be delivered and cannot be is an error, unless the turn says BestEffort.
	AgentTurn(ctx context.Context, t Turn) (Answer, error)
}

// Answer is what a turn came to.
type Answer struct {
	Text    string
	Outcome Outcome
}

// Outcome is how a turn went, beside its status and its answer.
type Outcome struct {
	SessionKey string `json:"sessionKey,omitempty"`
	SessionID  string `json:"sessionId,omitempty"`
	Provider   string `json:"provider,omitempty"`
	Model      string `json:"model,omitempty"`
	Usage      *Usage `json:"usage,omitempty"`
	// DeliveryStatus is not-requested, not-delivered, or unknown of an answer that is on its way: the events
	// message.delivered and message.failed say what becomes of it.
	DeliveryStatus string `json:"deliveryStatus,omitempty" rpc:"enum=not-requested|not-delivered|unknown"`
	DeliveryError  string `json:"deliveryError,omitempty"`
}

// The states of a delivery.
const (
	NotRequested = "not-requested"
	NotDelivered = "not-delivered"
	Unknown      = "unknown"
)

// Usage is the tokens of a turn.
type Usage struct {
	Input      uint64 `json:"input_tokens"`
	Output     uint64 `json:"output_tokens"`
	Total      uint64 `json:"total_tokens"`
	CacheRead  uint64 `json:"cache_read_tokens,omitempty"`
	CacheWrite uint64 `json:"cache_write_tokens,omitempty"`
}

// outcome reads what the runner kept of a run.
func outcome(r schedule.Run) (o Outcome) {
	_ = json.Unmarshal(r.Details, &o) // a run that never began, or is of long ago, has none
	return o
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
	// Deliver says that the answer goes to a channel: to To there, or else to where the main session was last
	// talked to, on Channel unless that is "last" or empty.
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

// fire carries out one due time and returns what is kept of it.
func (r runner) fire(ctx context.Context, f schedule.Firing) (schedule.Result, error) {
	d, err := readDetails(f.Job)
	if err != nil {
		return schedule.Result{}, err
	}
	if d.Kind == systemEvent {
		return result(Answer{d.Text, Outcome{DeliveryStatus: NotRequested}}), r.tell(ctx, d, d.Text, f.Key)
	}
	answer, err := r.turns.AgentTurn(ctx, d.turn(f))
	// A firing that is interrupted comes again: its note would be about the stop, and not about the job.
	if d.Isolation == nil || (err != nil && ctx.Err() != nil) {
		return result(answer), err
	}
	if note := d.Isolation.note(answer.Text, err); note != "" {
		if failed := r.tell(ctx, d, note, f.Key+":note"); err == nil {
			err = failed
		}
	}
	return result(answer), err
}

// result is what the scheduler keeps of an answer.
func result(a Answer) schedule.Result {
	raw, err := json.Marshal(a.Outcome)
	if err != nil {
		raw = nil
	}
	return schedule.Result{Summary: a.Text, Details: raw}
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
