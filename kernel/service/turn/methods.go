package turn

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Methods returns the rows of the method table. Their parameters are the union of protocols 3 and 4.
func (s *Service) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("chat.send", wire.ScopeWrite, s.chatSend),
		rpc.New("chat.history", wire.ScopeRead, s.chatHistory),
		rpc.New("chat.abort", wire.ScopeWrite, s.chatAbort),
		rpc.New("chat.inject", wire.ScopeAdmin, s.chatInject),
		rpc.New("sessions.abort", wire.ScopeWrite, s.sessionsAbort),
		rpc.NewTwoPhase("agent", wire.ScopeWrite, s.agentRun),
		rpc.New("agent.wait", wire.ScopeWrite, s.agentWait),
		rpc.New("agent.identity.get", wire.ScopeRead, s.agentIdentity),
		rpc.New("agents.list", wire.ScopeRead, s.agentsList),
		rpc.New("models.list", wire.ScopeRead, s.listAllModels),
	}
}

type chatAbortParams struct {
	SessionKey       string `json:"sessionKey"`
	AgentID          string `json:"agentId"`
	RunID            string `json:"runId"`
	PreserveSideRuns bool   `json:"preserveSideRuns"`
}

type abortResult struct {
	OK      bool     `json:"ok"`
	Aborted bool     `json:"aborted"`
	RunIDs  []string `json:"runIds"`
}

func (s *Service) chatAbort(ctx context.Context, p chatAbortParams) (abortResult, error) {
	key, err := s.key("chat.abort", p.SessionKey, p.AgentID)
	if err != nil {
		return abortResult{}, err
	}
	ids, err := s.stop(ctx, key, p.RunID, "rpc", true)
	return abortResult{OK: err == nil, Aborted: len(ids) > 0, RunIDs: ids}, err
}

type sessionsAbortParams struct {
	Key         string `json:"key"`
	RunID       string `json:"runId"`
	AgentID     string `json:"agentId"`
	ClearQueued bool   `json:"clearQueued"`
}

func (s *Service) sessionsAbort(ctx context.Context, p sessionsAbortParams) (abortResult, error) {
	if p.Key == "" && p.RunID != "" {
		r, err := s.run(ctx, p.RunID)
		if err != nil {
			return abortResult{}, err
		}
		p.Key = string(r.Session)
	}
	key, err := s.key("sessions.abort", p.Key, p.AgentID)
	if err != nil {
		return abortResult{}, err
	}
	ids, err := s.stop(ctx, key, p.RunID, "rpc", p.ClearQueued)
	return abortResult{OK: err == nil, Aborted: len(ids) > 0, RunIDs: ids}, err
}

type chatInjectParams struct {
	SessionKey string `json:"sessionKey"`
	AgentID    string `json:"agentId"`
	Message    string `json:"message"`
	Label      string `json:"label"`
}

type chatInjectResult struct {
	OK        bool   `json:"ok"`
	MessageID string `json:"messageId"`
}

// chatInject appends what the agent did not say as if it had.
func (s *Service) chatInject(ctx context.Context, p chatInjectParams) (chatInjectResult, error) {
	key, err := s.key("chat.inject", p.SessionKey, p.AgentID)
	if err != nil {
		return chatInjectResult{}, err
	}
	if p.Message == "" || len(p.Message) > maxText || len(p.Label) > 400 {
		return chatInjectResult{}, wit.Errorf(wit.CodeInvalid, "invalid chat.inject params: message needs 1 to %d bytes, label at most 100 characters", maxText)
	}
	text := p.Message
	if p.Label != "" {
		text = "[" + p.Label + "]\n\n" + text
	}
	var m session.Message
	var id string
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		e, err := session.Get(tx, key)
		if err != nil {
			return err
		}
		m, err = session.Append(tx, key, session.Message{Role: wit.RoleAssistant, Parts: []wit.Part{session.TextPart(text)}, Stop: "injected"})
		id = session.MessageID(e.SessionID, m.Number)
		return err
	})
	if err != nil {
		return chatInjectResult{}, err
	}
	shown := assistantMessage(text)
	shown.StopReason, shown.Usage, shown.Timestamp, shown.ID = "injected", &Usage{}, m.Time, id
	shown.Place = &Place{ID: id, Seq: m.Number}
	Chats.Publish(s.Bus, ChatEvent{RunID: "inject-" + id, SessionKey: key, AgentID: key.Agent(), State: "final", Message: shown})
	s.Sessions.Changed(key, "message")
	return chatInjectResult{OK: true, MessageID: id}, nil
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
	return s.Sessions.Settings().ParseKey(text, agent)
}

type agentsListResult struct {
	DefaultID string         `json:"defaultId"`
	MainKey   string         `json:"mainKey"`
	Scope     string         `json:"scope"`
	Agents    []agentSummary `json:"agents"`
}

type agentSummary struct {
	ID       string         `json:"id"`
	Name     string         `json:"name,omitempty"`
	Identity *agentIdentity `json:"identity,omitempty"`
}

type agentIdentity struct {
	Name   string `json:"name,omitempty"`
	Theme  string `json:"theme,omitempty"`
	Emoji  string `json:"emoji,omitempty"`
	Avatar string `json:"avatar,omitempty"`
}

func (s *Service) agentsList(context.Context, rpc.None) (agentsListResult, error) {
	main := s.Sessions.Settings().Main("")
	res := agentsListResult{DefaultID: main.Agent(), MainKey: main.Rest(), Scope: "per-sender"}
	for _, a := range s.Settings().Agents {
		sum := agentSummary{ID: a.ID, Name: a.Name}
		if a.Name+a.Theme+a.Emoji+a.Avatar != "" {
			sum.Identity = &agentIdentity{a.Name, a.Theme, a.Emoji, a.Avatar}
		}
		res.Agents = append(res.Agents, sum)
	}
	if len(res.Agents) == 0 {
		res.Agents = []agentSummary{{ID: res.DefaultID}}
	}
	return res, nil
}

type identityParams struct {
	AgentID    string `json:"agentId"`
	SessionKey string `json:"sessionKey"`
}

type identityResult struct {
	AgentID string `json:"agentId"`
	Name    string `json:"name"`
	Avatar  string `json:"avatar"`
	Emoji   string `json:"emoji,omitempty"`
}

func (s *Service) agentIdentity(_ context.Context, p identityParams) (identityResult, error) {
	key := s.Sessions.Settings().Main(p.AgentID)
	if p.SessionKey != "" {
		var err error
		if key, err = s.Sessions.Settings().ParseKey(p.SessionKey, p.AgentID); err != nil {
			return identityResult{}, err
		}
	}
	a := s.Settings().agent(key.Agent())
	res := identityResult{AgentID: a.ID, Name: a.Name, Avatar: a.Avatar, Emoji: a.Emoji}
	if res.Name == "" {
		res.Name = "Assistant"
	}
	if res.Avatar == "" {
		res.Avatar = string([]rune(res.Name)[:1])
	}
	return res, nil
}
