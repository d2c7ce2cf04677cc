package bedrock

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// body is the request's JSON. The conversation comes last, so that all that is before it is the same from turn to turn.
func body(chat *wit.Chat, model string, names toolname.Names) wit.JSON {
	out := json.Object{}
	if chat.System != "" {
		out = out.Array("system", func(list json.Array) json.Array { return textBlock(list, chat.System) })
	}
	if specs := offered(chat); len(specs) > 0 {
		out = out.Object("toolConfig", func(o json.Object) json.Object {
			return o.Array("tools", func(list json.Array) json.Array { return tools(list, specs, names) })
		})
	}
	budget := budgetOf(chat, model)
	out = out.Object("inferenceConfig", func(o json.Object) json.Object { return inference(o, chat, budget) })
	if budget > 0 {
		out = out.Object("additionalModelRequestFields", func(o json.Object) json.Object {
			return o.Object("thinking", func(o json.Object) json.Object { return o.Text("type", "enabled").Int("budget_tokens", budget) })
		})
	}
	return out.Array("messages", func(list json.Array) json.Array { return messages(list, chat, names) }).JSON()
}

func inference(o json.Object, chat *wit.Chat, budget int64) json.Object {
	if chat.MaxTokens > 0 {
		o = o.Int("maxTokens", int64(chat.MaxTokens)+budget) // what is thought counts too
	} else if budget > 0 {
		o = o.Int("maxTokens", budget+8192)
	}
	if chat.Temperature != nil && budget == 0 { // a model that thinks takes none
		o = o.Float("temperature", *chat.Temperature)
	}
	if len(chat.Stop) > 0 {
		o = o.Array("stopSequences", func(list json.Array) json.Array {
			for _, text := range chat.Stop {
				list = list.Add(json.Text(text))
			}
			return list
		})
	}
	return o
}

// budgetOf is how many tokens a model of Anthropic's may think, 0 for none. Others have nothing of the kind in common.
func budgetOf(chat *wit.Chat, model string) int64 {
	if !strings.Contains(model, "anthropic.claude") || strings.Contains(model, "claude-3-5") || strings.Contains(model, "claude-3-haiku") {
		return 0
	}
	switch chat.Thinking {
	case "low":
		return 2048
	case "medium":
		return 8192
	case "high":
		return 24576
	}
	return 0
}

// offered are the tools of a request. One that has calls in its conversation needs some, so what was called is named where
// the model may call nothing any more.
func offered(chat *wit.Chat) []wit.ToolSpec {
	if len(chat.Tools) > 0 {
		return chat.Tools
	}
	var specs []wit.ToolSpec
	seen := map[string]bool{}
	for i := range chat.Turns {
		for j := range chat.Turns[i].ToolCalls {
			if name := chat.Turns[i].ToolCalls[j].Name; !seen[name] {
				seen[name] = true
				specs = append(specs, wit.ToolSpec{Name: name, Description: "Cannot be called any more."})
			}
		}
	}
	return specs
}

func tools(list json.Array, specs []wit.ToolSpec, names toolname.Names) json.Array {
	for i := range specs {
		list = list.Object(func(o json.Object) json.Object {
			return o.Object("toolSpec", func(o json.Object) json.Object {
				o = o.Text("name", names.Of(specs[i].Name))
				if specs[i].Description != "" { // an empty one is refused
					o = o.Text("description", specs[i].Description)
				}
				return o.Object("inputSchema", func(o json.Object) json.Object { return o.Raw("json", schema(specs[i].Parameters)) })
			})
		})
	}
	return list
}

// schema is a tool's, which has to say that it is an object.
func schema(parameters wit.JSON) wit.JSON {
	value, _ := json.Parse(parameters) // no schema, or none that can be read, is one of no arguments
	out := json.Object{}
	for name, field := range value.Fields() {
		if name != "$schema" && name != "type" {
			out = out.Raw(name, field.Raw())
		}
	}
	return out.Text("type", "object").JSON()
}
