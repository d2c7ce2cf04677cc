package session

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// PatchParams changes a session's choices: a string sets, null clears, what is absent stays.
type PatchParams struct {
	Key     string `json:"key"`
	AgentID string `json:"agentId"`
	// ExpectedSessionID refuses when the session has another history by now.
	ExpectedSessionID string `json:"expectedSessionId"`

	// Label names the session; no other may have it. At most 512 bytes.
	Label json.RawMessage `json:"label"`
	// ThinkingLevel is off, minimal, low, medium, high, xhigh, max or adaptive.
	ThinkingLevel json.RawMessage `json:"thinkingLevel"`
	// VerboseLevel is off, on or full.
	VerboseLevel json.RawMessage `json:"verboseLevel"`
	// ReasoningLevel is off, on or stream.
	ReasoningLevel json.RawMessage `json:"reasoningLevel"`
	// ResponseUsage is off, tokens, full or on.
	ResponseUsage json.RawMessage `json:"responseUsage"`
	// ElevatedLevel is off, on, ask or full.
	ElevatedLevel json.RawMessage `json:"elevatedLevel"`
	// Model is provider/model, or a provider's id for its default model.
	Model     json.RawMessage `json:"model"`
	SpawnedBy json.RawMessage `json:"spawnedBy"`
	// SendPolicy is allow or deny.
	SendPolicy json.RawMessage `json:"sendPolicy"`
	// GroupActivation is mention or always.
	GroupActivation json.RawMessage `json:"groupActivation"`

	// Kept for clients; nothing in the gateway acts on them.
	Kept
}

// Kept are the settings of sessions.patch that are stored as they come.
type Kept struct {
	ExecHost     json.RawMessage `json:"execHost,omitempty"`
	ExecSecurity json.RawMessage `json:"execSecurity,omitempty"`
	ExecAsk      json.RawMessage `json:"execAsk,omitempty"`
	ExecNode     json.RawMessage `json:"execNode,omitempty"`
	Icon         json.RawMessage `json:"icon,omitempty"`
	Color        json.RawMessage `json:"color,omitempty"`
	Category     json.RawMessage `json:"category,omitempty"`
	StatusNote   json.RawMessage `json:"statusNote,omitempty"`
	Pinned       json.RawMessage `json:"pinned,omitempty"`
	Unread       json.RawMessage `json:"unread,omitempty"`
	Archived     json.RawMessage `json:"archived,omitempty"`
	FastMode     json.RawMessage `json:"fastMode,omitempty"`
	TraceLevel   json.RawMessage `json:"traceLevel,omitempty"`
}

// maxLabel is the longest label, in bytes.
const maxLabel = 512

// apply changes c as p says, or fails with CodeInvalid and leaves it half changed.
func (p PatchParams) apply(c *Choices) error {
	thinking := []string{"off", "minimal", "low", "medium", "high", "xhigh", "max", "adaptive"}
	for _, f := range []struct {
		name  string
		raw   json.RawMessage
		field *string
		among []string
	}{
		{"label", p.Label, &c.Label, nil},
		{"thinkingLevel", p.ThinkingLevel, &c.Thinking, thinking},
		{"verboseLevel", p.VerboseLevel, &c.Verbose, []string{"off", "on", "full"}},
		{"reasoningLevel", p.ReasoningLevel, &c.Reasoning, []string{"off", "on", "stream"}},
		{"responseUsage", p.ResponseUsage, &c.ResponseUsage, []string{"off", "tokens", "full", "on"}},
		{"elevatedLevel", p.ElevatedLevel, &c.Elevated, []string{"off", "on", "ask", "full"}},
		{"model", p.Model, &c.Model, nil},
		{"spawnedBy", p.SpawnedBy, &c.SpawnedBy, nil},
		{"sendPolicy", p.SendPolicy, &c.SendPolicy, []string{"allow", "deny"}},
		{"groupActivation", p.GroupActivation, &c.GroupActivation, []string{"mention", "always"}},
	} {
		if len(f.raw) == 0 {
			continue
		}
		var value *string
		if err := json.Unmarshal(f.raw, &value); err != nil {
			return wit.Errorf(wit.CodeInvalid, "invalid sessions.patch params: %s must be a string or null", f.name)
		}
		if value == nil {
			*f.field = ""
			continue
		}
		if f.among != nil && !slices.Contains(f.among, *value) {
			return wit.Errorf(wit.CodeInvalid, "invalid sessions.patch params: %s cannot be %.40q: use %s or null", f.name, *value, strings.Join(f.among, ", "))
		}
		if len(*value) > maxLabel {
			return wit.Errorf(wit.CodeInvalid, "invalid sessions.patch params: %s cannot be longer than %d bytes: it has %d", f.name, maxLabel, len(*value))
		}
		*f.field = *value
	}
	return p.Kept.apply(c)
}

func (k Kept) apply(c *Choices) error {
	raw, err := json.Marshal(k)
	if err != nil {
		return wit.Errorf(wit.CodeInternal, "sessions.patch: %w", err)
	}
	given := map[string]json.RawMessage{}
	if err := json.Unmarshal(raw, &given); err != nil {
		return wit.Errorf(wit.CodeInternal, "sessions.patch: %w", err)
	}
	for name, value := range given {
		switch {
		case string(value) == "null":
			delete(c.More, name)
		case len(value) > maxLabel:
			return wit.Errorf(wit.CodeTooLarge, "sessions.patch: %s has %d bytes, at most %d fit", name, len(value), maxLabel)
		default:
			if c.More == nil {
				c.More = map[string]json.RawMessage{}
			}
			c.More[name] = value
		}
	}
	return nil
}
