package chat

import (
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// AgentEvent is the payload of agent: what a run does, step by step. Seq counts from 1 within the run.
type AgentEvent struct {
	RunID      string         `json:"runId"`
	Stream     string         `json:"stream"`
	Data       map[string]any `json:"data"`
	SessionKey session.Key    `json:"sessionKey"`
	AgentID    string         `json:"agentId"`
	Seq        int64          `json:"seq"`
	Ts         int64          `json:"ts"`

	said string
}

// Version implements event.Versioned.
func (e AgentEvent) Version(protocol int) any {
	if protocol < 4 {
		e.SessionKey = asSaid(e.SessionKey, e.said)
	}
	return e
}

// asSaid is a session as the client that began the run wrote it. Clients of protocol 3 compare it with what they
// wrote, and hear nothing of a run whose session has another name; those of 4 want the key.
func asSaid(key session.Key, said string) session.Key {
	if said == "" {
		return key
	}
	return session.Key(said)
}

// Event is the payload of chat: what a conversation's reader sees of a run. Seq is the run's at
// that moment: it grows and skips.
type Event struct {
	RunID      string      `json:"runId"`
	SessionKey session.Key `json:"sessionKey"`
	AgentID    string      `json:"agentId"`
	Seq        int64       `json:"seq"`
	// State is delta, final, aborted or error.
	State   string   `json:"state"`
	Message *Message `json:"message,omitempty"`
	// DeltaText is set on deltas: what is new, or with Replace the whole text.
	DeltaText    *string      `json:"deltaText,omitempty"`
	Replace      bool         `json:"replace,omitempty"`
	ErrorMessage string       `json:"errorMessage,omitempty"`
	ErrorKind    string       `json:"errorKind,omitempty"`
	ErrorDetail  *ErrorDetail `json:"errorDetail,omitempty"`
	StopReason   string       `json:"stopReason,omitempty"`
	Usage        *Usage       `json:"usage,omitempty"`

	said string
}

// Version implements event.Versioned. A run that took too long is one of those that were stopped in protocol 3,
// and an error in 4.
func (e Event) Version(protocol int) any {
	if protocol < 4 {
		e.SessionKey = asSaid(e.SessionKey, e.said)
		return e
	}
	if e.State == "aborted" && e.StopReason == run.TimedOut {
		e.State, e.ErrorKind, e.ErrorMessage = "error", "timeout", "the run took longer than its timeout"
	}
	return e
}

// MessageEvent is the payload of session.message: a message that a history has now. It is told while the run
// goes on, which tells a client what it shows already from what is new.
type MessageEvent struct {
	SessionKey session.Key `json:"sessionKey"`
	AgentID    string      `json:"agentId"`
	Message    Message     `json:"message"`
	MessageID  string      `json:"messageId"`
	MessageSeq uint64      `json:"messageSeq"`
	RunID      string      `json:"runId,omitempty"`
}

// publishMessage tells of a message that was appended to the history of this id.
func publishMessage(bus *event.Bus, links Links, key session.Key, sessionID string, m session.Message) {
	said := shown(links, sessionID, m, 0)
	Messages.Publish(bus, MessageEvent{
		SessionKey: key, AgentID: key.Agent(), Message: said, MessageID: said.ID, MessageSeq: m.Number, RunID: m.Run,
	})
}

// ErrorDetail says who failed.
type ErrorDetail struct {
	Provider string `json:"provider,omitempty"`
	Model    string `json:"model,omitempty"`
}

// Usage is tokens as clients count them.
type Usage struct {
	Input       uint64 `json:"input"`
	Output      uint64 `json:"output"`
	CacheRead   uint64 `json:"cacheRead"`
	CacheWrite  uint64 `json:"cacheWrite"`
	TotalTokens uint64 `json:"totalTokens"`
}

// The kinds of events. Deltas bear the same names, but may be dropped on the way to a client that lags:
// each one holds the text so far, and what comes last all of it.
var (
	// Agents are what runs do: lifecycle, tool, item, usage and run_status; AgentDeltas the streams assistant and
	// thinking, and how far a tool is.
	Agents      = event.Kind[AgentEvent]{Name: "agent", Scope: wire.ScopeRead}
	AgentDeltas = event.Kind[AgentEvent]{Name: "agent", Scope: wire.ScopeRead, DropIfSlow: true}
	// Chats are the ends of runs as a conversation sees them; Deltas what comes before.
	Chats  = event.Kind[Event]{Name: "chat", Scope: wire.ScopeRead}
	Deltas = event.Kind[Event]{Name: "chat", Scope: wire.ScopeRead, DropIfSlow: true}
	// Messages are what histories have now.
	Messages = event.Kind[MessageEvent]{Name: "session.message", Scope: wire.ScopeRead, DropIfSlow: true}
)

// Events lists the kinds that this package publishes.
func Events() []event.Row { return []event.Row{Agents.Row(), Chats.Row(), Messages.Row()} }
