package system

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/session"
)

// Status is what `carapace status` shows, with the fields that clients of protocol 3 read.
type Status struct {
	Heartbeat          Heartbeats     `json:"heartbeat"`
	ChannelSummary     []string       `json:"channelSummary"`
	QueuedSystemEvents []string       `json:"queuedSystemEvents"`
	Sessions           StatusSessions `json:"sessions"`

	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	// UptimeMs is how long the gateway has run, in milliseconds.
	UptimeMs int64    `json:"uptimeMs"`
	Gateway  Endpoint `json:"gateway"`
	// Model is provider/model of the default, the provider alone for its own default, empty if nothing can answer.
	Model  string `json:"model"`
	Memory Memory `json:"memory"`
	// Plugins counts them by their state.
	Plugins  map[string]int `json:"plugins"`
	Channels []Account      `json:"channels"`
	// Services are what plugins do in the background.
	Services []BackgroundService `json:"services"`
	// ByHand are plugins that somebody has put into a folder: whoever could write there granted what they ask for. ByHandFailed are
	// those of them that do not run.
	ByHand       []string `json:"byHand,omitempty"`
	ByHandFailed []string `json:"byHandFailed,omitempty"`
	// Wrong are sections of the config file that cannot be used: those whom they are about do not run.
	Wrong []ConfigIssue `json:"wrong,omitempty"`
	// Risks are what the settings let others read or do.
	Risks []string `json:"risks,omitempty"`
	// Notices are what the owner should know of beside.
	Notices []string `json:"notices,omitempty"`
	Queued  Queues   `json:"queued"`
	// Media is what the kept files take; it is left out where none are kept.
	Media *Media `json:"media,omitempty"`
}

// Media is what files take, and may take at most.
type Media struct {
	Files    int   `json:"files"`
	Bytes    int64 `json:"bytes"`
	MaxBytes int64 `json:"maxBytes"`
}

// BackgroundService is the service of a plugin and how it is.
type BackgroundService struct {
	Plugin string `json:"plugin"`
	// State is starting, running, or waiting: to be started anew.
	State string `json:"state"`
	// Message is what it says that it does, Problem what is or was wrong with it.
	Message string `json:"message,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// Heartbeats says which agents wake by themselves.
type Heartbeats struct {
	DefaultAgentID string      `json:"defaultAgentId"`
	Agents         []Heartbeat `json:"agents"`
}

// Endpoint is where clients on the gateway's machine reach it.
type Endpoint struct {
	URL string `json:"url"`
}

// StatusSessions counts the sessions and shows the last used ones, at most ten.
type StatusSessions struct {
	Paths    []string       `json:"paths"`
	Count    int            `json:"count"`
	Defaults StatusDefaults `json:"defaults"`
	Recent   []StatusRow    `json:"recent"`
	// ByAgent has the same of each agent, of whose sessions those are shown that are among the ten.
	ByAgent []AgentSessions `json:"byAgent"`
}

// AgentSessions are the sessions of one agent.
type AgentSessions struct {
	AgentID string      `json:"agentId"`
	Path    string      `json:"path"`
	Count   int         `json:"count"`
	Recent  []StatusRow `json:"recent"`
}

// StatusParams say how much is told.
type StatusParams struct {
	// IncludeChannelSummary of false leaves channelSummary empty.
	IncludeChannelSummary *bool `json:"includeChannelSummary"`
}

// StatusDefaults is what answers where a session makes no choice.
type StatusDefaults struct {
	Model         string `json:"model"`
	ContextTokens uint32 `json:"contextTokens"`
}

// StatusRow is a session and how full its context is.
type StatusRow struct {
	session.Row
	// Age is how long ago the session was used, in milliseconds.
	Age             int64 `json:"age"`
	RemainingTokens int64 `json:"remainingTokens"`
	// PercentUsed is how full the context is.
	PercentUsed int64    `json:"percentUsed"`
	Flags       []string `json:"flags"`
}

func (m *monitor) status(ctx context.Context, p StatusParams) (Status, error) {
	overview, err := m.sessions.Overview(ctx, m.models)
	if err != nil {
		return Status{}, err
	}
	queues, err := queues(ctx, m.services())
	if err != nil {
		return Status{}, err
	}
	defaults := m.models.Defaults(ctx)
	st := Status{
		Heartbeat:      Heartbeats{DefaultAgentID: m.agents()[0]},
		ChannelSummary: []string{}, QueuedSystemEvents: []string{},
		Sessions: StatusSessions{Paths: []string{m.stateDir}, Count: overview.Count, Defaults: StatusDefaults{defaults.Model, defaults.ContextTokens}, Recent: []StatusRow{}},
		Version:  m.version, Commit: build(), UptimeMs: time.Since(m.started).Milliseconds(), Gateway: Endpoint{m.url()},
		Model: defaults.Name(), Memory: usedMemory(m.memory()),
		Plugins: map[string]int{}, Channels: m.accounts.List(), Services: []BackgroundService{}, Wrong: wrongIn(m.plugins, m.settings), Risks: risks(m.settings.Config()), Queued: queues,
	}
	if st.Media, err = m.media(ctx); err != nil {
		return Status{}, err
	}
	for _, s := range m.services() {
		if s.Notices != nil {
			st.Notices = append(st.Notices, s.Notices()...)
		}
	}
	for _, r := range overview.Recent {
		st.Sessions.Recent = append(st.Sessions.Recent, row(r, time.Now()))
	}
	for _, a := range m.wakes() {
		st.Heartbeat.Agents = append(st.Heartbeat.Agents, a.heartbeat(a.id).Heartbeat)
		own := AgentSessions{AgentID: a.id, Path: m.stateDir, Recent: []StatusRow{}}
		of := overview.OfAgent(a.id)
		own.Count = of.Count
		for _, r := range of.Recent {
			own.Recent = append(own.Recent, row(r, time.Now()))
		}
		st.Sessions.ByAgent = append(st.Sessions.ByAgent, own)
	}
	for _, a := range st.Channels {
		if p.IncludeChannelSummary != nil && !*p.IncludeChannelSummary {
			break
		}
		st.ChannelSummary = append(st.ChannelSummary, a.Label+" "+a.Account+": "+a.State)
	}
	for _, p := range m.plugins.List() {
		st.Plugins[p.State]++
		switch {
		case !p.ByHand || p.State == "disabled":
		case p.State == "failed":
			st.ByHandFailed = append(st.ByHandFailed, p.ID)
		default:
			st.ByHand = append(st.ByHand, p.ID)
		}
		if p.Update != "" {
			st.Notices = append(st.Notices, fmt.Sprintf("%s: the update %s; `carapace doctor` says what to do", p.ID, p.Update))
		}
		if p.Service != nil {
			st.Services = append(st.Services, *p.Service)
		}
	}
	return st, nil
}

func row(r session.Row, now time.Time) StatusRow {
	out := StatusRow{Row: r, Age: max(0, now.UnixMilli()-r.UpdatedAt), Flags: []string{"id:" + r.SessionID}}
	if window := int64(r.ContextTokens); window > 0 {
		out.RemainingTokens = max(0, window-int64(r.TotalTokens))
		out.PercentUsed = min(100, 100*int64(r.TotalTokens)/window)
	}
	return out
}

// build is the commit that the binary was built from, where the build says.
func build() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
