package heartbeat

import (
	"context"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// methods lists the rows of the method table.
func (s *Service) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("last-heartbeat", wire.ScopeRead, s.last).Doc("Says how the last heartbeat went; null where there was none."),
		rpc.New("set-heartbeats", wire.ScopeAdmin, s.set).Audited().Doc("Switches heartbeats on or off; the choice outlives a restart."),
		rpc.New("wake", wire.ScopeWrite, s.wake).Emits("agent", "chat").
			Doc("Tells the agent something, at once or with its next run."),
		rpc.New("system-event", wire.ScopeAdmin, s.report).Emits("presence").
			Doc("Takes what a client reports: of itself, for the list of who is there, or of the world, for the agent's next run."),
	}
}

func (s *Service) last(context.Context, rpc.None) (*Beat, error) { return s.Last(), nil }

// SetParams switch heartbeats on or off.
type SetParams struct {
	Enabled bool `json:"enabled" rpc:"required"`
}

// SetResult is what holds now.
type SetResult struct {
	OK      bool `json:"ok"`
	Enabled bool `json:"enabled"`
	// IntervalMs is how often the first agent that wakes does so, in milliseconds; 0 for never.
	IntervalMs int64 `json:"intervalMs"`
}

func (s *Service) set(ctx context.Context, p SetParams) (SetResult, error) {
	if err := s.keep(ctx, func(k *kept) { k.Enabled = &p.Enabled }); err != nil {
		return SetResult{}, err
	}
	s.Changed()
	return SetResult{OK: true, Enabled: p.Enabled, IntervalMs: s.Plan()[0].Every.Milliseconds()}, nil
}

// WakeParams are what an agent is told.
type WakeParams struct {
	// Mode now makes a run of it at once. With next-heartbeat the agent reads it in its next run, for whatever reason that
	// begins.
	Mode string `json:"mode" rpc:"required,enum=now|next-heartbeat"`
	Text string `json:"text" rpc:"required,min=1,max=65536"`
	// SessionKey and AgentID are who is told; the main session of the default agent when left out.
	SessionKey string `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
	AgentID    string `json:"agentId,omitempty" rpc:"min=1,max=64"`
}

// OKResult says that it was done.
type OKResult struct {
	OK bool `json:"ok"`
}

func (s *Service) wake(ctx context.Context, p WakeParams) (OKResult, error) {
	if strings.TrimSpace(p.Text) == "" {
		return OKResult{}, wit.NewError(wit.CodeInvalid, "text is blank: say what the agent is told")
	}
	err := s.Runs.Tell(ctx, p.Text, p.Mode == "now", p.AgentID, p.SessionKey)
	return OKResult{OK: err == nil}, err
}

// EventParams are what a client reports.
type EventParams struct {
	// Text is a sentence for the agent's next run. One that begins with "Node:" is about the client itself, and is for the
	// list of who is there alone.
	Text string `json:"text" rpc:"required,min=1,max=8192"`
	// SessionKey is who is told; the main session of the default agent when left out.
	SessionKey string `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
	// All else is what the client says of itself.
	DeviceID         string   `json:"deviceId,omitempty" rpc:"max=128"`
	InstanceID       string   `json:"instanceId,omitempty" rpc:"max=128"`
	Host             string   `json:"host,omitempty" rpc:"max=256"`
	IP               string   `json:"ip,omitempty" rpc:"max=64"`
	Mode             string   `json:"mode,omitempty" rpc:"max=64"`
	Version          string   `json:"version,omitempty" rpc:"max=64"`
	Platform         string   `json:"platform,omitempty" rpc:"max=64"`
	DeviceFamily     string   `json:"deviceFamily,omitempty" rpc:"max=64"`
	ModelIdentifier  string   `json:"modelIdentifier,omitempty" rpc:"max=64"`
	LastInputSeconds *int     `json:"lastInputSeconds,omitempty" rpc:"min=0"`
	Reason           string   `json:"reason,omitempty" rpc:"max=64"`
	Roles            []string `json:"roles,omitempty" rpc:"max=8"`
	Scopes           []string `json:"scopes,omitempty" rpc:"max=32"`
	Tags             []string `json:"tags,omitempty" rpc:"max=32"`
}

// aboutItself begins what a client says of itself.
const aboutItself = "Node:"

func (s *Service) report(ctx context.Context, p EventParams) (OKResult, error) {
	text := strings.TrimSpace(p.Text)
	if text == "" {
		return OKResult{}, wit.NewError(wit.CodeInvalid, "text is blank: say what has happened")
	}
	if own := strings.HasPrefix(text, aboutItself); own || p.DeviceID != "" || p.InstanceID != "" {
		if s.Presence != nil {
			s.Presence.Report(wire.Presence{
				Text: text, DeviceID: p.DeviceID, InstanceID: p.InstanceID, Host: p.Host, IP: p.IP, Mode: p.Mode, Version: p.Version,
				Platform: p.Platform, DeviceFamily: p.DeviceFamily, ModelIdentifier: p.ModelIdentifier,
				LastInputSeconds: p.LastInputSeconds, Reason: p.Reason, Tags: p.Tags,
			})
		}
		if own {
			return OKResult{OK: true}, nil
		}
	}
	err := s.Runs.Tell(ctx, text, false, "", p.SessionKey)
	return OKResult{OK: err == nil}, err
}
