package openai

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// body is the request's JSON. What the chat leaves open is left out, so that the server's own defaults count; the usage
// has to be asked for.
func (c *config) body(chat *wit.Chat, names names) wit.JSON {
	body := make(json.Object, 0, size(chat)).
		Text("model", c.modelOf(chat)).
		Array("messages", func(list json.Array) json.Array { return messages(list, chat, names) }).
		Bool("stream", true).
		Object("stream_options", func(o json.Object) json.Object { return o.Bool("include_usage", true) })
	if len(chat.Tools) > 0 {
		body = body.Array("tools", func(list json.Array) json.Array { return tools(list, chat.Tools, names) })
	}
	if chat.MaxTokens > 0 {
		body = body.Int(c.limitName(), int64(chat.MaxTokens))
	}
	if chat.Temperature != nil {
		body = body.Float("temperature", *chat.Temperature)
	}
	if chat.Thinking != "" && chat.Thinking != "off" {
		body = body.Text("reasoning_effort", chat.Thinking)
	}
	return body.JSON()
}

// size is about how long the request will be: growing a long text step by step costs more than making it.
func size(chat *wit.Chat) int {
	const field = 64 // names, quotes and braces
	n := 4*field + len(chat.System)
	for i := range chat.Turns {
		turn := &chat.Turns[i]
		n += field
		for j := range turn.Content {
			if text := turn.Content[j].Text; text != nil {
				n += len(*text) + len(*text)/16 // escapes
			}
		}
		for j := range turn.ToolCalls {
			n += 2*field + len(turn.ToolCalls[j].Args)*5/4
		}
	}
	for i := range chat.Tools {
		n += 2*field + len(chat.Tools[i].Description) + len(chat.Tools[i].Parameters)
	}
	return n
}

// limitName is the field that bounds the answer: OpenAI has renamed it, the others have not.
func (c *config) limitName() string {
	if c.atOpenAI() {
		return "max_completion_tokens"
	}
	return "max_tokens"
}
