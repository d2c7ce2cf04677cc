package talk

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
)

type chatEvent struct {
	RunID        string
	SessionKey   string
	State        string
	ErrorMessage string
	Message      struct{ Content json.RawMessage }
}

type agentEvent struct {
	RunID      string
	SessionKey string
	Stream     string
	Data       struct {
		Phase, Name, ToolCallID string
		Args, Result            json.RawMessage
		IsError                 bool
	}
}

// take turns a gateway's event into an update.
func (c *Conversation) take(ctx context.Context, e client.Event) {
	switch e.Name {
	case "chat":
		var ev chatEvent
		if json.Unmarshal(e.Payload, &ev) == nil && c.here(ev.SessionKey) {
			c.takeChat(ctx, ev)
		}
	case "agent":
		var ev agentEvent
		if json.Unmarshal(e.Payload, &ev) == nil && ev.Stream == "tool" && c.here(ev.SessionKey) {
			c.takeTool(ctx, ev)
		}
	}
}

func (c *Conversation) takeChat(ctx context.Context, ev chatEvent) {
	text := Text(ev.Message.Content)
	switch ev.State {
	case "delta":
		c.emit(ctx, Update{Kind: Delta, Run: ev.RunID, Text: text, Mine: c.mine(ev.RunID)})
	case "final":
		c.end(ctx, Update{Kind: Final, Run: ev.RunID, Text: text})
	case "aborted":
		c.end(ctx, Update{Kind: Aborted, Run: ev.RunID, Text: text})
	case "error":
		c.end(ctx, Update{Kind: Failed, Run: ev.RunID, Err: errors.New(ev.ErrorMessage)})
	}
}

func (c *Conversation) takeTool(ctx context.Context, ev agentEvent) {
	tool := Tool{ID: ev.Data.ToolCallID, Name: ev.Data.Name, Args: string(ev.Data.Args), Result: Text(ev.Data.Result), Failed: ev.Data.IsError}
	kind := ToolStart
	if ev.Data.Phase == "result" {
		kind = ToolEnd
	} else if ev.Data.Phase != "start" {
		return
	}
	c.emit(ctx, Update{Kind: kind, Run: ev.RunID, Tool: tool, Mine: c.mine(ev.RunID)})
}

// here reports whether an event's session is this one: the short key and the full one are the same.
func (c *Conversation) here(key string) bool {
	return key == c.session || strings.HasSuffix(key, ":"+c.session)
}

// Text is the readable part of a message's content: a string, or parts of which some are text.
func Text(content json.RawMessage) string {
	var s string
	if json.Unmarshal(content, &s) == nil {
		return s
	}
	var whole struct{ Content json.RawMessage }
	if json.Unmarshal(content, &whole) == nil && len(whole.Content) > 0 {
		return Text(whole.Content)
	}
	var parts []struct{ Type, Text string }
	if json.Unmarshal(content, &parts) != nil {
		return string(content)
	}
	var texts []string
	for _, p := range parts {
		if p.Text != "" {
			texts = append(texts, p.Text)
		}
	}
	return strings.Join(texts, "\n")
}
