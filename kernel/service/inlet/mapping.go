package inlet

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/wit"
)

// fits reports whether a mapping is for a call.
func fits(m config.HookMatch, c call) bool {
	if m.Path != "" && strings.Trim(m.Path, "/") != c.path {
		return false
	}
	if m.Source == "" {
		return true
	}
	var body struct {
		Source string `json:"source"`
	}
	return json.Unmarshal(c.body, &body) == nil && body.Source == m.Source
}

// mapped does what a mapping makes of a call.
func (s *Service) mapped(w http.ResponseWriter, settings config.Hooks, m config.HookMapping, c call) error {
	values := newValues(c, time.Now())
	made := result{
		Action: m.Action, Text: values.fill(m.TextTemplate), Mode: m.WakeMode, ask: ask{
			Message: values.fill(m.MessageTemplate), Name: m.Name, SessionKey: values.fill(m.SessionKey), AgentID: m.AgentID, Deliver: m.Deliver,
			Channel: m.Channel, To: m.To, Model: m.Model, Thinking: m.Thinking, TimeoutSeconds: float64(m.TimeoutSeconds),
			AllowUnsafeExternalContent: m.AllowUnsafeExternalContent,
		},
	}
	if m.Transform != "" {
		take, err := s.transformed(c.request.Context(), m, values, &made)
		if err != nil {
			return err
		}
		if !take {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	if made.Action == "wake" {
		return s.wake(w, c, wake{Text: made.Text, Mode: made.Mode, AgentID: made.AgentID})
	}
	return s.agent(w, settings, c, made.ask)
}

// result is what a mapping comes to, and what a transform may say instead.
type result struct {
	Action string `json:"action"`
	Text   string `json:"text"`
	Mode   string `json:"mode"`
	ask
}

// transformed asks the mapping's tool what the call comes to. take is false for a call that is to be passed over: the tool
// said null. What a tool may not say is that its content is safe.
func (s *Service) transformed(ctx context.Context, m config.HookMapping, v values, made *result) (take bool, err error) {
	args, err := json.Marshal(v.roots)
	if err != nil {
		return false, wit.Errorf(wit.CodeInternal, "a call as JSON: %w", err)
	}
	text, err := s.Transform(ctx, m.Transform, args)
	if err != nil {
		s.log.Warn("transform failed", "mapping", m.ID, "tool", m.Transform, "error", err)
		return false, wit.Errorf(wit.CodeUnavailable, "the transform of this hook failed: the gateway's log says why")
	}
	if text = strings.TrimSpace(text); text == "null" {
		return false, nil
	}
	safe := made.AllowUnsafeExternalContent
	if err := json.Unmarshal([]byte(text), made); err != nil {
		s.log.Warn("transform answered no JSON object", "mapping", m.ID, "tool", m.Transform)
		return false, wit.Errorf(wit.CodeUnavailable, "the transform of this hook failed: the gateway's log says why")
	}
	made.AllowUnsafeExternalContent = safe
	return true, nil
}
