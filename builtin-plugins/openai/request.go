package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// body is the request's JSON. What the chat leaves open is left out, so that the server's own defaults count; the usage
// has to be asked for.
func (c *config) body(chat *wit.Chat, names toolname.Names) wit.JSON {
	d := dialect{names, c.preset.idLength, c.bridges(c.modelOf(chat))}
	system := strings.TrimPrefix(chat.System+c.preset.inWords(chat.Format), "\n\n")
	body := make(json.Object, 0, size(chat)).
		Text("model", c.modelOf(chat)).
		Array("messages", func(list json.Array) json.Array { return messages(list, chat, system, d) }).
		Bool("stream", true)
	if name := c.preset.field("stream_options"); name != "" {
		body = body.Object(name, func(o json.Object) json.Object { return o.Bool("include_usage", true) })
	}
	if len(chat.Tools) > 0 {
		body = body.Array("tools", func(list json.Array) json.Array { return tools(list, chat.Tools, names) })
	}
	if chat.MaxTokens > 0 {
		body = body.Int(c.limitName(), int64(chat.MaxTokens))
	}
	if name := c.preset.field("temperature"); chat.Temperature != nil && name != "" {
		body = body.Float(name, *chat.Temperature)
	}
	if c.draws(c.modelOf(chat)) {
		body = body.Array("modalities", func(list json.Array) json.Array { return list.Add(json.Text("image")).Add(json.Text("text")) })
	}
	return c.wishes(c.preset.think(body, c.modelOf(chat), chat.Thinking), chat).JSON()
}

// wishes adds what a chat asks of its answer beside the words.
func (c *config) wishes(body json.Object, chat *wit.Chat) json.Object {
	if f := chat.Format; f != nil {
		body = body.Object("response_format", func(o json.Object) json.Object { return c.format(o, f) })
	}
	if len(chat.Stop) > 0 {
		body = body.Array("stop", func(list json.Array) json.Array {
			for _, text := range chat.Stop {
				list = list.Add(json.Text(text))
			}
			return list
		})
	}
	if name := c.preset.field("seed"); chat.Seed != nil && name != "" {
		body = body.Int(name, *chat.Seed)
	}
	return body
}

func (c *config) format(o json.Object, f *wit.AnswerFormat) json.Object {
	if len(f.Schema) == 0 || c.preset.noSchemas {
		return o.Text("type", "json_object")
	}
	return o.Text("type", "json_schema").Object("json_schema", func(o json.Object) json.Object {
		o = o.Text("name", f.Name)
		if f.Description != "" {
			o = o.Text("description", f.Description)
		}
		return o.Raw("schema", f.Schema).Bool("strict", f.Strict)
	})
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
	return c.preset.field("max_tokens")
}
