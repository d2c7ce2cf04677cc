package session

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// PatchParams changes a session's choices: a string sets, null clears, what is absent stays.
type PatchParams struct {
	Key     string `json:"key" rpc:"required,min=1"`
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	// ExpectedSessionID refuses when the session has another history by now.
	ExpectedSessionID string `json:"expectedSessionId,omitempty" rpc:"min=1"`

	Change

	// This and those below are accepted and not compared.
	ExpectedLifecycleRevision string          `json:"expectedLifecycleRevision"`
	ExpectedPermissionMode    *string         `json:"expectedPermissionMode"`
	ExpectedToolOverrides     *map[string]any `json:"expectedToolOverrides"`
	ExpectedMarkedUnreadAt    *float64        `json:"expectedMarkedUnreadAt" rpc:"min=0"`
}

// Change changes a session's choices: a string sets, null clears, what is absent stays.
type Change struct {
	// Label names the session; no other may have it. At most 512 bytes.
	Label json.RawMessage `json:"label"`
	// ThinkingLevel is off, minimal, low, medium, high, xhigh, max or adaptive.
	ThinkingLevel json.RawMessage `json:"thinkingLevel"`
	// TTSAuto says which answers are spoken here: off, inbound (those to voice messages) or always.
	TTSAuto json.RawMessage `json:"ttsAuto"`
	// VerboseLevel is off, on or full.
	VerboseLevel json.RawMessage `json:"verboseLevel"`
	// ReasoningLevel says whether chats are shown what the model thought: off, on or stream, which is the same here.
	ReasoningLevel json.RawMessage `json:"reasoningLevel"`
	// ResponseUsage is off, tokens, full or on.
	ResponseUsage json.RawMessage `json:"responseUsage"`
	// Model is provider/model, or a provider's id for its default model.
	Model     json.RawMessage `json:"model"`
	SpawnedBy json.RawMessage `json:"spawnedBy"`

	marking
	refused
}

// refused are the settings of sessions.patch that restrict or place what an agent may do, and that nothing here enforces: to keep one
// would have its owner believe that it holds. They are refused unless they are null. What does hold is the policy of approvals, for all
// sessions of an agent, and who may write to a channel's account.
type refused struct {
	ElevatedLevel              json.RawMessage `json:"elevatedLevel"`
	SendPolicy                 json.RawMessage `json:"sendPolicy"`
	GroupActivation            json.RawMessage `json:"groupActivation"`
	ExecHost                   json.RawMessage `json:"execHost"`
	ExecSecurity               json.RawMessage `json:"execSecurity"`
	ExecAsk                    json.RawMessage `json:"execAsk"`
	ExecNode                   json.RawMessage `json:"execNode"`
	PermissionMode             json.RawMessage `json:"permissionMode"`
	ToolOverrides              json.RawMessage `json:"toolOverrides"`
	InheritedToolPolicyVersion json.RawMessage `json:"inheritedToolPolicyVersion"`
	InheritedToolAllow         json.RawMessage `json:"inheritedToolAllow"`
	InheritedToolDeny          json.RawMessage `json:"inheritedToolDeny"`
}

func (r refused) check() error {
	for name, raw := range map[string]json.RawMessage{
		"elevatedLevel": r.ElevatedLevel, "sendPolicy": r.SendPolicy, "groupActivation": r.GroupActivation,
		"execHost": r.ExecHost, "execSecurity": r.ExecSecurity, "execAsk": r.ExecAsk, "execNode": r.ExecNode,
		"permissionMode": r.PermissionMode, "toolOverrides": r.ToolOverrides, "inheritedToolPolicyVersion": r.InheritedToolPolicyVersion,
		"inheritedToolAllow": r.InheritedToolAllow, "inheritedToolDeny": r.InheritedToolDeny,
	} {
		if len(raw) > 0 && string(raw) != "null" {
			return wit.Errorf(wit.CodeInvalid, "invalid sessions.patch params: %s is not enforced here: leave it out", name)
		}
	}
	return nil
}

// ThinkingLevels are how much a model may think.
func ThinkingLevels() []string {
	return []string{"off", "minimal", "low", "medium", "high", "xhigh", "max", "adaptive"}
}

// SpeechModes say which answers are spoken in a session.
func SpeechModes() []string { return []string{"off", "inbound", "always"} }

// archivesOnly reports whether nothing is changed but whether the session is put away.
func (p PatchParams) archivesOnly() bool {
	change := p.Change
	p.Key, p.AgentID, p.ExpectedSessionID, p.Change = "", "", "", Change{}
	return change.archivesOnly() && reflect.DeepEqual(p, PatchParams{})
}

func (p Change) archivesOnly() bool {
	given := p.Archived != nil
	p.Archived = nil
	return given && reflect.DeepEqual(p, Change{})
}

// maxLabel is the longest label, in bytes.
const maxLabel = 512

// apply changes c as p says, or fails with CodeInvalid and leaves it half changed.
func (p Change) apply(c *Choices) error {
	for _, f := range []struct {
		name  string
		raw   json.RawMessage
		field *string
		among []string
	}{
		{"label", p.Label, &c.Label, nil},
		{"thinkingLevel", p.ThinkingLevel, &c.Thinking, ThinkingLevels()},
		{"ttsAuto", p.TTSAuto, &c.Speech, SpeechModes()},
		{"verboseLevel", p.VerboseLevel, &c.Verbose, []string{"off", "on", "full"}},
		{"reasoningLevel", p.ReasoningLevel, &c.Reasoning, []string{"off", "on", "stream"}},
		{"responseUsage", p.ResponseUsage, &c.ResponseUsage, []string{"off", "tokens", "full", "on"}},
		{"model", p.Model, &c.Model, nil},
		{"spawnedBy", p.SpawnedBy, &c.SpawnedBy, nil},
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
		if *value == "" {
			return wit.Errorf(wit.CodeInvalid, "invalid sessions.patch params: %s cannot be empty: null clears it", f.name)
		}
		if len(*value) > maxLabel {
			return wit.Errorf(wit.CodeInvalid, "invalid sessions.patch params: %s cannot be longer than %d bytes: it has %d", f.name, maxLabel, len(*value))
		}
		*f.field = *value
	}
	if err := p.refused.check(); err != nil {
		return err
	}
	return p.marking.apply(c)
}
