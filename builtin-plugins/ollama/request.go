package ollama

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// body is the request's JSON. Its beginning is the same from turn to turn, as far as that is the same which the model reads:
// what it has read already, it need not read again.
func (c *config) body(chat *wit.Chat, names toolname.Names) wit.JSON {
	model := c.modelOf(chat)
	body := json.Object{}.Text("model", model).Bool("stream", true)
	body = think(body, model, chat.Thinking)
	if f := chat.Format; f != nil {
		if len(f.Schema) > 0 {
			body = body.Raw("format", f.Schema)
		} else {
			body = body.Text("format", "json")
		}
	}
	body = c.stay(body)
	body = body.Object("options", func(o json.Object) json.Object { return c.parameters(o, chat, model) })
	if len(chat.Tools) > 0 {
		body = body.Array("tools", func(list json.Array) json.Array { return tools(list, chat.Tools, names) })
	}
	return body.Array("messages", func(list json.Array) json.Array { return messages(list, chat, names) }).JSON()
}

// think adds whether the model is to think, and how much. One that can does so unless it is told not to, and one that cannot refuses to
// be told. A level is taken for gpt-oss, which cannot do without thinking, and, by servers since March 2026, for all that think; of the
// others it makes a difference to Qwen 3.8, which older servers do not run.
func think(body json.Object, model, level string) json.Object {
	model = strings.ToLower(model)
	always := strings.Contains(model, "gpt-oss")
	switch {
	case level == "":
		return body
	case level == "off" && always:
		return body.Text("think", "low")
	case level == "off":
		return body.Bool("think", false)
	case always || strings.Contains(model, "qwen3.8"):
		return body.Text("think", level)
	}
	return body
}

// parameters adds the options of the model: what the chat says, and else what the owner does.
func (c *config) parameters(o json.Object, chat *wit.Chat, model string) json.Object {
	said := map[string]bool{}
	if chat.MaxTokens > 0 {
		o, said["num_predict"] = o.Int("num_predict", int64(chat.MaxTokens)), true
	}
	if chat.Temperature != nil {
		o, said["temperature"] = o.Float("temperature", *chat.Temperature), true
	}
	if chat.Seed != nil {
		o, said["seed"] = o.Int("seed", *chat.Seed), true
	}
	if len(chat.Stop) > 0 {
		list := json.Array{}
		for _, text := range chat.Stop {
			list = list.Add(json.Text(text))
		}
		o, said["stop"] = o.Raw("stop", list.JSON()), true
	}
	if !c.remote(model) {
		o, said["num_ctx"] = o.Int("num_ctx", c.context), true
	}
	for name, value := range c.options.Fields() {
		if !said[name] && value.Exists() {
			o = o.Raw(name, value.Raw())
		}
	}
	return o
}

// tools adds the tools that the model may call.
func tools(list json.Array, specs []wit.ToolSpec, names toolname.Names) json.Array {
	for i := range specs {
		list = list.Object(func(tool json.Object) json.Object {
			return tool.Text("type", "function").Object("function", func(f json.Object) json.Object {
				f = f.Text("name", names.Of(specs[i].Name)).Text("description", specs[i].Description)
				return f.Object("parameters", func(o json.Object) json.Object { return schema(o, specs[i].Parameters) })
			})
		})
	}
	return list
}

// schema adds a tool's schema as the server reads it: an object with properties, each of which is an object too.
func schema(out json.Object, of wit.JSON) json.Object {
	value, _ := json.Parse(of) // no schema, or none that can be read, is one of no arguments
	for name, field := range value.Fields() {
		if name != "$schema" && name != "properties" && field.Exists() {
			out = out.Raw(name, field.Raw())
		}
	}
	if !value.Get("type").Exists() {
		out = out.Text("type", "object")
	}
	return out.Object("properties", func(o json.Object) json.Object {
		for name, field := range value.Get("properties").Fields() {
			if field.IsObject() {
				o = o.Raw(name, field.Raw())
			} else {
				o = o.Raw(name, wit.JSON("{}")) // true, which is any value
			}
		}
		return o
	})
}
