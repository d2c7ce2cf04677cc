package bedrock

import (
	"cmp"
	"strings"

	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/claude"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// question is a request in the making.
type question struct {
	chat   *wit.Chat
	names  toolname.Names
	family *claude.Family // &claude.Stranger for models of others
	keeps  keeping
	sees   bool // pictures in what tools have answered
	// thought is how a Claude is told to think. Models of others have nothing of the kind in common.
	thought claude.Thought
	back    map[*wit.ChatTurn]bool // the turns whose reasoning goes back
	// documents are those that are shown, by the names that they go under.
	documents map[*wit.Part]string
}

func newQuestion(c *config, chat *wit.Chat, model string, names toolname.Names) *question {
	q := &question{chat: chat, names: names, family: claude.Of(model), thought: claude.Thought{On: true}, sees: seesInResults(model), documents: documents(chat)}
	if q.family != &claude.Stranger {
		q.thought = q.family.Thought(chat, false, complete)
	}
	if c.cache != "off" {
		q.keeps = keepingOf(model)
	}
	q.back = q.remembered()
	return q
}

// body is the request's JSON. The conversation comes last, so that all that is before it is the same from turn to turn.
func (q *question) body() wit.JSON {
	out := json.Object{}
	if strings.TrimSpace(q.chat.System) != "" {
		out = out.Array("system", func(list json.Array) json.Array {
			return point(textBlock(list, q.chat.System), q.keeps.system)
		})
	}
	if specs := offered(q.chat); len(specs) > 0 {
		out = out.Object("toolConfig", func(o json.Object) json.Object {
			return o.Array("tools", func(list json.Array) json.Array { return point(tools(list, specs, q.names), q.keeps.tools) })
		})
	}
	out = out.Object("inferenceConfig", q.inference)
	out = q.additional(out)
	return out.Array("messages", q.messages).JSON()
}

// inference adds what all models understand. See InferenceConfiguration in the reference of the API.
func (q *question) inference(o json.Object) json.Object {
	if n := q.longest(); n > 0 {
		o = o.Int("maxTokens", n)
	}
	if t := q.chat.Temperature; t != nil && q.family.Temperature(&q.thought) {
		o = o.Float("temperature", min(*t, 1))
	}
	stops := json.Array{}
	for _, text := range q.chat.Stop {
		if strings.TrimSpace(text) != "" { // one of blanks is refused
			stops = stops.Add(json.Text(text))
		}
	}
	if len(stops) > 0 {
		o = o.Raw("stopSequences", stops.JSON())
	}
	return o
}

// longest is how many tokens the answer may have, 0 for as many as the model writes. A Claude that thinks is told in any case:
// it would refuse a request in which what it reads and the most that it writes are more than it has room for.
func (q *question) longest() int64 {
	n := int64(q.chat.MaxTokens)
	switch {
	case q.family == &claude.Stranger:
		return n
	case q.family.Thinking == claude.Never && n == 0:
		return 0
	}
	return q.family.Length(cmp.Or(n, q.family.Longest()), &q.thought)
}

// additional adds the fields that only the models of one maker know. Effort beside a budget would need a beta.
func (q *question) additional(out json.Object) json.Object {
	if q.thought.Kind == "" {
		return out
	}
	return out.Object("additionalModelRequestFields", func(o json.Object) json.Object {
		o = q.thought.Add(o, false)
		if q.thought.Kind == "adaptive" && q.thought.Effort != "" {
			o = o.Object("output_config", func(o json.Object) json.Object { return o.Text("effort", q.thought.Effort) })
		}
		return o
	})
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
