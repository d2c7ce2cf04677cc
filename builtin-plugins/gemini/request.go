package gemini

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// body is the request's JSON. What the chat leaves open is left out, so that the model's own defaults count. The
// conversation comes last, so that all that is before it is the same from turn to turn.
func (c *config) body(chat *wit.Chat, model string, names toolname.Names) wit.JSON {
	tools := chat.Tools
	if isPainter(model) {
		tools = nil
	}
	inWords := chat.Format != nil && len(tools) > 0 && generationOf(model) != third
	system := chat.System
	if inWords {
		system = strings.TrimPrefix(system+"\n\n"+formatInWords(chat.Format), "\n\n")
	}
	body := make(json.Object, 0, size(chat))
	if system != "" && takesSystem(model) {
		body = body.Object("systemInstruction", func(o json.Object) json.Object {
			return o.Array("parts", func(list json.Array) json.Array { return textPart(list, system) })
		})
		system = ""
	}
	if len(tools) > 0 {
		body = body.Array("tools", func(list json.Array) json.Array {
			return list.Object(func(o json.Object) json.Object {
				return o.Array("functionDeclarations", func(list json.Array) json.Array { return declarations(list, tools, names) })
			})
		})
	}
	if threshold := thresholds[c.safety]; threshold != "" {
		body = body.Array("safetySettings", func(list json.Array) json.Array { return safety(list, threshold) })
	}
	body = body.Object("generationConfig", func(o json.Object) json.Object { return c.generationConfig(o, chat, model, inWords) })
	w := &writer{chat: chat, names: names, third: generationOf(model) == third}
	return body.Array("contents", func(list json.Array) json.Array { return w.contents(list, system) }).JSON()
}

// takesSystem reports whether a model takes a system instruction: Gemma up to 3 has none, and refuses it.
func takesSystem(model string) bool {
	name := modelName(model)
	return !strings.HasPrefix(name, "gemma-2") && !strings.HasPrefix(name, "gemma-3")
}

// thresholds are Google's names for how strict it is to be, by the owner's.
var thresholds = map[string]string{
	"off": "OFF", "none": "BLOCK_NONE", "high": "BLOCK_ONLY_HIGH", "medium": "BLOCK_MEDIUM_AND_ABOVE", "low": "BLOCK_LOW_AND_ABOVE",
}

// categories are those of harm that can be set.
var categories = [...]string{
	"HARM_CATEGORY_HARASSMENT", "HARM_CATEGORY_HATE_SPEECH", "HARM_CATEGORY_SEXUALLY_EXPLICIT", "HARM_CATEGORY_DANGEROUS_CONTENT",
}

func safety(list json.Array, threshold string) json.Array {
	for _, category := range categories {
		list = list.Object(func(o json.Object) json.Object { return o.Text("category", category).Text("threshold", threshold) })
	}
	return list
}

// declarations adds the tools that the model may call.
func declarations(list json.Array, specs []wit.ToolSpec, names toolname.Names) json.Array {
	for i := range specs {
		list = list.Object(func(o json.Object) json.Object {
			o = o.Text("name", names.Of(specs[i].Name)).Text("description", specs[i].Description)
			return o.Raw("parameters", parameters(specs[i].Parameters))
		})
	}
	return list
}

// generationConfig adds what a chat asks of its answer beside the words.
func (c *config) generationConfig(o json.Object, chat *wit.Chat, model string, inWords bool) json.Object {
	if chat.MaxTokens > 0 {
		o = o.Int("maxOutputTokens", int64(chat.MaxTokens))
	}
	if chat.Temperature != nil {
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
	if chat.Seed != nil {
		o = o.Int("seed", int64(int32(*chat.Seed))) // it has 32 bits; any other number does as well
	}
	if chat.Format != nil && !inWords {
		o = format(o, chat.Format, model)
	}
	if c.draws(model) {
		o = o.Array("responseModalities", func(list json.Array) json.Array { return list.Add(json.Text("TEXT")).Add(json.Text("IMAGE")) })
	}
	return thinking(o, model, chat.Thinking)
}

// format asks for an answer that is JSON. From 2.5 on a schema is taken as it is, before only in Google's own form.
func format(o json.Object, f *wit.AnswerFormat, model string) json.Object {
	o = o.Text("responseMimeType", "application/json")
	switch {
	case len(f.Schema) == 0:
		return o
	case generationOf(model) == plain:
		return o.Raw("responseSchema", translated(f.Schema))
	}
	schema, _ := json.Parse(f.Schema)                                    // what cannot be read is one of anything
	return o.Raw("responseJsonSchema", without(schema, "$schema").Raw()) // the dialect is refused
}

// formatInWords is a wish for JSON in words, for models that take no such wish beside tools.
func formatInWords(f *wit.AnswerFormat) string {
	text := "Answer with JSON alone, without a code fence."
	if len(f.Schema) > 0 {
		text += " It has to fit this JSON Schema: " + string(f.Schema)
	}
	return text
}

// size is about how long the request will be: growing a long text step by step costs more than making it.
func size(chat *wit.Chat) int {
	const field = 64 // names, quotes and braces
	n := 8*field + len(chat.System)
	for i := range chat.Turns {
		turn := &chat.Turns[i]
		n += field + len(turn.Opaque)
		for j := range turn.Content {
			if text := turn.Content[j].Text; text != nil {
				n += field + len(*text) + len(*text)/16 // escapes
			}
		}
		for j := range turn.ToolCalls {
			n += 2*field + len(turn.ToolCalls[j].Args) + len(turn.ToolCalls[j].Opaque)
		}
	}
	for i := range chat.Tools {
		n += 2*field + len(chat.Tools[i].Description) + len(chat.Tools[i].Parameters)
	}
	return n
}
