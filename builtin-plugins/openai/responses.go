package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// The Responses API is OpenAI's newer one, which others have too. What is said, thought and called are items in one list,
// in the order in which they came, and the model's reasoning goes back as it came, encrypted. Nothing is stored at the
// server. See "Responses" and "Streaming events" in the reference of OpenAI's API, and its guide "Reasoning models".

// itemsBody is the request's JSON. What is the same from turn to turn comes first; the conversation only grows at its end.
func (c *config) itemsBody(chat *wit.Chat, names toolname.Names) (wit.JSON, error) {
	if len(chat.Stop) > 0 {
		return nil, wit.NewError(wit.CodeInvalid, "openai: the Responses API knows no texts that end an answer; set api to chat, or ask without stop")
	}
	model := c.modelOf(chat)
	body := make(json.Object, 0, size(chat)).Text("model", model)
	if chat.System != "" {
		body = body.Text("instructions", chat.System)
	}
	if len(chat.Tools) > 0 || c.pictures {
		body = body.Array("tools", func(list json.Array) json.Array {
			list = functions(list, chat.Tools, names)
			if c.pictures {
				list = list.Object(func(o json.Object) json.Object { return o.Text("type", "image_generation") })
			}
			return list
		})
	}
	body = body.Bool("stream", true).Bool("store", false)
	if c.atOpenAI() {
		if chat.Session != "" {
			body = body.Text("prompt_cache_key", chat.Session)
		}
		body = body.Object("stream_options", func(o json.Object) json.Object { return o.Bool("include_obfuscation", false) })
	}
	if chat.MaxTokens > 0 {
		body = body.Int("max_output_tokens", int64(chat.MaxTokens))
	}
	if f := chat.Format; f != nil {
		body = body.Object("text", func(o json.Object) json.Object {
			return o.Object("format", func(o json.Object) json.Object { return itemsFormat(o, f) })
		})
	}
	body = c.reasoning(body, chat, model)
	return body.Array("input", func(list json.Array) json.Array { return c.items(list, chat, names) }).JSON(), nil
}

// reasoning adds what is refused by models that do not reason, and leaves out what is refused by those that do.
func (c *config) reasoning(body json.Object, chat *wit.Chat, model string) json.Object {
	if !reasons(model) {
		if chat.Temperature != nil {
			body = body.Float("temperature", *chat.Temperature)
		}
		return body
	}
	body = body.Array("include", func(list json.Array) json.Array { return list.Add(json.Text("reasoning.encrypted_content")) })
	effort := effortOf(model, chat.Thinking)
	if effort == "" && !c.summaries {
		return body
	}
	return body.Object("reasoning", func(o json.Object) json.Object {
		if effort != "" {
			o = o.Text("effort", effort)
		}
		if c.summaries {
			o = o.Text("summary", "auto")
		}
		return o
	})
}

// bare is a model's name without that of its maker: gpt-5.1 of openai/gpt-5.1.
func bare(model string) string {
	return strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
}

// reasons reports whether a model reasons, by its name.
func reasons(model string) bool {
	name := bare(model)
	if number, ok := strings.CutPrefix(name, "gpt-"); ok && number != "" {
		return number[0] >= '5' && number[0] <= '9' && !strings.Contains(number, "chat") || strings.HasPrefix(number, "oss")
	}
	return len(name) > 1 && name[0] == 'o' && name[1] >= '0' && name[1] <= '9' || strings.HasPrefix(name, "codex") || strings.HasPrefix(name, "grok-4")
}

// effortOf is a level of the gateway's as a model knows it. Some of those that came after GPT-5 can do without any reasoning; Astra, and Sol from
// 6.1 on, cannot ("Using GPT-6").
func effortOf(model, level string) string {
	if level != "off" {
		return level
	}
	name := bare(model)
	switch {
	case strings.Contains(name, "pro"), strings.Contains(name, "codex"):
		return "low"
	case name == "gpt-5" || strings.HasPrefix(name, "gpt-5-"):
		return "minimal"
	case strings.Contains(name, "astra"), strings.Contains(name, "-sol") && !strings.HasPrefix(name, "gpt-5") && !strings.HasPrefix(name, "gpt-6-"):
		return "low"
	case strings.HasPrefix(name, "gpt-") && !strings.HasPrefix(name, "gpt-oss"):
		return "none"
	}
	return "low"
}

// functions adds the tools that the model may call. They are not taken as strict, which not every schema can be.
func functions(list json.Array, specs []wit.ToolSpec, names toolname.Names) json.Array {
	for i := range specs {
		list = list.Object(func(f json.Object) json.Object {
			f = f.Text("type", "function").Text("name", names.Of(specs[i].Name)).Text("description", specs[i].Description)
			return f.Object("parameters", func(o json.Object) json.Object { return parameters(o, specs[i].Parameters) }).Bool("strict", false)
		})
	}
	return list
}

// itemsFormat is format in the words of this API, without an object around the schema's facts.
func itemsFormat(o json.Object, f *wit.AnswerFormat) json.Object {
	if len(f.Schema) == 0 {
		return o.Text("type", "json_object")
	}
	o = o.Text("type", "json_schema").Text("name", f.Name)
	if f.Description != "" {
		o = o.Text("description", f.Description)
	}
	return o.Raw("schema", f.Schema).Bool("strict", f.Strict)
}
