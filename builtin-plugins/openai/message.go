package openai

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// messages are the chat's turns as the server reads them.
func messages(chat *wit.Chat, names names) wit.JSON {
	list := json.Array{}
	if chat.System != "" {
		list = list.Add(json.Object{}.Text("role", "system").Text("content", chat.System).JSON())
	}
	for _, turn := range merged(chat.Turns) {
		list = list.Add(message(&turn, names))
	}
	return list.JSON()
}

// merged makes one turn of neighbours that are by the same role: the templates of many models refuse a user who speaks
// twice in a row, which happens after a run that failed. A turn that asks for tools ends its message, for their results
// have to follow it.
func merged(turns []wit.ChatTurn) []wit.ChatTurn {
	var out []wit.ChatTurn
	for _, turn := range turns {
		last := len(out) - 1
		if last < 0 || out[last].Role != turn.Role || turn.Role == wit.RoleTool || len(out[last].ToolCalls) > 0 {
			out = append(out, turn)
			continue
		}
		both := turn
		both.Content = append(append([]wit.Part(nil), out[last].Content...), turn.Content...)
		out[last] = both
	}
	return out
}

// message is one turn. A tool's result names its call, and a request for tools has the calls beside what is said.
func message(turn *wit.ChatTurn, names names) wit.JSON {
	m := json.Object{}.Text("role", string(turn.Role))
	if turn.Role == wit.RoleTool && turn.ToolCallID != nil {
		m = m.Text("tool_call_id", legalID(*turn.ToolCallID))
	}
	// Where there is nothing but tool calls, an empty text is refused by some, and null by nobody.
	if len(turn.Content) == 0 && len(turn.ToolCalls) > 0 {
		m = m.Raw("content", wit.JSON("null"))
	} else {
		m = m.Raw("content", content(turn))
	}
	m = sendBack(m, turn)
	if len(turn.ToolCalls) > 0 {
		m = m.Raw("tool_calls", toolCalls(turn.ToolCalls, names))
	}
	return m.JSON()
}

// content is a string where all is text, since many servers take nothing else, and else a list of parts.
func content(turn *wit.ChatTurn) wit.JSON {
	if !hasImages(turn) {
		if len(turn.Content) == 1 {
			return json.Text(textOf(&turn.Content[0]))
		}
		var texts []string
		for i := range turn.Content {
			texts = append(texts, textOf(&turn.Content[i]))
		}
		return json.Text(strings.Join(texts, "\n"))
	}
	parts := json.Array{}
	for i := range turn.Content {
		part := json.Object{}
		if url, _ := imageURL(&turn.Content[i]); url != "" {
			part = part.Text("type", "image_url").Raw("image_url", json.Object{}.Text("url", url).JSON())
		} else {
			part = part.Text("type", "text").Text("text", textOf(&turn.Content[i]))
		}
		parts = parts.Add(part.JSON())
	}
	return parts.JSON()
}

// hasImages reports whether the model is to be shown any. Only a person shows some.
func hasImages(turn *wit.ChatTurn) bool {
	return turn.Role == wit.RoleUser && slices.ContainsFunc(turn.Content, func(part wit.Part) bool {
		url, _ := imageURL(&part)
		return url != ""
	})
}

// textOf is a part's text; of what the model cannot be shown, at least what it is.
func textOf(part *wit.Part) string {
	if part.Text != nil {
		return *part.Text
	}
	return "[" + string(part.Kind) + "]"
}

// toolCalls are what the model asked for, as it asked: servers compare the beginning of a conversation with what they
// have in their cache.
func toolCalls(calls []wit.ToolCall, names names) wit.JSON {
	list := json.Array{}
	for i := range calls {
		call := json.Object{}.Text("id", legalID(calls[i].ID)).Text("type", "function").
			Raw("function", json.Object{}.Text("name", names.of(calls[i].Name)).Text("arguments", arguments(calls[i].Args)).JSON())
		list = list.Add(withFields(call, calls[i].Opaque).JSON())
	}
	return list.JSON()
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
