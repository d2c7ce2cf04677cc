package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// The opaque data of a turn is what came, in its order: items of reasoning as they came, and for what the turn itself has
// so many bytes of its text, or one of its calls.
//
//	{"output":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"…"},{"text":12,"phase":"commentary"},{"call":0}]}
//
// Without reasoning there is none: then the text comes before the calls.

// outputField is where the opaque data of a turn has its items.
const outputField = "output"

// items adds the chat's turns as items.
func (c *config) items(list json.Array, chat *wit.Chat, names toolname.Names) json.Array {
	turns := chat.Turns
	if !c.resultParts() {
		turns = displayed(turns)
	}
	for i := range turns {
		turn := &turns[i]
		switch turn.Role {
		case wit.RoleTool:
			id := ""
			if turn.ToolCallID != nil {
				id = *turn.ToolCallID
			}
			list = list.Object(func(o json.Object) json.Object {
				o = o.Text("type", "function_call_output").Text("call_id", toolname.LegalID(id))
				if c.resultParts() && hasResultPictures(*turn) {
					return o.Array("output", func(list json.Array) json.Array { return itemParts(list, turn) })
				}
				return o.Text("output", allText(turn))
			})
		case wit.RoleAssistant:
			list = answered(list, turn, names)
		default:
			list = list.Object(func(o json.Object) json.Object { return asked(o, turn) })
		}
	}
	return list
}

// allText is what a turn says, a line for each part.
func allText(turn *wit.ChatTurn) string {
	if len(turn.Content) == 1 {
		return textOf(&turn.Content[0])
	}
	var texts []string
	for i := range turn.Content {
		texts = append(texts, textOf(&turn.Content[i]))
	}
	return strings.Join(texts, "\n")
}

// asked adds what a person says: a text where all is text, and else a list of parts.
func asked(o json.Object, turn *wit.ChatTurn) json.Object {
	o = o.Text("type", "message").Text("role", string(turn.Role))
	if !hasFiles(turn) {
		return o.Text("content", allText(turn))
	}
	return o.Array("content", func(list json.Array) json.Array { return itemParts(list, turn) })
}

// itemParts adds the parts of what a person says, or of a result. A tool shows no documents.
func itemParts(list json.Array, turn *wit.ChatTurn) json.Array {
	for i := range turn.Content {
		part := &turn.Content[i]
		list = list.Object(func(o json.Object) json.Object {
			if url, _ := imageURL(part); url != "" {
				return o.Text("type", "input_image").Text("image_url", url)
			}
			if url, _ := documentURL(part); url != "" && turn.Role == wit.RoleUser {
				return o.Text("type", "input_file").Text("filename", documentName(part)).Text("file_data", url)
			}
			return o.Text("type", "input_text").Text("text", textOf(part))
		})
	}
	return list
}

// resultParts reports whether a result may have pictures in it: at OpenAI and Azure, whose reference says so of
// function_call_output. Others that have this API read texts alone.
func (c *config) resultParts() bool { return c.atOpenAI() || c.preset.id == "azure" }

// answered adds what the model has said, thought and called, in the order in which it did.
func answered(list json.Array, turn *wit.ChatTurn, names toolname.Names) json.Array {
	opaque, _ := json.Parse(turn.Opaque) // it is this plugin's own
	text, at, calls := allText(turn), 0, 0
	kept := 0
	for item := range opaque.Get(outputField).Items() {
		kept += int(item.Get("text").Int())
	}
	say := func(list json.Array, to int, phase string) json.Array {
		if to = min(to, len(text)); to > at {
			list = list.Object(func(o json.Object) json.Object { return output(o, text[at:to], phase) })
			at = to
		}
		return list
	}
	call := func(list json.Array) json.Array {
		c := &turn.ToolCalls[calls]
		calls++
		return list.Object(func(o json.Object) json.Object {
			return o.Text("type", "function_call").Text("call_id", toolname.LegalID(c.ID)).Text("name", names.Of(c.Name)).Text("arguments", arguments(c.Args))
		})
	}
	for item := range opaque.Get(outputField).Items() {
		switch size := item.Get("text"); {
		case size.Exists() && kept == len(text):
			list = say(list, at+int(size.Int()), item.Get("phase").Text())
		case size.Exists(): // it is not the text that came any more
			list = say(list, len(text), item.Get("phase").Text())
		case item.Get("call").Exists():
			if calls < len(turn.ToolCalls) {
				list = call(list)
			}
		default:
			list = list.Add(item.Raw())
		}
	}
	list = say(list, len(text), "")
	for calls < len(turn.ToolCalls) {
		list = call(list)
	}
	return list
}

// output adds a message of the model's.
func output(o json.Object, text, phase string) json.Object {
	o = o.Text("type", "message").Text("role", "assistant")
	if phase != "" {
		o = o.Text("phase", phase)
	}
	return o.Array("content", func(list json.Array) json.Array {
		return list.Object(func(o json.Object) json.Object { return o.Text("type", "output_text").Text("text", text) })
	})
}
