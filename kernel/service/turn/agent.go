package turn

import (
	"context"
	"encoding/json"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// AgentParams asks for a turn and waits for its end. Timeout is in seconds. As in ChatSendParams, what
// this gateway does not do is taken without effect.
type AgentParams struct {
	Message           string       `json:"message"`
	AgentID           string       `json:"agentId"`
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
	Timeout           int64        `json:"timeout"`
	ExtraSystemPrompt string       `json:"extraSystemPrompt"`
	IdempotencyKey    string       `json:"idempotencyKey"`

	GroupID                                string          `json:"groupId"`
	GroupChannel                           string          `json:"groupChannel"`
	GroupSpace                             string          `json:"groupSpace"`
	Lane                                   string          `json:"lane"`
	Label                                  string          `json:"label"`
	SpawnedBy                              string          `json:"spawnedBy"`
	ExpectedExistingSessionID              string          `json:"expectedExistingSessionId"`
	BestEffortDeliver                      bool            `json:"bestEffortDeliver"`
	Cwd                                    string          `json:"cwd"`
	CleanupBundleMcpOnRunEnd               bool            `json:"cleanupBundleMcpOnRunEnd"`
	ModelRun                               bool            `json:"modelRun"`
	PromptMode                             string          `json:"promptMode"`
	BootstrapContextMode                   string          `json:"bootstrapContextMode"`
	BootstrapContextRunKind                string          `json:"bootstrapContextRunKind"`
	AcpTurnSource                          string          `json:"acpTurnSource"`
	InternalRuntimeHandoffID               string          `json:"internalRuntimeHandoffId"`
	InternalExecutionIdentityRetry         bool            `json:"internalExecutionIdentityRetry"`
	InternalExecutionIdentityRecoveryCount int             `json:"internalExecutionIdentityRecoveryAttempt"`
	ExecApprovalFollowupExpectedSessionID  string          `json:"execApprovalFollowupExpectedSessionId"`
	InternalEvents                         json.RawMessage `json:"internalEvents"`
	InputProvenance                        json.RawMessage `json:"inputProvenance"`
	SuppressPromptPersistence              bool            `json:"suppressPromptPersistence"`
	SessionEffects                         string          `json:"sessionEffects"`
	SourceReplyDeliveryMode                string          `json:"sourceReplyDeliveryMode"`
	DisableMessageTool                     bool            `json:"disableMessageTool"`
	SwarmCollector                         bool            `json:"swarmCollector"`
	SwarmOutputSchema                      json.RawMessage `json:"swarmOutputSchema"`
	ForceRestartSafeTools                  bool            `json:"forceRestartSafeTools"`
	ForceCodeModeTools                     bool            `json:"forceCodeModeTools"`
	VoiceWakeTrigger                       string          `json:"voiceWakeTrigger"`
}

type agentAccepted struct {
	RunID      string `json:"runId"`
	Status     string `json:"status"`
	AcceptedAt int64  `json:"acceptedAt"`
}

type agentFinal struct {
	RunID   string       `json:"runId"`
	Status  string       `json:"status"`
	Summary string       `json:"summary"`
	Result  *agentResult `json:"result,omitempty"`
}

type agentResult struct {
	Payloads []agentPayload `json:"payloads"`
	Meta     agentMeta      `json:"meta"`
}

type agentPayload struct {
	Text     string  `json:"text"`
	MediaURL *string `json:"mediaUrl"`
}

type agentMeta struct {
	DurationMs int64 `json:"durationMs"`
	Aborted    bool  `json:"aborted,omitempty"`
	AgentMeta  struct {
		SessionID string `json:"sessionId"`
		Provider  string `json:"provider"`
		Model     string `json:"model"`
		Usage     *Usage `json:"usage,omitempty"`
	} `json:"agentMeta"`
}

// agentRun accepts a turn, and answers once more when it has ended. A client that goes away does not
// end it.
func (s *Service) agentRun(ctx context.Context, p AgentParams, accept func(any)) (agentFinal, error) {
	if p.IdempotencyKey == "" {
		return agentFinal{}, wit.NewError(wit.CodeInvalid, "invalid agent params: must have required property 'idempotencyKey'")
	}
	if p.Timeout < 0 || p.Timeout > 1<<31 {
		return agentFinal{}, wit.NewError(wit.CodeInvalid, "invalid agent params: timeout is a number of seconds")
	}
	key, err := s.agentKey(ctx, p)
	if err != nil {
		return agentFinal{}, err
	}
	r := session.Run{ID: p.IdempotencyKey, Session: key, Text: p.Message, Thinking: p.Thinking, System: p.ExtraSystemPrompt, Timeout: p.Timeout * 1000}
	if p.Model != "" {
		r.Model = p.Model
		if p.Provider != "" {
			r.Model = p.Provider + "/" + p.Model
		}
		if r.Model, err = s.CheckModel(ctx, r.Model); err != nil {
			return agentFinal{}, err
		}
	}
	if err := s.fill(ctx, &r, "agent", p.Attachments); err != nil {
		return agentFinal{}, err
	}
	run, _, _, err := s.submit(ctx, asCommand(r), p.route(), p.SessionID)
	if err != nil {
		return agentFinal{}, err
	}
	if run.State.Live() {
		accept(agentAccepted{RunID: run.ID, Status: "accepted", AcceptedAt: time.Now().UnixMilli()})
		if run, err = s.Wait(ctx, run.ID); err != nil {
			return agentFinal{}, err
		}
	}
	return final(run)
}

// final is a finished run as agent's second answer; a failed one is an error with the answer's shape in
// its details.
func final(r session.Run) (agentFinal, error) {
	out := agentFinal{RunID: r.ID, Status: "ok", Summary: "completed", Result: &agentResult{Payloads: []agentPayload{}}}
	if r.Answer != "" {
		out.Result.Payloads = append(out.Result.Payloads, agentPayload{Text: r.Answer})
	}
	m := &out.Result.Meta
	m.DurationMs = max(r.Ended-r.Started, 0)
	m.AgentMeta.SessionID, m.AgentMeta.Provider, m.AgentMeta.Model = r.SessionID, r.Provider, r.Used
	if r.Usage != (wit.Usage{}) {
		m.AgentMeta.Usage = usage(r.Usage)
	}
	switch r.State {
	case session.RunAborted:
		out.Status, out.Summary, m.Aborted = "timeout", "aborted", true
		if r.Stop != "timeout" {
			out.Status = "error"
		}
	case session.RunFailed:
		err := failed(r)
		return out, rpc.WithDetails(err, agentFinal{RunID: r.ID, Status: "error", Summary: err.Error()})
	}
	return out, nil
}

// agentKey finds the session that is meant: by key, by session id, by the person, or the main one.
func (s *Service) agentKey(ctx context.Context, p AgentParams) (key session.Key, err error) {
	settings := s.Sessions.Settings()
	switch {
	case p.SessionKey != "":
		return settings.ParseKey(p.SessionKey, p.AgentID)
	case p.SessionID != "":
		err = s.Store.View(ctx, func(tx store.Tx) (err error) {
			key, err = session.KeyOf(tx, p.SessionID)
			return err
		})
		if wit.CodeOf(err) == wit.CodeNotFound {
			return settings.ParseKey(p.SessionID, p.AgentID)
		}
		return key, err
	case p.To != "":
		return settings.Direct(p.AgentID, p.Channel, p.To), nil
	}
	return settings.Main(p.AgentID), nil
}

func (p AgentParams) route() route {
	r := route{last: p.Deliver, channel: p.ReplyChannel, to: p.ReplyTo, account: p.ReplyAccountID, thread: p.ThreadID}
	if r.channel == "" {
		r.channel = p.Channel
	}
	if r.to == "" {
		r.to = p.To
	}
	if r.account == "" {
		r.account = p.AccountID
	}
	return r
}

type agentWaitParams struct {
	RunID     string `json:"runId"`
	TimeoutMs *int64 `json:"timeoutMs"`
}

type agentWaitResult struct {
	RunID string `json:"runId"`
	// Status is ok, error, or timeout while the run has not ended.
	Status    string `json:"status"`
	StartedAt int64  `json:"startedAt,omitempty"`
	EndedAt   int64  `json:"endedAt,omitempty"`
	Error     string `json:"error,omitempty"`
}

const defaultWait = 30 * time.Second

func (s *Service) agentWait(ctx context.Context, p agentWaitParams) (agentWaitResult, error) {
	res := agentWaitResult{RunID: p.RunID, Status: "timeout"}
	if p.RunID == "" {
		return res, wit.NewError(wit.CodeInvalid, "invalid agent.wait params: must have required property 'runId'")
	}
	wait := defaultWait
	if p.TimeoutMs != nil {
		if *p.TimeoutMs < 0 {
			return res, wit.NewError(wit.CodeInvalid, "invalid agent.wait params: timeoutMs is not negative")
		}
		wait = time.Duration(min(*p.TimeoutMs, 24*3600*1000)) * time.Millisecond
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	r, err := s.Wait(waiting, p.RunID)
	switch {
	case wit.CodeOf(err) == wit.CodeTimeout && ctx.Err() == nil:
		return res, nil
	case err != nil:
		return res, err
	}
	res.StartedAt, res.EndedAt, res.Status = r.Started, r.Ended, "ok"
	if err := failed(r); err != nil {
		res.Status, res.Error = "error", err.Error()
	}
	return res, nil
}
