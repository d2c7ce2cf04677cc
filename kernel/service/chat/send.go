package chat

import (
	"context"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// SendParams is what a client says. Fields of protocol 4 for what this gateway does not do (tool
// bindings, provenance, expectations about permissions) are taken without effect.
type SendParams struct {
	// SessionKey is as session.Settings.ParseKey reads it; AgentID holds where it names no agent.
	SessionKey string `json:"sessionKey" rpc:"required,min=1,max=512"`
	AgentID    string `json:"agentId,omitempty" rpc:"min=1"`
	SessionID  string `json:"sessionId,omitempty"`
	Message    string `json:"message" rpc:"required"`
	Thinking   string `json:"thinking,omitempty"`
	// Deliver sends the answer to a channel too: to where the message comes from, or was last spoken to.
	Deliver     bool         `json:"deliver,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
	// TimeoutMs ends the run, in milliseconds: as aborted in protocol 3, as an error in 4. 0 leaves it to the
	// gateway.
	TimeoutMs int64 `json:"timeoutMs,omitempty" rpc:"min=0"`
	// IdempotencyKey is the run's id: the same one twice is one run.
	IdempotencyKey string `json:"idempotencyKey" rpc:"required,min=1"`
	// SuppressCommandInterpretation sends a text command to the model.
	SuppressCommandInterpretation bool `json:"suppressCommandInterpretation,omitempty"`
	// QueueMode says what becomes of the message while another one is answered. With steer a plain text joins that run at its
	// next step, so that the model reads it after the tools that it has called, and before its answer; with interrupt that run is
	// stopped, and those that wait. Otherwise it waits for its turn.
	QueueMode string `json:"queueMode,omitempty" rpc:"enum=steer|followup|collect|interrupt"`

	OriginatingChannel             string          `json:"originatingChannel,omitempty"`
	OriginatingTo                  string          `json:"originatingTo,omitempty"`
	OriginatingAccountID           string          `json:"originatingAccountId,omitempty"`
	OriginatingThreadID            string          `json:"originatingThreadId,omitempty"`
	ReplyToID                      string          `json:"replyToId,omitempty"`
	FastMode                       json.RawMessage `json:"fastMode,omitempty"`
	FastAutoOnSeconds              int64           `json:"fastAutoOnSeconds,omitempty" rpc:"min=1"`
	Intent                         map[string]any  `json:"intent,omitempty"`
	ToolBindings                   map[string]any  `json:"toolBindings,omitempty"`
	SystemInputProvenance          map[string]any  `json:"systemInputProvenance,omitempty"`
	SystemProvenanceReceipt        string          `json:"systemProvenanceReceipt,omitempty"`
	ExpectedLeafEntryID            *string         `json:"expectedLeafEntryId,omitempty"`
	ExpectedSessionRoutingContract string          `json:"expectedSessionRoutingContract,omitempty"`
	ExpectedPermissionMode         *string         `json:"expectedPermissionMode,omitempty"`
	ExpectedToolOverrides          *map[string]any `json:"expectedToolOverrides,omitempty"`
}

// SendResult says what becomes of the message.
type SendResult struct {
	RunID string `json:"runId"`
	// Status is started for a new run, in_flight for one that was sent before, ok or error for one that
	// has ended.
	Status string `json:"status"`
	// Queued is how many runs of the session go before it.
	Queued  int    `json:"queued,omitempty"`
	Summary string `json:"summary,omitempty"`
}

// send queues what a client says and answers a SendResult. The text /stop is no run: it stops those that there
// are, and is answered with an AbortResult.
// The key makes it safe to send again after a lost connection: Status says what became of the first one. The two messages are not compared; only a key that another session has used is an error.
func (s *Service) send(ctx context.Context, p SendParams) (any, error) {
	key, err := s.sessions.Settings().Find(p.SessionKey, p.AgentID)
	if err != nil {
		return nil, err
	}
	r := run.Run{
		ID: p.IdempotencyKey, Session: key, Said: said(p.SessionKey, key), Text: p.Message, Thinking: p.Thinking, Timeout: p.TimeoutMs,
	}
	if err := s.fill(ctx, &r, "chat.send", p.Attachments); err != nil {
		return nil, err
	}
	if !p.SuppressCommandInterpretation {
		r = agent.AsCommand(r)
	}
	if r.Command == "stop" {
		return s.stop(ctx, run.Selection{Session: key, Waiting: true}, "stop")
	}
	return s.submit(ctx, p, r)
}

// makeRoom does what a queue mode asks for: it stops what is answered in the session, unless the run was sent before and may be
// that itself, or marks the run as one that steers.
func (s *Service) makeRoom(ctx context.Context, r *run.Run, mode string) error {
	switch mode {
	case "steer":
		r.Steer = true
	case "interrupt":
		if _, err := s.runs.Find(ctx, r.ID); wit.CodeOf(err) != wit.CodeNotFound {
			return err
		}
		_, err := s.runs.Stop(ctx, run.Selection{Session: r.Session, Waiting: true}, "interrupted")
		return err
	}
	return nil
}

// asker is the client that takes turns with others: its device, or the connection of one that has none.
func asker(ctx context.Context) string {
	c := rpc.CallerOf(ctx)
	switch {
	case c == nil:
		return ""
	case c.DeviceID != "":
		return "device:" + c.DeviceID
	}
	return "connection:" + c.ConnID
}

// said is how a client wrote a session, "" where that is its key.
func said(text string, key session.Key) string {
	if text == string(key) {
		return ""
	}
	return text
}

// submit queues a run that a client asks for.
func (s *Service) submit(ctx context.Context, p SendParams, r run.Run) (SendResult, error) {
	res := SendResult{RunID: r.ID}
	to := session.Destination{
		Wanted: p.Deliver, Channel: p.OriginatingChannel, To: p.OriginatingTo, Account: p.OriginatingAccountID,
		Thread: p.OriginatingThreadID, ReplyTo: p.ReplyToID,
	}
	if err := s.makeRoom(ctx, &r, p.QueueMode); err != nil {
		return res, err
	}
	got, err := s.runs.Submit(ctx, run.Request{Run: r, To: to})
	if err != nil {
		return res, err
	}
	res.Queued = got.Ahead
	switch {
	case !got.Existed:
		res.Status = "started"
	case got.Run.State.Live():
		res.Status = "in_flight"
	case got.Run.State == run.Done:
		res.Status = "ok"
	default:
		res.Status, res.Summary = "error", got.Run.Failure().Error()
	}
	return res, nil
}
