package chat

import (
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Message is a message as clients read it.
type Message struct {
	ID         string    `json:"id,omitempty"`
	Role       string    `json:"role"`
	ToolCallID string    `json:"toolCallId,omitempty"`
	ToolName   string    `json:"toolName,omitempty"`
	Content    []Content `json:"content"`
	IsError    *bool     `json:"isError,omitempty"`
	Provider   string    `json:"provider,omitempty"`
	Model      string    `json:"model,omitempty"`
	Usage      *Usage    `json:"usage,omitempty"`
	StopReason string    `json:"stopReason,omitempty"`
	// ErrorMessage says why an answer broke off.
	ErrorMessage string `json:"errorMessage,omitempty"`
	Timestamp    int64  `json:"timestamp"`
	RunID        string `json:"runId,omitempty"`
	// IdempotencyKey of what a user said is <runId>:user: by it clients of protocol 4 know that it has arrived.
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
	// Place is how clients of protocol 4 tell a message of the history from what they show already.
	Place *Place `json:"__openclaw,omitempty"`
}

// Place is a message's identity and its place in the history. Seq counts from 1.
type Place struct {
	ID    string `json:"id"`
	Seq   uint64 `json:"seq"`
	RunID string `json:"runId,omitempty"`
}

// Content is a part of a message.
type Content struct {
	Type      string   `json:"type"`
	Text      string   `json:"text,omitempty"`
	ID        string   `json:"id,omitempty"`
	Name      string   `json:"name,omitempty"`
	Arguments wit.JSON `json:"arguments,omitempty"`
	// Media is a file's id. URL is where it can be loaded on the gateway, without a token, for six hours at least.
	Media    string `json:"media,omitempty"`
	URL      string `json:"url,omitempty"`
	MimeType string `json:"mimeType,omitempty"`
	// DurationMs is that of a recording or a video, Width and Height are in pixels, Voice is a recording that somebody has
	// spoken as a message.
	DurationMs int64  `json:"durationMs,omitempty"`
	Width      uint32 `json:"width,omitempty"`
	Height     uint32 `json:"height,omitempty"`
	Voice      bool   `json:"voice,omitempty"`
}

// assistantMessage is what the assistant says now.
func assistantMessage(text string) *Message {
	return &Message{Role: "assistant", Content: []Content{{Type: "text", Text: text}}, Timestamp: now()}
}

// Links say where clients load files.
type Links interface {
	// URL is the address of a file, for who may read what it is in.
	URL(id string) string
	// Window is another number when the addresses are others.
	Window() int64
}

// shown is a message of the history as clients read it, its texts cut to maxChars bytes unless that is 0. links may be nil:
// then nothing says where files are.
func shown(links Links, sessionID string, m session.Message, maxChars int) Message {
	out := Message{
		ID: session.MessageID(sessionID, m.Number), Role: string(m.Role), Content: []Content{},
		Provider: m.Provider, Model: m.Model, StopReason: stopReason(m.Stop), ErrorMessage: m.Error,
		Timestamp: m.Time, RunID: m.Run,
	}
	out.Place = &Place{out.ID, m.Number, m.Run}
	if m.Role == wit.RoleTool {
		out.Role, out.ToolCallID, out.ToolName, out.IsError = "toolResult", m.ToolCallID, m.Tool, &m.Failed
	}
	if m.Role == wit.RoleUser {
		out.IdempotencyKey = userKey(m.Run)
	}
	if m.Usage != nil {
		out.Usage = usage(*m.Usage)
	}
	for _, p := range m.Parts {
		c := Content{Type: string(p.Kind)}
		if p.Text != nil {
			c.Text = message.Clip(*p.Text, maxChars)
		}
		if p.Media != nil {
			c.Media = *p.Media
			if links != nil && c.Media != "" {
				c.URL = links.URL(c.Media)
			}
		}
		if p.Mime != nil {
			c.MimeType = *p.Mime
		}
		if p.Duration != nil {
			c.DurationMs = *p.Duration
		}
		if p.Width != nil && p.Height != nil {
			c.Width, c.Height = *p.Width, *p.Height
		}
		c.Voice = p.Voice
		out.Content = append(out.Content, c)
	}
	for _, call := range m.ToolCalls {
		out.Content = append(out.Content, Content{Type: "toolCall", ID: call.ID, Name: call.Name, Arguments: call.Args})
	}
	return out
}

// userKey is the idempotency key of the message that began a run, "" without one.
func userKey(run string) string {
	if run == "" {
		return ""
	}
	return run + ":user"
}

// size is about how many bytes the message has as JSON.
// The constants are the fields around the texts. A rough figure is enough, for a frame to a client has room above
// historyBytes.
func (m Message) size() int {
	n := 350
	for _, c := range m.Content {
		n += 60 + len(c.URL) + len(c.Text) + len(c.Arguments)
	}
	return n
}

// stopReason is the protocol's word for why a message ended.
func stopReason(stop string) string {
	switch stop {
	case string(wit.StopReasonEnd):
		return "stop"
	case string(wit.StopReasonToolCalls):
		return "toolUse"
	}
	return stop
}

// usage counts tokens as clients do.
func usage(u wit.Usage) *Usage {
	return &Usage{Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite: u.CacheWrite,
		TotalTokens: u.Input + u.Output + u.CacheRead + u.CacheWrite}
}
