package talk

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/session"
)

// toolEvent is a chat.AgentEvent of the stream tool. Its Data takes the place of the free-form one, and leaves
// the arguments as the model wrote them.
type toolEvent struct {
	chat.AgentEvent
	Data struct {
		Phase      string          `json:"phase"`
		Name       string          `json:"name"`
		ToolCallID string          `json:"toolCallId"`
		Args       json.RawMessage `json:"args"`
		Result     chat.Message    `json:"result"` // only its content
		IsError    bool            `json:"isError"`
	} `json:"data"`
}

// take turns a gateway's event into an update.
func (c *Conversation) take(ctx context.Context, e client.Event) {
	switch e.Name {
	case chat.Chats.Name:
		var ev chat.Event
		if json.Unmarshal(e.Payload, &ev) == nil && sameSession(ev.SessionKey, c.session) {
			c.takeChat(ctx, ev)
		}
	case chat.Agents.Name:
		var ev toolEvent
		if json.Unmarshal(e.Payload, &ev) == nil && ev.Stream == "tool" && sameSession(ev.SessionKey, c.session) {
			c.takeTool(ctx, ev)
		}
	}
}

func (c *Conversation) takeChat(ctx context.Context, ev chat.Event) {
	var text string
	if ev.Message != nil {
		text = Text(ev.Message.Content)
	}
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

func (c *Conversation) takeTool(ctx context.Context, ev toolEvent) {
	tool := Tool{ID: ev.Data.ToolCallID, Name: ev.Data.Name, Args: string(ev.Data.Args), Result: Text(ev.Data.Result.Content), Failed: ev.Data.IsError}
	kind := ToolStart
	if ev.Data.Phase == "result" {
		kind = ToolEnd
	} else if ev.Data.Phase != "start" {
		return
	}
	c.emit(ctx, Update{Kind: kind, Run: ev.RunID, Tool: tool, Mine: c.mine(ev.RunID)})
}

// sameSession reports whether an event's key is that of the session: the short key and the full one are the same.
func sameSession(key session.Key, name string) bool {
	return string(key) == name || strings.HasSuffix(string(key), ":"+name)
}
