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

// toolEvent is an event of the stream tool: the gateway's event, with the data that this stream has. Arguments stay
// as they were sent, since they are shown.
type toolEvent struct {
	chat.AgentEvent
	Data struct {
		Phase      string                           `json:"phase"` // start or result
		Name       string                           `json:"name"`
		ToolCallID string                           `json:"toolCallId"`
		Args       json.RawMessage                  `json:"args"`
		Result     struct{ Content []chat.Content } `json:"result"`
		IsError    bool                             `json:"isError"`
	} `json:"data"`
}

// take turns a gateway's event into an update. Events of other sessions, of other kinds, and such as it cannot read
// are passed over: a newer gateway may send more.
func (c *Conversation) take(ctx context.Context, e client.Event) {
	switch e.Name {
	case chat.Chats.Name: // ends and deltas bear the same name
		var ev chat.Event
		if json.Unmarshal(e.Payload, &ev) == nil && c.here(ev.SessionKey) {
			c.takeChat(ctx, ev)
		}
	case chat.Agents.Name:
		var ev chat.AgentEvent // its stream says how its data is to be read
		if json.Unmarshal(e.Payload, &ev) != nil || ev.Stream != "tool" || !c.here(ev.SessionKey) {
			return
		}
		var tool toolEvent
		if json.Unmarshal(e.Payload, &tool) == nil {
			c.takeTool(ctx, tool)
		}
	}
}

// takeChat tells how an answer grows and ends. A delta holds all of the text so far, so a lost one does no harm.
func (c *Conversation) takeChat(ctx context.Context, ev chat.Event) {
	text := ""
	if ev.Message != nil {
		text = Text(ev.Message.Content)
	}
	switch ev.State {
	case "delta":
		c.emit(ctx, Update{Kind: Delta, Run: ev.RunID, Text: text})
	case "final":
		c.end(ctx, Update{Kind: Final, Run: ev.RunID, Text: text})
	case "aborted":
		c.end(ctx, Update{Kind: Aborted, Run: ev.RunID, Text: text})
	case "error":
		c.end(ctx, Update{Kind: Failed, Run: ev.RunID, Err: errors.New(ev.ErrorMessage)})
	}
}

// takeTool tells of a tool's call.
func (c *Conversation) takeTool(ctx context.Context, ev toolEvent) {
	u := Update{Kind: ToolStart, Run: ev.RunID}
	u.Tool = Tool{ID: ev.Data.ToolCallID, Name: ev.Data.Name, Args: string(ev.Data.Args), Result: Text(ev.Data.Result.Content), Failed: ev.Data.IsError}
	switch ev.Data.Phase {
	case "start":
	case "result":
		u.Kind = ToolEnd
	default:
		return
	}
	c.emit(ctx, u)
}

// here reports whether an event's session is this one: the short key and the full one are the same.
func (c *Conversation) here(key session.Key) bool {
	return string(key) == c.session || strings.HasSuffix(string(key), ":"+c.session)
}

// Text is the readable part of a message's content.
func Text(content []chat.Content) string {
	var texts []string
	for _, p := range content {
		if p.Text != "" {
			texts = append(texts, p.Text)
		}
	}
	return strings.Join(texts, "\n")
}
