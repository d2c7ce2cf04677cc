package approval

import (
	"bytes"
	"encoding/json"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// The events. Only clients with the scope operator.approvals are told.
var (
	ExecRequested   = event.Kind[ExecPending]{Name: "exec.approval.requested", Scope: wire.ScopeApprovals}
	ExecResolved    = event.Kind[Resolved]{Name: "exec.approval.resolved", Scope: wire.ScopeApprovals}
	PluginRequested = event.Kind[PluginPending]{Name: "plugin.approval.requested", Scope: wire.ScopeApprovals}
	PluginResolved  = event.Kind[Resolved]{Name: "plugin.approval.resolved", Scope: wire.ScopeApprovals}
)

// ExecPending is an approval of a call or a command that waits. Times are in Unix milliseconds.
type ExecPending struct {
	ID          string      `json:"id"`
	Request     ExecRequest `json:"request"`
	CreatedAtMs int64       `json:"createdAtMs"`
	ExpiresAtMs int64       `json:"expiresAtMs"`
}

// ExecRequest is what is asked about.
type ExecRequest struct {
	// Command is what is to be done, in words or as a command line.
	Command string  `json:"command"`
	CWD     *string `json:"cwd"`
	// Host is gateway for a call of a tool; node or another word of the client's for its commands.
	Host         *string `json:"host"`
	NodeID       *string `json:"nodeId,omitempty"`
	Security     *string `json:"security"`
	Ask          *string `json:"ask"`
	AgentID      *string `json:"agentId"`
	ResolvedPath *string `json:"resolvedPath"`
	SessionKey   *string `json:"sessionKey"`
	RunID        *string `json:"runId,omitempty"`
	ToolCallID   *string `json:"toolCallId,omitempty"`
	// ToolName and Effects are those of the tool that is to be called.
	ToolName *string  `json:"toolName,omitempty"`
	Effects  []string `json:"effects,omitempty"`
	// WarningText is what whoever asks warns of.
	WarningText *string `json:"warningText,omitempty"`
	// AllowedDecisions are those to choose from.
	AllowedDecisions []Decision `json:"allowedDecisions" rpc:"enum=allow-once|allow-always|deny"`
}

// PluginPending is an approval that waits and was asked for a plugin of a client. Times are in Unix milliseconds.
type PluginPending struct {
	ID          string        `json:"id"`
	Request     PluginRequest `json:"request"`
	CreatedAtMs int64         `json:"createdAtMs"`
	ExpiresAtMs int64         `json:"expiresAtMs"`
}

// PluginRequest is what is asked about.
type PluginRequest struct {
	Title       string  `json:"title"`
	Description string  `json:"description"`
	Detail      *string `json:"detail,omitempty"`
	// Severity is info, warning or critical.
	Severity   string  `json:"severity" rpc:"enum=info|warning|critical"`
	PluginID   *string `json:"pluginId"`
	ToolName   *string `json:"toolName"`
	ToolCallID *string `json:"toolCallId,omitempty"`
	AgentID    *string `json:"agentId"`
	SessionKey *string `json:"sessionKey"`
	// AllowedDecisions are those to choose from.
	AllowedDecisions []Decision `json:"allowedDecisions" rpc:"enum=allow-once|allow-always|deny"`
}

// Resolved tells that an approval is over.
type Resolved struct {
	ID string `json:"id"`
	// Decision is null where nobody has decided.
	Decision *Decision `json:"decision" rpc:"enum=allow-once|allow-always|deny"`
	Status   Status    `json:"status" rpc:"enum=approved|denied|expired|cancelled"`
	// ResolvedBy is what people call who has decided, null for the clock and for a run that has ended.
	ResolvedBy *string `json:"resolvedBy"`
	// Resolver is who that is.
	Resolver Resolver `json:"resolver"`
	// TS is in Unix milliseconds.
	TS int64 `json:"ts"`
}

// publish tells of an approval as it is now.
func (s *Service) publish(r record) {
	switch {
	case r.Status == Pending && r.Kind == Exec:
		ExecRequested.Publish(s.d.Bus, r.execPending())
	case r.Status == Pending:
		PluginRequested.Publish(s.d.Bus, r.pluginPending())
	case r.Kind == Exec:
		ExecResolved.Publish(s.d.Bus, r.resolved())
	default:
		PluginResolved.Publish(s.d.Bus, r.resolved())
	}
}

func (r *record) execPending() ExecPending {
	return ExecPending{ID: r.ID, Request: *r.Exec, CreatedAtMs: r.CreatedAt, ExpiresAtMs: r.ExpiresAt}
}

func (r *record) pluginPending() PluginPending {
	return PluginPending{ID: r.ID, Request: *r.Plugin, CreatedAtMs: r.CreatedAt, ExpiresAtMs: r.ExpiresAt}
}

func (r *record) resolved() Resolved {
	return Resolved{ID: r.ID, Decision: said(r.Decision), Status: r.Status, ResolvedBy: some(r.ByName), Resolver: r.By, TS: r.At}
}

// said is a decision, nil for none.
func said(d Decision) *Decision {
	if d == "" {
		return nil
	}
	return &d
}

// some is a text, nil for none.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// text is what a client has written, "" for nothing.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// compact is JSON on one line, "" for what is none.
func compact(b []byte) string {
	var line bytes.Buffer
	if json.Compact(&line, b) != nil {
		return ""
	}
	return line.String()
}
