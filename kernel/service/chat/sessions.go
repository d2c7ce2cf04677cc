package chat

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// CreateParams describe a new conversation. Without Key it has one that nobody has.
type CreateParams struct {
	Key     string `json:"key,omitempty" rpc:"min=1,max=512"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// Label, or DisplayName, names it; no other conversation may have the label. At most 512 bytes.
	Label       string `json:"label,omitempty" rpc:"max=512"`
	DisplayName string `json:"displayName,omitempty" rpc:"max=500"`
	// Model is provider/model, ThinkingLevel as in sessions.patch.
	Model         string `json:"model,omitempty"`
	ThinkingLevel string `json:"thinkingLevel,omitempty"`
	Category      string `json:"category,omitempty" rpc:"max=512"`
	ContextWindow string `json:"contextWindow,omitempty"`
	// FastMode is true, false or auto.
	FastMode json.RawMessage `json:"fastMode"`
	// ParentSessionKey is the conversation that it comes from. With Fork it begins with what was said there.
	ParentSessionKey string `json:"parentSessionKey,omitempty" rpc:"min=1"`
	Fork             bool   `json:"fork,omitempty"`
	// ForkFrom is last-completed: what is being answered is left out in any case.
	ForkFrom string `json:"forkFrom,omitempty" rpc:"enum=last-completed"`
	// Message, or Task, is said in it at once; IdempotencyKey is that run's id.
	Message        string       `json:"message,omitempty"`
	Task           string       `json:"task,omitempty"`
	Attachments    []Attachment `json:"attachments,omitempty"`
	IdempotencyKey string       `json:"idempotencyKey,omitempty" rpc:"min=1"`
	// PermissionMode, ToolOverrides, Incognito, Worktree, Cwd and ExecNode restrict or place what an agent does, which
	// nothing here enforces: they are refused unless they are empty.
	PermissionMode string         `json:"permissionMode,omitempty"`
	ToolOverrides  map[string]any `json:"toolOverrides,omitempty"`
	Incognito      bool           `json:"incognito,omitempty"`
	Worktree       bool           `json:"worktree,omitempty"`
	Cwd            string         `json:"cwd,omitempty"`
	ExecNode       string         `json:"execNode,omitempty"`
	// Visibility is shared: everybody who may read sees all conversations.
	Visibility string `json:"visibility,omitempty" rpc:"enum=shared"`
	// Those below are accepted and change nothing.
	EmitCommandHooks bool             `json:"emitCommandHooks,omitempty"`
	SucceedsParent   bool             `json:"succeedsParent,omitempty"`
	Mentions         []map[string]any `json:"mentions,omitempty"`
}

// CreateResult is the conversation.
type CreateResult struct {
	OK        bool        `json:"ok"`
	Key       session.Key `json:"key"`
	SessionID string      `json:"sessionId"`
	Entry     session.Row `json:"entry"`
	// RunStarted says that the first message is being answered, by the run RunID.
	RunStarted bool   `json:"runStarted"`
	RunID      string `json:"runId,omitempty"`
	// RunError says why it is not; the conversation is there all the same.
	RunError *RunError `json:"runError,omitempty"`
}

// RunError says why a first message is not answered.
type RunError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// createSession makes a conversation and says the first message in it, if there is one. A message that cannot be said is
// refused before.
func (s *Service) createSession(ctx context.Context, p CreateParams) (CreateResult, error) {
	c, err := s.creation(ctx, p)
	if err != nil {
		return CreateResult{}, err
	}
	first := run.Run{ID: cmp.Or(p.IdempotencyKey, uuid.NewString()), Session: c.Key, Text: cmp.Or(p.Message, p.Task)}
	says := first.Text != "" || len(p.Attachments) > 0
	if says {
		if err := s.fill(ctx, &first, "sessions.create", p.Attachments); err != nil {
			return CreateResult{}, err
		}
	}
	if _, err := s.sessions.Create(ctx, c); err != nil {
		return CreateResult{}, err
	}
	res := CreateResult{OK: true, Key: c.Key}
	if says {
		if sent, err := s.submit(ctx, SendParams{}, first); err != nil {
			e := wit.AsError(err)
			res.RunError = &RunError{string(e.Code), e.Message}
		} else {
			res.RunStarted, res.RunID = true, sent.RunID
		}
	}
	res.Entry, err = s.sessions.Describe(ctx, c.Key, s.models.Defaults(ctx))
	res.SessionID = res.Entry.SessionID
	return res, err
}

// creation reads p. Errors: CodeInvalid.
func (s *Service) creation(ctx context.Context, p CreateParams) (c session.Creation, err error) {
	if p.PermissionMode != "" || len(p.ToolOverrides) > 0 || p.Incognito || p.Worktree || p.Cwd != "" || p.ExecNode != "" {
		return c, wit.NewError(wit.CodeInvalid, "invalid sessions.create params: permissionMode, toolOverrides, incognito, worktree, cwd and execNode are not enforced here: leave them out")
	}
	settings := s.sessions.Settings()
	if p.Key != "" {
		c.Key, err = settings.ParseKey(p.Key, p.AgentID)
	} else {
		c.Key, err = settings.NewKey(p.AgentID)
	}
	if err != nil {
		return c, err
	}
	if p.ParentSessionKey != "" {
		if c.Parent, err = settings.ParseKey(p.ParentSessionKey, ""); err != nil {
			return c, err
		}
	}
	if c.Copy = p.Fork; p.Fork && c.Parent == "" {
		return c, wit.NewError(wit.CodeInvalid, "invalid sessions.create params: fork needs parentSessionKey")
	}
	if p.Model != "" {
		if p.Model, err = s.models.Check(ctx, p.Model); err != nil {
			return c, err
		}
	}
	c.Choices.FastMode = p.FastMode
	for to, text := range map[*json.RawMessage]string{
		&c.Choices.Label: cmp.Or(p.Label, p.DisplayName), &c.Choices.Model: p.Model, &c.Choices.ThinkingLevel: p.ThinkingLevel,
		&c.Choices.Category: p.Category, &c.Choices.ContextWindow: p.ContextWindow,
	} {
		if text != "" {
			if *to, err = json.Marshal(text); err != nil {
				return c, wit.Errorf(wit.CodeInternal, "sessions.create: %w", err)
			}
		}
	}
	return c, nil
}

// SessionsSendParams is what a client says in a conversation that there is.
type SessionsSendParams struct {
	Key         string       `json:"key" rpc:"required,min=1,max=512"`
	AgentID     string       `json:"agentId,omitempty" rpc:"min=1"`
	Message     string       `json:"message" rpc:"required"`
	Thinking    string       `json:"thinking,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
	// TimeoutMs is as in chat.send.
	TimeoutMs int64 `json:"timeoutMs,omitempty" rpc:"min=0"`
	// IdempotencyKey is the run's id; one is made when it is left out, and a message that is sent again is another one then.
	IdempotencyKey string `json:"idempotencyKey,omitempty" rpc:"min=1"`
	// Mentions are accepted and change nothing.
	Mentions []map[string]any `json:"mentions,omitempty"`
}

// sendTo says something in a conversation that is there, to the model: a text command is a text like any other. Errors:
// CodeNotFound without the conversation.
func (s *Service) sendTo(ctx context.Context, p SessionsSendParams) (SendResult, error) {
	return s.sayIn(ctx, "sessions.send", p, "")
}

// steer is sendTo for a text that is to have an effect on what is answered now.
func (s *Service) steer(ctx context.Context, p SessionsSendParams) (SendResult, error) {
	return s.sayIn(ctx, "sessions.steer", p, "steer")
}

func (s *Service) sayIn(ctx context.Context, method string, p SessionsSendParams, mode string) (SendResult, error) {
	key, err := s.sessions.Settings().Find(p.Key, p.AgentID)
	if err != nil {
		return SendResult{}, err
	}
	if _, err := s.sessions.Describe(ctx, key, session.Defaults{}); err != nil {
		return SendResult{}, err
	}
	r := run.Run{
		ID: cmp.Or(p.IdempotencyKey, uuid.NewString()), Session: key, Said: said(p.Key, key), Text: p.Message, Thinking: p.Thinking, Timeout: p.TimeoutMs,
	}
	if err := s.fill(ctx, &r, method, p.Attachments); err != nil {
		return SendResult{}, err
	}
	return s.submit(ctx, SendParams{QueueMode: mode}, r)
}

// CompactParams name a conversation that is to be shortened for the model.
type CompactParams struct {
	Key     string `json:"key" rpc:"required,min=1"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// MaxLines is how many of the newest messages stay as they are, at least, while an excerpt stands for those before: no
	// model is asked. When left out a model writes a summary, and the last exchanges stay.
	MaxLines int `json:"maxLines,omitempty" rpc:"min=1"`
	// Instructions say what the summary has to keep.
	Instructions string `json:"instructions,omitempty"`
}

// CompactResult says what the model reads of the conversation now. The history stays as it is, for people.
type CompactResult struct {
	OK        bool        `json:"ok"`
	Key       session.Key `json:"key"`
	Compacted bool        `json:"compacted"`
	// Reason says why nothing was shortened: not_found, or that there is nothing to.
	Reason string `json:"reason,omitempty"`
	// Kept is how many messages the model reads as they are, MessagesCompacted how many the summary stands for.
	Kept              uint64           `json:"kept"`
	MessagesCompacted uint64           `json:"messagesCompacted"`
	Result            *CompactedResult `json:"result,omitempty"`
}

// CompactedResult is the summary, and about how many tokens the conversation had and has.
type CompactedResult struct {
	Summary      string `json:"summary"`
	TokensBefore int    `json:"tokensBefore"`
	TokensAfter  int    `json:"tokensAfter"`
	// Model has written the summary; it is left out where no model was asked.
	Model string `json:"model,omitempty"`
}

func (s *Service) compact(ctx context.Context, p CompactParams) (CompactResult, error) {
	res := CompactResult{OK: true}
	key, err := s.key("sessions.compact", p.Key, p.AgentID)
	if err != nil {
		return CompactResult{}, err
	}
	res.Key = key
	done, err := s.compactor.Compact(ctx, agent.Compaction{Key: key, Keep: p.MaxLines, Plain: p.MaxLines > 0, Focus: p.Instructions})
	if wit.CodeOf(err) == wit.CodeNotFound {
		res.Reason = "not_found"
		return res, nil
	}
	if err != nil {
		return CompactResult{}, err
	}
	res.Kept, res.MessagesCompacted, res.Compacted = done.Kept, done.Messages, done.Messages > 0
	if !res.Compacted {
		res.Reason = "nothing to compact"
		return res, nil
	}
	res.Result = &CompactedResult{done.Summary.Text, done.Before, done.After, done.Summary.Model}
	return res, nil
}
