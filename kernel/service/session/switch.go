package session

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// maxSwitched is how many connections are remembered; of more the first is forgotten, and is in the main conversation again.
const maxSwitched = 4096

// switched remembers which conversation a connection means where it names none. The zero value is ready.
type switched struct {
	mu    sync.Mutex
	to    map[string]Key
	order []string
}

func (s *switched) set(conn string, key Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to == nil {
		s.to = map[string]Key{}
	}
	if _, there := s.to[conn]; !there {
		if len(s.order) == maxSwitched {
			delete(s.to, s.order[0])
			s.order = slices.Delete(s.order, 0, 1)
		}
		s.order = append(s.order, conn)
	}
	s.to[conn] = key
}

// Current is the conversation that whoever calls has switched to, "" none. With an agent it is one of that agent's.
func (s *Service) Current(ctx context.Context, agent string) Key {
	c := rpc.CallerOf(ctx)
	if c == nil {
		return ""
	}
	s.switched.mu.Lock()
	defer s.switched.mu.Unlock()
	key := s.switched.to[c.ConnID]
	if agent != "" && key.Agent() != agent {
		return ""
	}
	return key
}

// SwitchParams name a session by its key or by the id of its history.
type SwitchParams struct {
	Key       string `json:"key,omitempty" rpc:"min=1"`
	SessionID string `json:"sessionId,omitempty" rpc:"min=1"`
	AgentID   string `json:"agentId,omitempty" rpc:"min=1"`
	// Scope is accepted and changes nothing: the connection that asks is the one that switches.
	Scope string `json:"scope,omitempty"`
}

// SwitchResult is the session. Later calls of agent on this connection mean it where they name none.
type SwitchResult struct {
	OK       bool           `json:"ok"`
	Key      Key            `json:"key"`
	Entry    Row            `json:"entry"`
	Defaults SwitchDefaults `json:"defaults"`
}

// SwitchDefaults is what is meant where a connection has not switched.
type SwitchDefaults struct {
	DefaultAgent   string `json:"defaultAgent"`
	MainKey        string `json:"mainKey"`
	MainSessionKey Key    `json:"mainSessionKey"`
}

func (m methods) switchTo(ctx context.Context, p SwitchParams) (SwitchResult, error) {
	key, err := m.find(ctx, ResolveParams{Key: p.Key, SessionID: p.SessionID, AgentID: p.AgentID})
	if err != nil {
		return SwitchResult{}, err
	}
	if c := rpc.CallerOf(ctx); c != nil {
		m.sessions.switched.set(c.ConnID, key)
	}
	settings := m.sessions.Settings()
	main := settings.Main("")
	res := SwitchResult{OK: true, Key: key, Defaults: SwitchDefaults{DefaultAgent: main.Agent(), MainKey: cmp.Or(settings.MainKey, "main"), MainSessionKey: main}}
	res.Entry, err = m.sessions.Describe(ctx, key, m.ports.Models.Defaults(ctx))
	return res, err
}
