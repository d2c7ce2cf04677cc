package session

import (
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// Marks are what people put on a session for their own lists; the gateway keeps them, and leaves archived
// sessions out of lists.
type Marks struct {
	Pinned     bool   `json:"pinned"`
	Unread     bool   `json:"unread"`
	Archived   bool   `json:"archived"`
	Icon       string `json:"icon,omitempty"`
	Color      string `json:"color,omitempty"`
	Category   string `json:"category,omitempty"`
	StatusNote string `json:"statusNote,omitempty"`
	Attention  string `json:"attention,omitempty"`
	BoardFace  string `json:"boardFace,omitempty"`
	// TTLMinutes is how long statusNote and attention were said to hold.
	TTLMinutes    int    `json:"ttlMinutes,omitempty"`
	ContextWindow string `json:"contextWindow,omitempty"`
	// FastMode is true, false or auto.
	FastMode                  any    `json:"fastMode,omitempty"`
	TraceLevel                string `json:"traceLevel,omitempty"`
	CompletionOwnerSessionKey string `json:"completionOwnerSessionKey,omitempty"`
}

// marking changes Marks: a value sets, null clears, what is absent stays.
type marking struct {
	Pinned   *bool `json:"pinned"`
	Unread   *bool `json:"unread"`
	Archived *bool `json:"archived"`
	// Icon, color, category, traceLevel, contextWindow and completionOwnerSessionKey are texts of at most 512
	// characters, statusNote of 120.
	Icon       json.RawMessage `json:"icon"`
	Color      json.RawMessage `json:"color"`
	Category   json.RawMessage `json:"category"`
	StatusNote json.RawMessage `json:"statusNote"`
	// Attention is hand, key, alert, flag, lock or hourglass.
	Attention                 json.RawMessage `json:"attention"`
	BoardFace                 string          `json:"boardFace,omitempty" rpc:"enum=chat|dashboard"`
	TTLMinutes                *int            `json:"ttlMinutes" rpc:"min=1,max=120"`
	ContextWindow             json.RawMessage `json:"contextWindow"`
	FastMode                  json.RawMessage `json:"fastMode"`
	TraceLevel                json.RawMessage `json:"traceLevel"`
	CompletionOwnerSessionKey json.RawMessage `json:"completionOwnerSessionKey"`
}

// marks are the session's. What cannot be read is as good as not set.
func (c Choices) marks() (m Marks) {
	if raw, err := json.Marshal(c.More); err == nil {
		_ = json.Unmarshal(raw, &m)
	}
	return m
}

// Archived reports whether the session was put away.
func (c Choices) Archived() bool { return string(c.More["archived"]) == "true" }

// Pinned reports whether a person wants the session to stay.
func (c Choices) Pinned() bool { return string(c.More["pinned"]) == "true" }

// SetArchived puts the session away, or takes the mark off it.
func (c *Choices) SetArchived(away bool) {
	if !away {
		delete(c.More, "archived")
		return
	}
	if c.More == nil {
		c.More = map[string]json.RawMessage{}
	}
	c.More["archived"] = json.RawMessage("true")
}

// apply changes c's marks, or fails with CodeInvalid and leaves them half changed.
func (m marking) apply(c *Choices) error {
	for _, f := range []struct {
		name  string
		value any
		right func(any) bool
		want  string
	}{
		{"pinned", m.Pinned, nil, ""},
		{"unread", m.Unread, nil, ""},
		{"archived", m.Archived, nil, ""},
		{"icon", m.Icon, texts(maxLabel), "text"},
		{"color", m.Color, texts(maxLabel), "text"},
		{"category", m.Category, texts(maxLabel), "text"},
		{"statusNote", m.StatusNote, texts(120), "a text of at most 120 characters"},
		{"attention", m.Attention, among("hand", "key", "alert", "flag", "lock", "hourglass"), "hand, key, alert, flag, lock or hourglass"},
		{"boardFace", m.BoardFace, nil, ""},
		{"ttlMinutes", m.TTLMinutes, nil, ""},
		{"contextWindow", m.ContextWindow, texts(maxLabel), "text"},
		{"fastMode", m.FastMode, among(true, false, "auto"), "true, false or auto"},
		{"traceLevel", m.TraceLevel, texts(maxLabel), "text"},
		{"completionOwnerSessionKey", m.CompletionOwnerSessionKey, texts(maxLabel), "text"},
	} {
		if err := c.mark(f.name, f.value, f.right, f.want); err != nil {
			return err
		}
	}
	return nil
}

// mark sets or clears one mark. A value that is not raw has been checked by its type.
func (c *Choices) mark(name string, value any, right func(any) bool, want string) error {
	raw, given := value.(json.RawMessage)
	if !given {
		var err error
		if raw, err = json.Marshal(value); err != nil {
			return wit.Errorf(wit.CodeInternal, "sessions.patch: %w", err)
		}
	}
	switch text := string(raw); {
	case text == "", !given && (text == "null" || text == `""`):
		return nil
	case text == "null":
		delete(c.More, name)
		return nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil || right != nil && !right(v) {
		return wit.Errorf(wit.CodeInvalid, "invalid sessions.patch params: %s cannot be %.40q, use %s or null", name, string(raw), want)
	}
	if c.More == nil {
		c.More = map[string]json.RawMessage{}
	}
	c.More[name] = raw
	return nil
}

func texts(most int) func(any) bool {
	return func(v any) bool {
		text, ok := v.(string)
		return ok && utf8.RuneCountInString(text) <= most
	}
}

func among(values ...any) func(any) bool {
	return func(v any) bool { return slices.Contains(values, v) }
}
