package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// body is the request's JSON.
func (c *config) body(chat *wit.Chat) wit.JSON {
	model := chat.Model
	if model == "" {
		model = c.model
	}
	body := json.Object{}.
		Text("model", model).
		Raw("messages", messages(chat)).
		Bool("stream", true).
		Raw("stream_options", json.Object{}.Bool("include_usage", true).JSON())
	if len(chat.Tools) > 0 {
		body = body.Raw("tools", tools(chat.Tools))
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

func messages(chat *wit.Chat) wit.JSON {
	list := json.Array{}
	if chat.System != "" {
		list = list.Add(json.Object{}.Text("role", "system").Text("content", chat.System).JSON())
	}
	for i := range chat.Turns {
		list = list.Add(message(&chat.Turns[i]))
	}
	return list.JSON()
}

func message(turn *wit.ChatTurn) wit.JSON {
	m := json.Object{}.Text("role", string(turn.Role))
	if turn.Role == wit.RoleTool && turn.ToolCallID != nil {
		m = m.Text("tool_call_id", *turn.ToolCallID)
	}
	m = m.Raw("content", content(turn))
	if len(turn.ToolCalls) > 0 {
		m = m.Raw("tool_calls", toolCalls(turn.ToolCalls))
	}
	return m.JSON()
}

// content is a string where all is text, since many servers take nothing else, and else a list of parts.
func content(turn *wit.ChatTurn) wit.JSON {
	var texts []string
	parts := json.Array{}
	images := false
	for i := range turn.Content {
		part := &turn.Content[i]
		if url := imageURL(part); url != "" && turn.Role == wit.RoleUser {
			images = true
			parts = parts.Add(json.Object{}.Text("type", "image_url").
				Raw("image_url", json.Object{}.Text("url", url).JSON()).JSON())
			continue
		}
		text := textOf(part)
		texts = append(texts, text)
		parts = parts.Add(json.Object{}.Text("type", "text").Text("text", text).JSON())
	}
	if images {
		return parts.JSON()
	}
	return json.Text(strings.Join(texts, "\n"))
}

// textOf is a part's text; of what the model cannot be shown, at least what it is.
func textOf(part *wit.Part) string {
	if part.Text != nil {
		return *part.Text
	}
	return "[" + string(part.Kind) + "]"
}

func toolCalls(calls []wit.ToolCall) wit.JSON {
	list := json.Array{}
	for i := range calls {
		args := string(calls[i].Args)
		if args == "" {
			args = "{}"
		}
		list = list.Add(json.Object{}.Text("id", calls[i].ID).Text("type", "function").
			Raw("function", json.Object{}.Text("name", calls[i].Name).Text("arguments", args).JSON()).JSON())
	}
	return list.JSON()
}

func tools(specs []wit.ToolSpec) wit.JSON {
	list := json.Array{}
	for i := range specs {
		function := json.Object{}.Text("name", specs[i].Name).Text("description", specs[i].Description).
			Raw("parameters", specs[i].Parameters)
		list = list.Add(json.Object{}.Text("type", "function").Raw("function", function.JSON()).JSON())
	}
	return list.JSON()
}
