package chat

import (
	"cmp"
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// AgentParams asks for a run and waits for its end. Timeout is in seconds. As in SendParams, what
// this gateway does not do is taken without effect.
type AgentParams struct {
	Message           string       `json:"message" rpc:"required"`
	AgentID           string       `json:"agentId,omitempty" rpc:"min=1"`
	SessionID         string       `json:"sessionId"`
	SessionKey        string       `json:"sessionKey"`
	To                string       `json:"to"`
	ReplyTo           string       `json:"replyTo"`
	Provider          string       `json:"provider"`
	Model             string       `json:"model"`
	Thinking          string       `json:"thinking"`
	Deliver           bool         `json:"deliver"`
	Attachments       []Attachment `json:"attachments"`
	Channel           string       `json:"channel"`
	ReplyChannel      string       `json:"replyChannel"`
	AccountID         string       `json:"accountId"`
	ReplyAccountID    string       `json:"replyAccountId"`
	ThreadID          string       `json:"threadId"`
	Timeout           int64        `json:"timeout" rpc:"min=0,max=2147483648"`
	ExtraSystemPrompt string       `json:"extraSystemPrompt"`
	// IdempotencyKey is the run's id: the same one twice is one run.
	IdempotencyKey string `json:"idempotencyKey" rpc:"required,min=1"`

	// ExpectedExistingSessionID refuses when the session is a new one, or has another history by now.
	ExpectedExistingSessionID string `json:"expectedExistingSessionId,omitempty" rpc:"min=1"`

	GroupID                                string           `json:"groupId"`
	GroupChannel                           string           `json:"groupChannel"`
	GroupSpace                             string           `json:"groupSpace"`
	Lane                                   string           `json:"lane"`
	Label                                  string           `json:"label,omitempty" rpc:"min=1,max=512"`
	SpawnedBy                              string           `json:"spawnedBy"`
	BestEffortDeliver                      bool             `json:"bestEffortDeliver"`
	Cwd                                    string           `json:"cwd"`
	CleanupBundleMcpOnRunEnd               bool             `json:"cleanupBundleMcpOnRunEnd"`
	ModelRun                               bool             `json:"modelRun"`
	PromptMode                             string           `json:"promptMode,omitempty" rpc:"enum=full|minimal|none"`
	BootstrapContextMode                   string           `json:"bootstrapContextMode,omitempty" rpc:"enum=full|lightweight"`
	BootstrapContextRunKind                string           `json:"bootstrapContextRunKind,omitempty" rpc:"enum=default|heartbeat|cron"`
	AcpTurnSource                          string           `json:"acpTurnSource,omitempty" rpc:"enum=manual_spawn"`
	InternalRuntimeHandoffID               string           `json:"internalRuntimeHandoffId"`
	InternalExecutionIdentityRetry         bool             `json:"internalExecutionIdentityRetry"`
	InternalExecutionIdentityRecoveryCount int              `json:"internalExecutionIdentityRecoveryAttempt,omitempty" rpc:"min=1"`
	ExecApprovalFollowupExpectedSessionID  string           `json:"execApprovalFollowupExpectedSessionId"`
	InternalEvents                         []map[string]any `json:"internalEvents"`
	InputProvenance                        map[string]any   `json:"inputProvenance"`
	SuppressPromptPersistence              bool             `json:"suppressPromptPersistence"`
	SessionEffects                         string           `json:"sessionEffects,omitempty" rpc:"enum=visible|internal"`
	SourceReplyDeliveryMode                string           `json:"sourceReplyDeliveryMode,omitempty" rpc:"enum=automatic|message_tool_only"`
	DisableMessageTool                     bool             `json:"disableMessageTool"`
	SwarmCollector                         bool             `json:"swarmCollector"`
	SwarmOutputSchema                      map[string]any   `json:"swarmOutputSchema"`
	ForceRestartSafeTools                  bool             `json:"forceRestartSafeTools"`
	ForceCodeModeTools                     bool             `json:"forceCodeModeTools"`
	VoiceWakeTrigger                       string           `json:"voiceWakeTrigger"`
}

// AgentAccepted is the first answer of agent: the run is queued.
type AgentAccepted struct {
	RunID      string `json:"runId"`
	Status     string `json:"status"`
	AcceptedAt int64  `json:"acceptedAt"`
}

// AgentResult is the second answer of agent: how the run ended. Status is ok, error or timeout.
type AgentResult struct {
	RunID   string      `json:"runId"`
	Status  string      `json:"status"`
	Summary string      `json:"summary"`
	Result  *AgentReply `json:"result,omitempty"`
}

// AgentReply is what was answered.
type AgentReply struct {
	// Payloads has one part, or none if nothing was said.
	Payloads []AgentPayload `json:"payloads"`
	Meta     AgentMeta      `json:"meta"`
}

// AgentPayload is a part of an answer.
type AgentPayload struct {
	Text     string  `json:"text"`
	MediaURL *string `json:"mediaUrl"`
}

// AgentMeta tells how the answer was made.
type AgentMeta struct {
	// DurationMs is from the start of the run to its end; what it waited before is not in it.
	DurationMs int64 `json:"durationMs"`
	Aborted    bool  `json:"aborted,omitempty"`
	AgentMeta  struct {
		SessionID string `json:"sessionId"`
		Provider  string `json:"provider"`
		Model     string `json:"model"`
		Usage     *Usage `json:"usage,omitempty"`
	} `json:"agentMeta"`
}

// agent accepts a run, and answers once more when it has ended. A client that goes away does not
// end it.
// A run that has ended already is answered at once, with the second answer only: the client has sent the same key
// again.
func (s *Service) agent(ctx context.Context, p AgentParams, accept func(AgentAccepted)) (AgentResult, error) {
	key, err := s.agentKey(ctx, p)
	if err == nil {
		err = s.sessions.Settings().Answers(key, p.AgentID)
	}
	if err != nil {
		return AgentResult{}, err
	}
	r := run.Run{ID: p.IdempotencyKey, Session: key, Said: said(cmp.Or(p.SessionKey, string(key)), key), Text: p.Message, Thinking: p.Thinking, System: p.ExtraSystemPrompt, Timeout: p.Timeout * 1000}
	if p.Model != "" {
		r.Model = p.Model
		if p.Provider != "" {
			r.Model = p.Provider + "/" + p.Model
		}
		if r.Model, err = s.models.Check(ctx, r.Model); err != nil {
			return AgentResult{}, err
		}
	}
	if err := s.fill(ctx, &r, "agent", p.Attachments); err != nil {
		return AgentResult{}, err
	}
	got, err := s.runs.Submit(ctx, run.Request{Run: agent.AsCommand(r), To: p.destination(), SessionID: p.SessionID, Expected: p.ExpectedExistingSessionID})
	if err != nil {
		return AgentResult{}, err
	}
	if got.Run.State.Live() {
		accept(AgentAccepted{RunID: got.Run.ID, Status: "accepted", AcceptedAt: now()})
		if got.Run, err = s.runs.Wait(ctx, got.Run.ID); err != nil {
			return AgentResult{}, err
		}
	}
	return final(got.Run)
}

// final is a finished run as agent's second answer; a failed one is an error with the answer's shape in
// its details.
// A run that was stopped counts as a timeout if the clock did it, and as an error otherwise.
func final(r run.Run) (AgentResult, error) {
	out := AgentResult{RunID: r.ID, Status: "ok", Summary: "completed", Result: &AgentReply{Payloads: []AgentPayload{}}}
	if r.Answer != "" {
		out.Result.Payloads = append(out.Result.Payloads, AgentPayload{Text: r.Answer})
	}
	m := &out.Result.Meta
	m.DurationMs = max(r.Ended-r.Started, 0)
	m.AgentMeta.SessionID, m.AgentMeta.Provider, m.AgentMeta.Model = r.SessionID, r.Provider, r.Used
	if r.Usage != (wit.Usage{}) {
		m.AgentMeta.Usage = usage(r.Usage)
	}
	switch r.State {
	case run.Aborted:
		out.Status, out.Summary, m.Aborted = "timeout", "aborted", true
		if r.Stop != run.TimedOut {
			out.Status = "error"
		}
	case run.Failed:
		err := r.Failure()
		return out, rpc.WithDetails(err, AgentResult{RunID: r.ID, Status: "error", Summary: err.Error()})
	}
	return out, nil
}

// agentKey finds the session that is meant: by key, by session id, by the person, the one that the
// connection has switched to, or the main one.
// A session id that nobody has is read as a key, since clients send keys there too.
func (s *Service) agentKey(ctx context.Context, p AgentParams) (key session.Key, err error) {
	settings := s.sessions.Settings()
	switch {
	case p.SessionKey != "":
		return settings.ParseKey(p.SessionKey, p.AgentID)
	case p.SessionID != "":
		err = s.store.View(ctx, func(tx store.Tx) (err error) {
			key, err = session.KeyOf(tx, p.SessionID)
			return err
		})
		if wit.CodeOf(err) == wit.CodeNotFound {
			return settings.ParseKey(p.SessionID, p.AgentID)
		}
		return key, err
	case p.To != "":
		to := message.Origin{Channel: p.Channel, Account: p.AccountID, Conversation: &wit.Conversation{Kind: wit.ConversationKindDirect, ID: p.To}}
		return settings.Direct(cmp.Or(p.AgentID, settings.Bound(to, "")), to.At(), p.To), nil
	}
	if key := s.sessions.Current(ctx, p.AgentID); key != "" {
		return key, nil
	}
	return settings.Main(p.AgentID), nil
}

// destination is where the answer goes: what names the reply wins over what names the sender.
func (p AgentParams) destination() session.Destination {
	return session.Destination{
		Wanted: p.Deliver, Required: !p.BestEffortDeliver, Channel: cmp.Or(p.ReplyChannel, p.Channel), To: cmp.Or(p.ReplyTo, p.To),
		Account: cmp.Or(p.ReplyAccountID, p.AccountID), Thread: p.ThreadID,
	}
}

// WaitParams names a run and says how long to wait for its end, in milliseconds: 30 seconds when null, at most
// a day.
type WaitParams struct {
	RunID     string `json:"runId" rpc:"required,min=1"`
	TimeoutMs *int64 `json:"timeoutMs" rpc:"min=0"`
}

// WaitResult says how the run stands.
type WaitResult struct {
	RunID string `json:"runId"`
	// Status is ok, error, or timeout while the run has not ended.
	Status    string `json:"status"`
	StartedAt int64  `json:"startedAt,omitempty"`
	EndedAt   int64  `json:"endedAt,omitempty"`
	Error     string `json:"error,omitempty"`
}

const defaultWait = 30 * time.Second

// wait waits for the end of a run, which need not exist yet.
// A run that does not end in time is a result and no error: clients ask again. One that goes away ends its wait
// alone.
func (s *Service) wait(ctx context.Context, p WaitParams) (WaitResult, error) {
	res := WaitResult{RunID: p.RunID, Status: "timeout"}
	wait := defaultWait
	if p.TimeoutMs != nil {
		wait = time.Duration(min(*p.TimeoutMs, 24*3600*1000)) * time.Millisecond
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	r, err := s.runs.Wait(waiting, p.RunID)
	switch {
	case wit.CodeOf(err) == wit.CodeTimeout && ctx.Err() == nil:
		return res, nil
	case err != nil:
		return res, err
	}
	res.StartedAt, res.EndedAt, res.Status = r.Started, r.Ended, "ok"
	if err := r.Failure(); err != nil {
		res.Status, res.Error = "error", err.Error()
	}
	return res, nil
}
