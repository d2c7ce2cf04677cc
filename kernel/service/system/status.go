package system

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/session"
)

// Status is what `carapace status` shows, with the fields that clients of protocol 3 read.
type Status struct {
	Heartbeat          heartbeats     `json:"heartbeat"`
	ChannelSummary     []string       `json:"channelSummary"`
	QueuedSystemEvents []string       `json:"queuedSystemEvents"`
	Sessions           statusSessions `json:"sessions"`

	Version  string         `json:"version"`
	Commit   string         `json:"commit,omitempty"`
	UptimeMs int64          `json:"uptimeMs"`
	Gateway  endpoint       `json:"gateway"`
	Model    string         `json:"model"`
	Memory   memory         `json:"memory"`
	Plugins  map[string]int `json:"plugins"`
	Channels []Account      `json:"channels"`
	Queued   Queues         `json:"queued"`
}

type heartbeats struct {
	DefaultAgentID string      `json:"defaultAgentId"`
	Agents         []heartbeat `json:"agents"`
}

type endpoint struct {
	URL string `json:"url"`
}

type statusSessions struct {
	Paths    []string       `json:"paths"`
	Count    int            `json:"count"`
	Defaults statusDefaults `json:"defaults"`
	Recent   []statusRow    `json:"recent"`
}

type statusDefaults struct {
	Model         string `json:"model"`
	ContextTokens uint32 `json:"contextTokens"`
}

// statusRow is a session and how full its context is.
type statusRow struct {
	session.Row
	Age             int64    `json:"age"`
	RemainingTokens int64    `json:"remainingTokens"`
	PercentUsed     int64    `json:"percentUsed"`
	Flags           []string `json:"flags"`
}

func (s *Service) status(ctx context.Context, _ rpc.None) (Status, error) {
	overview, err := s.Sessions(ctx)
	if err != nil {
		return Status{}, err
	}
	queues, err := s.Queues(ctx)
	if err != nil {
		return Status{}, err
	}
	defaults := s.Defaults()
	st := Status{
		Heartbeat:      heartbeats{s.Agent, []heartbeat{{AgentID: s.Agent, Every: "off"}}},
		ChannelSummary: []string{}, QueuedSystemEvents: []string{},
		Sessions: statusSessions{Paths: []string{s.StateDir}, Count: overview.Count, Defaults: statusDefaults{defaults.Model, defaults.ContextTokens}, Recent: []statusRow{}},
		Version:  s.Version, Commit: build(), UptimeMs: time.Since(s.started).Milliseconds(), Gateway: endpoint{s.URL()},
		Model: defaults.ModelProvider + "/" + defaults.Model, Memory: usedMemory(),
		Plugins: map[string]int{}, Channels: s.Accounts(), Queued: queues,
	}
	for _, r := range overview.Recent {
		st.Sessions.Recent = append(st.Sessions.Recent, row(r, time.Now()))
	}
	for _, a := range st.Channels {
		st.ChannelSummary = append(st.ChannelSummary, a.Label+" "+a.Account+": "+a.State)
	}
	for _, p := range s.Plugins() {
		st.Plugins[p.State]++
	}
	return st, nil
}

func row(r session.Row, now time.Time) statusRow {
	out := statusRow{Row: r, Age: now.UnixMilli() - r.UpdatedAt, Flags: []string{"id:" + r.SessionID}}
	if window := int64(r.ContextTokens); window > 0 {
		out.RemainingTokens = max(0, window-int64(r.TotalTokens))
		out.PercentUsed = min(100, 100*int64(r.TotalTokens)/window)
	}
	return out
}
