package chat

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// AbortParams names a session, and with RunID one of its runs.
type AbortParams struct {
	SessionKey       string `json:"sessionKey" rpc:"required,min=1"`
	AgentID          string `json:"agentId,omitempty" rpc:"min=1"`
	RunID            string `json:"runId,omitempty" rpc:"min=1"`
	PreserveSideRuns bool   `json:"preserveSideRuns"`
}

// AbortResult says which runs were stopped.
type AbortResult struct {
	OK      bool     `json:"ok"`
	Aborted bool     `json:"aborted"`
	RunIDs  []string `json:"runIds"`
}

// abort stops what is answered in a session, and what waits.
func (s *Service) abort(ctx context.Context, p AbortParams) (AbortResult, error) {
	key, err := s.key("chat.abort", p.SessionKey, p.AgentID)
	if err != nil {
		return AbortResult{}, err
	}
	return s.stop(ctx, run.Selection{Session: key, ID: p.RunID, Waiting: true}, "rpc")
}

// stop ends runs and says which. An agent that there is not has none.
func (s *Service) stop(ctx context.Context, which run.Selection, reason string) (AbortResult, error) {
	ids, err := s.runs.Stop(ctx, which, reason)
	if err == nil && len(ids) == 0 {
		err = s.sessions.Settings().Answers(which.Session, "")
	}
	return AbortResult{OK: err == nil, Aborted: len(ids) > 0, RunIDs: ids}, err
}

// SessionsAbortParams names a session or a run; without ClearQueued what waits goes on waiting.
type SessionsAbortParams struct {
	Key         string `json:"key,omitempty" rpc:"min=1"`
	RunID       string `json:"runId,omitempty" rpc:"min=1"`
	AgentID     string `json:"agentId,omitempty" rpc:"min=1"`
	ClearQueued bool   `json:"clearQueued"`
}

// abortSession stops what is answered in a session.
func (s *Service) abortSession(ctx context.Context, p SessionsAbortParams) (AbortResult, error) {
	if p.Key == "" && p.RunID != "" {
		r, err := s.runs.Find(ctx, p.RunID)
		if err != nil {
			return AbortResult{}, err
		}
		p.Key = string(r.Session)
	}
	key, err := s.key("sessions.abort", p.Key, p.AgentID)
	if err != nil {
		return AbortResult{}, err
	}
	return s.stop(ctx, run.Selection{Session: key, ID: p.RunID, Waiting: p.ClearQueued}, "rpc")
}

// InjectParams is a message of 1 byte to 1 MiB, under a label of at most 100 characters.
type InjectParams struct {
	SessionKey string `json:"sessionKey" rpc:"required,min=1"`
	AgentID    string `json:"agentId,omitempty" rpc:"min=1"`
	Message    string `json:"message" rpc:"required,min=1"`
	Label      string `json:"label" rpc:"max=100"`
}

// InjectResult names the message.
type InjectResult struct {
	OK        bool   `json:"ok"`
	MessageID string `json:"messageId"`
}

// inject appends what the agent did not say as if it had.
func (s *Service) inject(ctx context.Context, p InjectParams) (InjectResult, error) {
	key, err := s.key("chat.inject", p.SessionKey, p.AgentID)
	if err != nil {
		return InjectResult{}, err
	}
	if len(p.Message) > run.MaxText {
		return InjectResult{}, wit.Errorf(wit.CodeInvalid, "invalid chat.inject params: message has at most %d bytes", run.MaxText)
	}
	text := p.Message
	if p.Label != "" {
		text = "[" + p.Label + "]\n\n" + text
	}
	var said session.Message
	var e session.Entry
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		if e, err = s.sessions.Lookup(tx, key); err != nil {
			return err
		}
		said, err = session.Append(tx, key, session.Message{Role: wit.RoleAssistant, Parts: []wit.Part{session.TextPart(text)}, Stop: "injected"})
		return err
	})
	if err != nil {
		return InjectResult{}, err
	}
	m := shown(s.links, e.SessionID, said, 0)
	m.Usage = &Usage{}
	publishMessage(s.bus, s.links, key, e.SessionID, said)
	Chats.Publish(s.bus, Event{RunID: "inject-" + m.ID, SessionKey: key, AgentID: key.Agent(), State: "final", Message: &m})
	s.sessions.Changed(key, "message")
	return InjectResult{OK: true, MessageID: m.ID}, nil
}

// key reads a required session key.
func (s *Service) key(method, text, agent string) (session.Key, error) {
	if text == "" {
		field := "sessionKey"
		if method == "sessions.abort" {
			field = "key"
		}
		return "", wit.Errorf(wit.CodeInvalid, "invalid %s params: must have required property '%s'", method, field)
	}
	return s.sessions.Settings().ParseKey(text, agent)
}
