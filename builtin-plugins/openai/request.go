package openai

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// body is the request's JSON. What the chat leaves open is left out, so that the server's own defaults count; the usage
// has to be asked for.
func (c *config) body(chat *wit.Chat, names names) wit.JSON {
	model := chat.Model
	if model == "" {
		model = c.model
	}
	body := json.Object{}.
		Text("model", model).
		Raw("messages", messages(chat, names)).
		Bool("stream", true).
		Raw("stream_options", json.Object{}.Bool("include_usage", true).JSON())
	if len(chat.Tools) > 0 {
		body = body.Raw("tools", tools(chat.Tools, names))
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

// limitName is the field that bounds the answer: OpenAI has renamed it, the others have not.
func (c *config) limitName() string {
	if c.atOpenAI() {
		return "max_completion_tokens"
	}
	return "max_tokens"
}
