package openai

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// dialect is how a server wants tools and calls to be called.
type dialect struct {
	names    toolname.Names
	idLength int  // see preset
	bridges  bool // see config.bridges
}

// id is the id of a call as the server takes it.
func (d dialect) id(id string) string {
	if d.idLength > 0 {
		return toolname.FixedID(id, d.idLength)
	}
	return toolname.LegalID(id)
}

// messages adds the chat's turns as the server reads them.
func messages(list json.Array, chat *wit.Chat, system string, d dialect) json.Array {
	if system != "" {
		list = list.Object(func(m json.Object) json.Object { return m.Text("role", "system").Text("content", system) })
	}
	for rest, before := displayed(chat.Turns), wit.Role(""); len(rest) > 0; {
		n := 1
		for n < len(rest) && joins(&rest[n-1], &rest[n]) {
			n++
		}
		turn := oneTurn(rest[:n])
		if d.bridges && before == wit.RoleTool && turn.Role == wit.RoleUser {
			list = list.Object(func(m json.Object) json.Object { return m.Text("role", "assistant").Text("content", bridge) })
		}
		list = list.Object(func(m json.Object) json.Object { return message(m, turn, d) })
		rest, before = rest[n:], turn.Role
	}
	return list
}

// bridge is what the assistant says between the results of tools and a user, where it has to say something.
const bridge = "(The tools have answered.)"

// joins reports whether next is said in one message with the turn before it: the templates of many models refuse a user
// who speaks twice in a row, which happens after a run that failed. A turn that asks for tools ends its message, for
// their results have to follow it.
func joins(turn, next *wit.ChatTurn) bool {
	return turn.Role == next.Role && next.Role != wit.RoleTool && len(turn.ToolCalls) == 0
}

// oneTurn is the turn that says what several do.
func oneTurn(turns []wit.ChatTurn) *wit.ChatTurn {
	last := len(turns) - 1
	if last == 0 {
		return &turns[0]
	}
	all := turns[last]
	all.Content = nil
	for i := range turns {
		all.Content = append(all.Content, turns[i].Content...)
	}
	return &all
}

// message adds what one turn has. A tool's result names its call, and a request for tools has the calls beside what is
// said.
func message(m json.Object, turn *wit.ChatTurn, d dialect) json.Object {
	m = m.Text("role", string(turn.Role))
	if turn.Role == wit.RoleTool && turn.ToolCallID != nil {
		m = m.Text("tool_call_id", d.id(*turn.ToolCallID))
	}
	// Where there is nothing but tool calls, an empty text is refused by some, and null by nobody.
	if len(turn.Content) == 0 && len(turn.ToolCalls) > 0 {
		m = m.Raw("content", wit.JSON("null"))
	} else {
		m = content(m, turn)
	}
	m = sendBack(m, turn)
	if len(turn.ToolCalls) > 0 {
		m = m.Array("tool_calls", func(list json.Array) json.Array { return toolCalls(list, turn.ToolCalls, d) })
	}
	return m
}

// content adds a string where all is text, since many servers take nothing else, and else a list of parts.
func content(m json.Object, turn *wit.ChatTurn) json.Object {
	if !hasFiles(turn) {
		if len(turn.Content) == 1 {
			return m.Text("content", textOf(&turn.Content[0]))
		}
		var texts []string
		for i := range turn.Content {
			texts = append(texts, textOf(&turn.Content[i]))
		}
		return m.Text("content", strings.Join(texts, "\n"))
	}
	return m.Array("content", func(parts json.Array) json.Array {
		for i := range turn.Content {
			said := &turn.Content[i]
			parts = parts.Object(func(part json.Object) json.Object {
				if url, _ := imageURL(said); url != "" {
					return part.Text("type", "image_url").Object("image_url", func(o json.Object) json.Object { return o.Text("url", url) })
				}
				if url, _ := documentURL(said); url != "" {
					return part.Text("type", "file").Object("file", func(o json.Object) json.Object {
						return o.Text("filename", documentName(said)).Text("file_data", url)
					})
				}
				return part.Text("type", "text").Text("text", textOf(said))
			})
		}
		return parts
	})
}

// hasFiles reports whether the model is to be shown images or documents. Only a person shows some.
func hasFiles(turn *wit.ChatTurn) bool {
	return turn.Role == wit.RoleUser && slices.ContainsFunc(turn.Content, func(part wit.Part) bool {
		image, _ := imageURL(&part)
		document, _ := documentURL(&part)
		return image+document != ""
	})
}

// textOf is a part's text; of what the model cannot be shown, at least what it is.
func textOf(part *wit.Part) string {
	if part.Text != nil {
		return *part.Text
	}
	return "[" + string(part.Kind) + "]"
}

// toolCalls adds what the model asked for, as it asked: servers compare the beginning of a conversation with what they
// have in their cache.
func toolCalls(list json.Array, calls []wit.ToolCall, d dialect) json.Array {
	for i := range calls {
		list = list.Object(func(call json.Object) json.Object {
			call = call.Text("id", d.id(calls[i].ID)).Text("type", "function").Object("function", func(f json.Object) json.Object {
				return f.Text("name", d.names.Of(calls[i].Name)).Text("arguments", arguments(calls[i].Args))
			})
			return withFields(call, calls[i].Opaque)
		})
	}
	return list
}

// arguments are always an object, as text: what a model wrote that is none would be refused, and with it the whole
// conversation from then on. A text that holds an object is that object.
func arguments(args wit.JSON) string {
	value, err := json.Parse(args)
	switch {
	case err == nil && value.IsObject():
		return string(args)
	case err != nil || !value.Exists():
		return "{}"
	}
	text := value.Text()
	if inner, err := json.ParseText(text); err == nil && inner.IsObject() {
		return text
	}
	return string(json.Object{}.Raw("unreadable", args).JSON())
}
