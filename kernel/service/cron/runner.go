package cron

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

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
	// DeliveryStatus is not-requested, not-delivered, delivered of what a webhook took, or unknown of an answer that is on its
	// way: the events message.delivered and message.failed say what becomes of it.
	DeliveryStatus string `json:"deliveryStatus,omitempty" rpc:"enum=not-requested|not-delivered|delivered|unknown"`
	DeliveryError  string `json:"deliveryError,omitempty"`
	// FailureTold says what became of the notice that the run has failed.
	FailureTold *Told `json:"failureNotificationDelivery,omitempty"`
}

// Told is what became of a notice: unknown of one that is on its way, delivered of one that a webhook took.
type Told struct {
	Status string `json:"status" rpc:"enum=not-delivered|delivered|unknown"`
	Error  string `json:"error,omitempty"`
}

// The states of a delivery.
const (
	NotRequested = "not-requested"
	NotDelivered = "not-delivered"
	Delivered    = "delivered"
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
	// Tools are those that the turn may use, nil all.
	Tools []string
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
	events   Events
	turns    Turns
	alarms   Alarms
	webhooks Webhooks
}

// fire carries out one due time and returns what is kept of it.
func (r runner) fire(ctx context.Context, f schedule.Firing) (schedule.Result, error) {
	d, err := readDetails(f.Job)
	if err != nil {
		return schedule.Result{}, err
	}
	answer, err := r.carryOut(ctx, d, f)
	kept := remembered(f.Job)
	// A firing that is interrupted comes again: it has not failed yet.
	if err != nil && ctx.Err() == nil {
		kept, answer.Outcome.FailureTold = r.alarm(ctx, d, f, err)
	}
	return result(answer, kept), err
}

// carryOut does what the job says, and tells the main session of a turn elsewhere.
func (r runner) carryOut(ctx context.Context, d details, f schedule.Firing) (Answer, error) {
	if d.Kind == systemEvent {
		return Answer{d.Text, Outcome{DeliveryStatus: NotRequested}}, r.tell(ctx, d, d.Text, f.Key)
	}
	answer, err := r.ask(ctx, d.turn(f), d.Extras.Fallbacks)
	if d.Delivery.Mode == byWebhook && ctx.Err() == nil {
		err = r.post(ctx, d, f, &answer, err)
	}
	// A firing that is interrupted comes again: its note would be about the stop, and not about the job.
	if d.Isolation == nil || (err != nil && ctx.Err() != nil) {
		return answer, err
	}
	if note := d.Isolation.note(answer.Text, err); note != "" {
		if failed := r.tell(ctx, d, note, f.Key+":note"); err == nil {
			err = failed
		}
	}
	return answer, err
}

// ask runs a turn, and where its model fails one for each fallback, until one has an answer. A turn that was stopped, or
// whose answer was not delivered, is not asked again.
func (r runner) ask(ctx context.Context, t Turn, fallbacks []string) (answer Answer, err error) {
	key := t.Key
	for i := 0; ; i++ {
		answer, err = r.turns.AgentTurn(ctx, t)
		if err == nil || answer.Text != "" || ctx.Err() != nil || wit.CodeOf(err) == wit.CodeTimeout || i == len(fallbacks) {
			return answer, err
		}
		t.Model, t.Key = fallbacks[i], fmt.Sprintf("%s:fallback%d", key, i+1)
	}
}

// result is what the scheduler keeps of an answer, and for the next run.
func result(a Answer, m memory) schedule.Result {
	res := schedule.Result{Summary: a.Text}
	res.Details, _ = json.Marshal(a.Outcome) // texts and numbers, which cannot fail
	if m != (memory{}) {
		res.Memory, _ = json.Marshal(m)
	}
	return res
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
		BestEffort: d.bestEffort(), Tools: d.Tools,
	}
	if slices.Contains(t.Tools, everyTool) {
		t.Tools = nil
	}
	if key, named := d.session(); named {
		t.SessionKey = key
	}
	return t
}
