package system

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// HealthKind is the event health, which the gateway sends to each new connection.
var HealthKind = event.Kind[Health]{Name: "health", Scope: wire.ScopeRead, DropIfSlow: true}

// Events lists the kinds whose payloads come from here.
func Events() []event.Row { return []event.Row{HealthKind.Row(), LeakKind.Row()} }

// HealthParams are accepted and change nothing: what is told here is of now, and no channel is asked.
type HealthParams struct {
	Probe bool `json:"probe"`
}

// Health is the answer that the clients of protocol 3 and 4 read. OK is false when the gateway cannot
// do its work.
type Health struct {
	OK bool `json:"ok"`
	// Ts is when the answer was made, in Unix milliseconds, and DurationMs how long that took.
	Ts         int64 `json:"ts"`
	DurationMs int64 `json:"durationMs"`
	// Channels are those with an account, by plugin.
	Channels      map[string]ChannelHealth `json:"channels"`
	ChannelOrder  []string                 `json:"channelOrder"`
	ChannelLabels map[string]string        `json:"channelLabels"`
	// HeartbeatSeconds is how often the agent wakes by itself that does so most often; 0 for never.
	HeartbeatSeconds int             `json:"heartbeatSeconds"`
	DefaultAgentID   string          `json:"defaultAgentId"`
	Agents           []AgentHealth   `json:"agents"`
	Sessions         SessionsSummary `json:"sessions"`
	// Reason is only there when OK is false.
	Reason string `json:"reason,omitempty"`
}

// ChannelHealth says how a channel is.
type ChannelHealth struct {
	Configured bool `json:"configured"`
	// Linked says that its last account is connected.
	Linked bool `json:"linked"`
}

// AgentHealth is one agent.
type AgentHealth struct {
	AgentID   string          `json:"agentId"`
	IsDefault bool            `json:"isDefault"`
	Heartbeat AgentHeartbeat  `json:"heartbeat"`
	Sessions  SessionsSummary `json:"sessions"`
}

// Wakes is when the agent wakes by itself, and how it went last.
type Wakes struct {
	// Every is 0 for never.
	Every          time.Duration
	Prompt, Target string
	AckMaxChars    int
	// Last is when it woke last, in Unix milliseconds, 0 for never.
	Last       int64
	LastStatus string
}

// heartbeat is when an agent wakes, as clients of protocol 3 and 4 read it.
func (w Wakes) heartbeat(agent string) AgentHeartbeat {
	if w.Every == 0 {
		return AgentHeartbeat{Heartbeat: Heartbeat{AgentID: agent, Every: "off"}, Target: "none"}
	}
	ms := w.Every.Milliseconds()
	return AgentHeartbeat{
		Heartbeat: Heartbeat{AgentID: agent, Enabled: true, Every: short(w.Every), EveryMs: &ms, LastMs: w.Last, LastStatus: w.LastStatus},
		Prompt:    w.Prompt, Target: cmp.Or(w.Target, "last"), AckMaxChars: w.AckMaxChars,
	}
}

// short is a duration without the units that are 0 at its end: 30m, 1h30m.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// Heartbeat says how often an agent wakes by itself.
type Heartbeat struct {
	AgentID string `json:"agentId,omitempty"`
	Enabled bool   `json:"enabled"`
	Every   string `json:"every"`
	EveryMs *int64 `json:"everyMs"`
	// LastMs is when it did so last, in Unix milliseconds, and LastStatus how that went: see last-heartbeat.
	LastMs     int64  `json:"lastMs,omitempty"`
	LastStatus string `json:"lastStatus,omitempty"`
}

// AgentHeartbeat has the fields that clients insist on.
type AgentHeartbeat struct {
	Heartbeat
	Prompt      string `json:"prompt"`
	Target      string `json:"target"`
	AckMaxChars int    `json:"ackMaxChars"`
}

// SessionsSummary counts the sessions and names the last used ones, at most five.
type SessionsSummary struct {
	Path   string          `json:"path"`
	Count  int             `json:"count"`
	Recent []RecentSession `json:"recent"`
}

// RecentSession is a session and when it was used: in Unix milliseconds, and how many milliseconds ago.
type RecentSession struct {
	Key       session.Key `json:"key"`
	UpdatedAt int64       `json:"updatedAt"`
	Age       int64       `json:"age"`
}

// monitor watches the gateway at work: whether it does, and how much there is to do.
type monitor struct {
	version   string
	url       func() string
	stateDir  string
	agents    func() []string
	started   time.Time
	settings  *config.Settings
	sessions  Sessions
	models    session.Models
	plugins   Plugins
	accounts  Accounts
	memory    func() PluginMemory
	services  func() []service.Service
	heartbeat func(agent string) Wakes
	media     func(context.Context) (*Media, error)
	last      atomic.Pointer[pulse]
}

// tell answers a client. Who may not read learns whether the gateway works, and nothing else.
func (m *monitor) tell(ctx context.Context, _ HealthParams) (rpc.Encoded, error) {
	begin := time.Now()
	p := m.health(ctx)
	if rpc.Require(ctx, wire.ScopeRead, "health") != nil {
		return rpc.Encode(Health{
			OK: p.ok, Ts: begin.UnixMilli(), DurationMs: time.Since(begin).Milliseconds(), Channels: map[string]ChannelHealth{}, ChannelOrder: []string{},
			ChannelLabels: map[string]string{}, Agents: []AgentHealth{}, Sessions: SessionsSummary{Recent: []RecentSession{}},
		})
	}
	return p.at(begin), nil
}

// health asks for nothing that is slow: every client asks for it, again and again. It is encoded when something in it has
// changed.
func (m *monitor) health(ctx context.Context) *pulse {
	overview, failed := m.sessions.Overview(ctx, m.models)
	accounts, wakes := m.accounts.List(), m.wakes()
	if last := m.last.Load(); failed == nil && last != nil && last.of == overview.Of && slices.Equal(last.wakes, wakes) && slices.Equal(last.accounts, accounts) {
		return last
	}
	h := m.present(overview, accounts, wakes)
	if failed != nil {
		h.OK, h.Reason = false, "the database cannot be read"
	}
	p := newPulse(h)
	if failed == nil {
		p.of, p.accounts, p.wakes = overview.Of, accounts, wakes
		m.last.Store(p)
	}
	return p
}

// agentWakes is an agent, and when it wakes.
type agentWakes struct {
	id string
	Wakes
}

// wakes are the agents, the default one first.
func (m *monitor) wakes() (list []agentWakes) {
	for _, id := range m.agents() {
		list = append(list, agentWakes{id, m.heartbeat(id)})
	}
	return list
}

// present is the health of what is there, without its times.
func (m *monitor) present(overview session.Overview, accounts []Account, wakes []agentWakes) Health {
	h := Health{
		OK: true, Channels: map[string]ChannelHealth{}, ChannelOrder: []string{}, ChannelLabels: map[string]string{},
		DefaultAgentID: wakes[0].id, Sessions: m.summary(overview),
	}
	for i, a := range wakes {
		h.Agents = append(h.Agents, AgentHealth{AgentID: a.id, IsDefault: i == 0, Heartbeat: a.heartbeat(""), Sessions: m.summary(overview.OfAgent(a.id))})
		if every := int(a.Every.Seconds()); h.HeartbeatSeconds == 0 || every > 0 && every < h.HeartbeatSeconds {
			h.HeartbeatSeconds = every
		}
	}
	for _, a := range accounts {
		if _, seen := h.ChannelLabels[a.Channel]; !seen {
			h.ChannelOrder = append(h.ChannelOrder, a.Channel)
			h.ChannelLabels[a.Channel] = a.Label
			h.Channels[a.Channel] = ChannelHealth{Configured: true, Linked: a.State == "connected"}
		}
	}
	return h
}

func (m *monitor) summary(o session.Overview) SessionsSummary {
	sum := SessionsSummary{Path: m.stateDir, Count: o.Count, Recent: []RecentSession{}}
	for _, r := range o.Recent[:min(5, len(o.Recent))] {
		sum.Recent = append(sum.Recent, RecentSession{Key: r.Key, UpdatedAt: r.UpdatedAt})
	}
	return sum
}
