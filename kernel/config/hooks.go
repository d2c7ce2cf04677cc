package config

import (
	"regexp"
	"strconv"
	"strings"
)

// Hooks are what programs may tell the gateway over HTTP. There are none without a token.
type Hooks struct {
	// Enabled is true when left out.
	Enabled *bool `json:"enabled,omitempty"`
	// Token is what a caller has to know: 16 characters or more, and none of gateway's.
	Token string `json:"token,omitempty"`
	// Path is where hooks are, /hooks when empty. A change is in force with the next start.
	Path string `json:"path,omitempty"`
	// DefaultSessionKey is the session of runs that name none; when empty each has its own.
	DefaultSessionKey string `json:"defaultSessionKey,omitempty"`
	// AllowRequestSessionKey lets a caller say which session a run is in, which lets it read and steer any.
	AllowRequestSessionKey bool `json:"allowRequestSessionKey,omitempty"`
	// Mappings say what becomes of calls at paths of the owner's own. The first that fits is taken.
	Mappings []HookMapping `json:"mappings,omitempty"`
}

// On reports whether hooks are served.
func (h Hooks) On() bool { return h.Token != "" && (h.Enabled == nil || *h.Enabled) }

// HookMapping makes a wake-up or a run of a call. In its texts, {{payload.a.b[0]}} stands for a value of the call's body,
// {{headers.x}} and {{query.x}} for one of these, {{path}} for the path and {{now}} for the time.
type HookMapping struct {
	// ID names it in logs.
	ID string `json:"id,omitempty"`
	// Match is which calls it is for: all when empty.
	Match HookMatch `json:"match,omitzero"`
	// Action is "agent" (the default: a run) or "wake" (a system event of the main session).
	Action string `json:"action,omitempty"`
	// WakeMode is "now" (the default) or "next-heartbeat": with the next run.
	WakeMode string `json:"wakeMode,omitempty"`
	// Name says who calls, for the agent.
	Name string `json:"name,omitempty"`
	// MessageTemplate is what a run is asked, and TextTemplate what a wake-up says.
	MessageTemplate string `json:"messageTemplate,omitempty"`
	TextTemplate    string `json:"textTemplate,omitempty"`
	// SessionKey is a template too.
	SessionKey string `json:"sessionKey,omitempty"`
	AgentID    string `json:"agentId,omitempty"`
	// Deliver is true when left out: the answer goes to To on Channel, or where the owner was last spoken to.
	Deliver  *bool  `json:"deliver,omitempty"`
	Channel  string `json:"channel,omitempty"`
	To       string `json:"to,omitempty"`
	Model    string `json:"model,omitempty"`
	Thinking string `json:"thinking,omitempty"`
	// TimeoutSeconds ends a run that takes longer; 0 leaves it to the gateway.
	TimeoutSeconds int64 `json:"timeoutSeconds,omitempty"`
	// AllowUnsafeExternalContent leaves out the warning that what a call brings is no instruction.
	AllowUnsafeExternalContent bool `json:"allowUnsafeExternalContent,omitempty"`
	// Transform is a tool of a plugin that is given the call and answers with a JSON object of the fields to use instead, or
	// with null where the call is to be passed over.
	Transform string `json:"transform,omitempty"`
}

// HookMatch is which calls a mapping is for.
type HookMatch struct {
	// Path is what follows the hooks' own path, such as mail.
	Path string `json:"path,omitempty"`
	// Source is what the body's field source has to be.
	Source string `json:"source,omitempty"`
}

const (
	maxMappings  = 256
	minHookToken = 16
)

var hookPath = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)+$`)

// check names the first value that cannot be.
func (h Hooks) check(g Gateway) *fieldError {
	switch {
	case h.Token == redacted:
		return wrong("hooks.token", "%s stands for a value that is not shown: write the value itself", redacted)
	case h.Token != "" && len(h.Token) < minHookToken:
		return wrong("hooks.token", "must have %d characters or more", minHookToken)
	case h.Token != "" && (h.Token == g.Token || h.Token == g.Password):
		return wrong("hooks.token", "is the gateway's own token or password, which lets in to everything: use another one")
	case h.Path != "" && (!hookPath.MatchString(h.Path) || takenPath(h.Path)):
		return wrong("hooks.path", "%.80q is not a path of its own such as /hooks", h.Path)
	case len(h.Mappings) > maxMappings:
		return wrong("hooks.mappings", "there may be %d", maxMappings)
	}
	for i, m := range h.Mappings {
		if wrong := m.check([]string{"hooks", "mappings", strconv.Itoa(i)}); wrong != nil {
			return wrong
		}
	}
	return nil
}

// takenPath reports whether a path is one of the gateway's.
func takenPath(path string) bool {
	first, _, _ := strings.Cut(path[1:], "/")
	switch first {
	case "ws", "v1", "mcp", "tools", "plugins", "control", "health", "healthz", "ready", "readyz", "metrics":
		return true
	}
	return false
}

func (m HookMapping) check(where []string) *fieldError {
	at := func(field string) []string { return append(where[:len(where):len(where)], field) }
	if wrong := oneOf(at("action"), m.Action); wrong != nil {
		return wrong
	}
	if wrong := oneOf(at("wakeMode"), m.WakeMode); wrong != nil {
		return wrong
	}
	switch {
	case m.Match.Path == "wake" || m.Match.Path == "agent":
		return &fieldError{at("match"), "the paths wake and agent have a meaning of their own"}
	case m.Action == "wake" && m.TextTemplate == "" && m.Transform == "":
		return &fieldError{at("textTemplate"), "a wake-up says something: give a text, or a transform"}
	case m.Action != "wake" && m.MessageTemplate == "" && m.Transform == "":
		return &fieldError{at("messageTemplate"), "a run is asked something: give a message, or a transform"}
	case m.TimeoutSeconds < 0 || m.TimeoutSeconds > 24*3600:
		return &fieldError{at("timeoutSeconds"), "must be from 0 to 86400"}
	}
	return nil
}
