package anthropic

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
	config   *config
	chat     *wit.Chat
	names    toolname.Names
	model    string
	family   *claude.Family
	format   formatting
	thought  claude.Thought
	messages []message
	embedded []string // files that the gateway has to put in
}

func newQuestion(c *config, chat *wit.Chat, names toolname.Names) *question {
	q := &question{config: c, chat: chat, names: names, model: c.modelOf(chat)}
	q.family = claude.Of(q.model)
	q.format = formattingOf(q.family, chat.Format)
	q.thought = q.family.Thought(chat, q.format == asTool, beganThinking)
	q.messages = q.conversation()
	return q
}

// bindingBeta lets a request say what becomes of thinking that does not fit what stands before it.
const bindingBeta = "thinking-binding-controls-2026-08-01"

// interleavedBeta lets models of version 4 think between the calls of tools.
const interleavedBeta = "interleaved-thinking-2025-05-14"

// betas are what of the API the request needs by name.
func (q *question) betas() (betas []string) {
	if q.thought.Kind == "adaptive" && q.family.Bound {
		betas = append(betas, bindingBeta)
	}
	if q.thought.Kind == "enabled" && q.family.Interleaves && len(q.chat.Tools) > 0 {
		betas = append(betas, interleavedBeta)
	}
	return betas
}

// body is the request's JSON. What grows stands last: the beginnings of two requests of a conversation are the same, byte by
// byte, and a cache compares them in the order of tools, system and messages. cache.go says where they are kept.
func (q *question) body() wit.JSON {
	body := make(json.Object, 0, size(q.chat)).
		Text("model", q.model).
		Int("max_tokens", q.longest()).
		Bool("stream", true)
	// What a gateway sends before a thinking changes at times: the day in the prompt, a tool that is new, pictures that are not
	// shown again. Then the thinking is left out, and the request not refused.
	body = q.thought.Add(body, q.family.Bound)
	body = q.output(body)
	if t := q.chat.Temperature; t != nil && q.family.Temperature(&q.thought) {
		body = body.Float("temperature", min(*t, 1))
	}
	body = stops(body, q.chat.Stop)
	body = q.tools(body)
	body = q.system(body)
	return body.Array("messages", q.writeMessages).JSON()
}

// longest is how many tokens the answer may have, thinking and all.
func (q *question) longest() int64 {
	return q.family.Length(cmp.Or(int64(q.chat.MaxTokens), q.config.most, q.family.Longest()), &q.thought)
}

// output adds what the answer has to be like.
func (q *question) output(body json.Object) json.Object {
	effort, schema := q.thought.Effort, q.format == asSchema
	if effort == "" && !schema {
		return body
	}
	return body.Object("output_config", func(o json.Object) json.Object {
		if effort != "" {
			o = o.Text("effort", effort)
		}
		if schema {
			o = o.Object("format", func(o json.Object) json.Object {
				return o.Text("type", "json_schema").Object("schema", func(o json.Object) json.Object { return withoutDialect(o, q.chat.Format.Schema) })
			})
		}
		return o
	})
}

// stops adds the texts that end the answer. One of nothing but blanks would be refused.
func stops(body json.Object, texts []string) json.Object {
	list := json.Array{}
	for _, text := range texts {
		if strings.TrimSpace(text) != "" {
			list = list.Add(json.Text(text))
		}
	}
	if len(list) == 0 {
		return body
	}
	return body.Raw("stop_sequences", list.JSON())
}

// system adds the prompt. What a format asks for in words stands behind it, so that the prompt is the same without.
func (q *question) system(body json.Object) json.Object {
	words := q.format.words()
	if strings.TrimSpace(q.chat.System) == "" && words == "" {
		return body
	}
	return body.Array("system", func(list json.Array) json.Array {
		if strings.TrimSpace(q.chat.System) != "" {
			list = list.Object(func(o json.Object) json.Object { return q.config.keep(textBlock(o, q.chat.System)) })
		}
		if words != "" {
			list = list.Object(func(o json.Object) json.Object { return textBlock(o, words) })
		}
		return list
	})
}

func textBlock(o json.Object, text string) json.Object {
	return o.Text("type", "text").Text("text", text)
}

// size is about how long the request will be: growing a long text step by step costs more than making it.
func size(chat *wit.Chat) int {
	const field = 96 // names, quotes and braces
	n := 4*field + len(chat.System)
	for i := range chat.Turns {
		turn := &chat.Turns[i]
		n += field + len(turn.Opaque)
		for j := range turn.Content {
			if text := turn.Content[j].Text; text != nil {
				n += field + len(*text) + len(*text)/16 // escapes
			}
		}
		for j := range turn.ToolCalls {
			n += 2*field + len(turn.ToolCalls[j].Args)
		}
	}
	for i := range chat.Tools {
		n += 2*field + len(chat.Tools[i].Description) + len(chat.Tools[i].Parameters)
	}
	return n
}
