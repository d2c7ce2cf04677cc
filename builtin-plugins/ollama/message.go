package ollama

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// messages adds the chat's turns as the server reads them.
func messages(list json.Array, chat *wit.Chat, names toolname.Names) json.Array {
	if chat.System != "" {
		list = list.Object(func(m json.Object) json.Object { return m.Text("role", "system").Text("content", chat.System) })
	}
	called := map[string]string{} // the names of the last calls, by their ids
	for rest := chat.Turns; len(rest) > 0; {
		n := 1
		for n < len(rest) && joins(&rest[n-1], &rest[n]) {
			n++
		}
		turns := rest[:n]
		for _, call := range turns[n-1].ToolCalls {
			called[call.ID] = names.Of(call.Name)
		}
		list = list.Object(func(m json.Object) json.Object { return message(m, turns, names, called) })
		rest = rest[n:]
	}
	return list
}

// joins reports whether next is said in one message with the turn before it: the templates of many models refuse a user
// who speaks twice in a row, which happens after a run that failed. A turn that asks for tools ends its message, for
// their results have to follow it.
func joins(turn, next *wit.ChatTurn) bool {
	return turn.Role == next.Role && next.Role != wit.RoleTool && len(turn.ToolCalls) == 0
}

// message adds what neighbours say. A tool's result names its tool, and a request for tools has the calls beside what is said.
func message(m json.Object, turns []wit.ChatTurn, names toolname.Names, called map[string]string) json.Object {
	last := &turns[len(turns)-1]
	m = m.Text("role", string(last.Role))
	if last.Role == wit.RoleTool && last.ToolCallID != nil {
		m = m.Text("tool_name", called[*last.ToolCallID]).Text("tool_call_id", *last.ToolCallID)
	}
	var texts []string
	pictures := json.Array{}
	for i := range turns {
		for j := range turns[i].Content {
			part := &turns[i].Content[j]
			if data, _ := pictureOf(part, last.Role); data != "" {
				pictures = pictures.Add(json.Text(data))
			} else {
				texts = append(texts, textOf(part))
			}
		}
	}
	m = m.Text("content", strings.Join(texts, "\n"))
	if len(pictures) > 0 {
		m = m.Raw("images", pictures.JSON())
	}
	if kept, _ := json.Parse(last.Opaque); kept.Get("thinking").Bool() && last.Thinking != "" {
		m = m.Text("thinking", last.Thinking)
	}
	if len(last.ToolCalls) > 0 {
		m = m.Array("tool_calls", func(list json.Array) json.Array { return toolCalls(list, last.ToolCalls, names) })
	}
	return m
}

// textOf is a part's text; of what the model cannot be shown, at least what it is.
func textOf(part *wit.Part) string {
	if part.Text != nil {
		return *part.Text
	}
	return "[" + string(part.Kind) + "]"
}

// pictureOf is a picture of a person or a tool in base64, empty where there is none: one at an address the server does not fetch. One that
// is stored, in the gateway's media store, is put in by the gateway.
func pictureOf(part *wit.Part, role wit.Role) (data string, stored bool) {
	if part.Kind != wit.PartKindImage || part.Media == nil || role != wit.RoleUser && role != wit.RoleTool {
		return "", false
	}
	media := *part.Media
	if strings.HasPrefix(media, "data:") {
		_, data, _ = strings.Cut(media, ";base64,")
		return data, false
	}
	if media == "" || strings.HasPrefix(media, "https://") {
		return "", false
	}
	return "{{media:" + media + "}}", true
}

// embedded lists the pictures that the gateway has to put in.
func embedded(chat *wit.Chat) (list []string) {
	for i := range chat.Turns {
		turn := &chat.Turns[i]
		for j := range turn.Content {
			if _, stored := pictureOf(&turn.Content[j], turn.Role); stored {
				list = append(list, *turn.Content[j].Media)
			}
		}
	}
	return list
}

// toolCalls adds what the model asked for.
func toolCalls(list json.Array, calls []wit.ToolCall, names toolname.Names) json.Array {
	for i := range calls {
		list = list.Object(func(call json.Object) json.Object {
			return call.Text("id", calls[i].ID).Object("function", func(f json.Object) json.Object {
				return f.Int("index", int64(i)).Text("name", names.Of(calls[i].Name)).Raw("arguments", arguments(calls[i].Args))
			})
		})
	}
	return list
}

// arguments are always an object: what a model wrote that is none would be refused, and with it the whole conversation from
// then on. A text that holds an object is that object.
func arguments(args wit.JSON) wit.JSON {
	value, err := json.Parse(args)
	switch {
	case err == nil && value.IsObject():
		return args
	case err != nil || !value.Exists():
		return wit.JSON("{}")
	}
	if inner, err := json.ParseText(value.Text()); err == nil && inner.IsObject() {
		return inner.Raw()
	}
	return json.Object{}.Raw("unreadable", args).JSON()
}
