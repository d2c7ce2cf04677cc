package system

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// HealthKind is the event health, which the gateway sends to each new connection.
var HealthKind = event.Kind[Health]{Name: "health", Scope: wire.ScopeRead, DropIfSlow: true}

// Events lists the kinds whose payloads come from here.
func Events() []event.Row { return []event.Row{HealthKind.Row()} }

// HealthParams are whatever a client sends: peers of this protocol never checked them.
type HealthParams map[string]any

// Health is the answer that the clients of protocol 3 and 4 read. OK is false when the gateway cannot
// do its work.
type Health struct {
	OK            bool              `json:"ok"`
	Ts            int64             `json:"ts"`
	DurationMs    int64             `json:"durationMs"`
	Channels      map[string]any    `json:"channels"`
	ChannelOrder  []string          `json:"channelOrder"`
	ChannelLabels map[string]string `json:"channelLabels"`
	// HeartbeatSeconds is 0: the agent does not wake by itself.
	HeartbeatSeconds int             `json:"heartbeatSeconds"`
	DefaultAgentID   string          `json:"defaultAgentId"`
	Agents           []agentHealth   `json:"agents"`
	Sessions         sessionsSummary `json:"sessions"`
	// Reason is only there when OK is false.
	Reason string `json:"reason,omitempty"`
}

type agentHealth struct {
	AgentID   string          `json:"agentId"`
	IsDefault bool            `json:"isDefault"`
	Heartbeat noHeartbeat     `json:"heartbeat"`
	Sessions  sessionsSummary `json:"sessions"`
}

type heartbeat struct {
	AgentID string `json:"agentId,omitempty"`
	Enabled bool   `json:"enabled"`
	Every   string `json:"every"`
	EveryMs *int64 `json:"everyMs"`
}

// noHeartbeat has the fields that clients insist on.
type noHeartbeat struct {
	heartbeat
	Prompt      string `json:"prompt"`
	Target      string `json:"target"`
	AckMaxChars int    `json:"ackMaxChars"`
}

type sessionsSummary struct {
	Path   string          `json:"path"`
	Count  int             `json:"count"`
	Recent []recentSession `json:"recent"`
}

type recentSession struct {
	Key       session.Key `json:"key"`
	UpdatedAt int64       `json:"updatedAt"`
	Age       int64       `json:"age"`
}

// Health says whether the gateway works, and of what it consists.
func (s *Service) Health(ctx context.Context) (Health, error) {
	begin := time.Now()
	h := Health{
		OK: true, Ts: begin.UnixMilli(), Channels: map[string]any{}, ChannelOrder: []string{}, ChannelLabels: map[string]string{},
		DefaultAgentID: s.Agent,
	}
	overview, err := s.Sessions(ctx)
	if err != nil {
		h.OK, h.Reason = false, "the database cannot be read"
	}
	h.Sessions = s.summary(overview, begin)
	h.Agents = []agentHealth{{AgentID: s.Agent, IsDefault: true, Heartbeat: noHeartbeat{heartbeat: heartbeat{Every: "off"}, Target: "none"}, Sessions: h.Sessions}}
	for _, a := range s.Accounts() {
		if _, seen := h.ChannelLabels[a.Channel]; !seen {
			h.ChannelOrder = append(h.ChannelOrder, a.Channel)
			h.ChannelLabels[a.Channel] = a.Label
			h.Channels[a.Channel] = map[string]any{"configured": true, "linked": a.State == "connected"}
		}
	}
	h.DurationMs = time.Since(begin).Milliseconds()
	return h, nil
}

func (s *Service) summary(o session.Overview, now time.Time) sessionsSummary {
	sum := sessionsSummary{Path: s.StateDir, Count: o.Count, Recent: []recentSession{}}
	for _, r := range o.Recent[:min(5, len(o.Recent))] {
		sum.Recent = append(sum.Recent, recentSession{Key: r.Key, UpdatedAt: r.UpdatedAt, Age: now.UnixMilli() - r.UpdatedAt})
	}
	return sum
}
