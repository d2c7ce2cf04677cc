package gemini

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// Who speaks, in the API's words. What tools have answered is said by the user.
const (
	roleUser  = "user"
	roleModel = "model"
)

// writer writes a conversation as the API reads it. It refuses a model's calls that do not follow a user or results of
// tools, results that are not one for each call, and contents without a part.
type writer struct {
	chat  *wit.Chat
	names toolname.Names
	third bool           // the model is of the third generation: it wants a signature with the first call of each turn, and takes pictures in results
	calls []wit.ToolCall // of the turn that was written last
}

// contents adds the chat's turns. What one speaker says in several turns stands in one content, but for results of tools,
// which have one of their own. preface is said by the user before all.
func (w *writer) contents(list json.Array, preface string) json.Array {
	turns := make([]*wit.ChatTurn, 0, len(w.chat.Turns))
	for i := range w.chat.Turns {
		if turn := &w.chat.Turns[i]; !empty(turn) {
			turns = append(turns, turn)
		}
	}
	if preface != "" || len(turns) == 0 || turns[0].Role == wit.RoleAssistant {
		if preface == "" {
			preface = "(The conversation goes on.)"
		}
		list = list.Object(func(o json.Object) json.Object {
			return o.Text("role", roleUser).Array("parts", func(parts json.Array) json.Array { return textPart(parts, preface) })
		})
	}
	for len(turns) > 0 {
		n := 1
		for n < len(turns) && joins(turns[n-1], turns[n]) {
			n++
		}
		role := roleUser
		if turns[0].Role == wit.RoleAssistant {
			role = roleModel
		}
		list = list.Object(func(o json.Object) json.Object {
			return o.Text("role", role).Array("parts", func(parts json.Array) json.Array {
				for _, turn := range turns[:n] {
					parts = w.parts(parts, turn)
				}
				for _, turn := range turns[:n] {
					parts = w.beside(parts, turn)
				}
				return parts
			})
		})
		turns = turns[n:]
	}
	return list
}

// joins reports whether next stands in one content with the turn before it. A turn that asks for tools ends its own, for
// their results have to follow it.
func joins(turn, next *wit.ChatTurn) bool { return turn.Role == next.Role && len(turn.ToolCalls) == 0 }

// empty reports whether a turn says nothing.
func empty(turn *wit.ChatTurn) bool {
	if turn.Role == wit.RoleTool || len(turn.ToolCalls) > 0 {
		return false
	}
	for i := range turn.Content {
		if textOf(&turn.Content[i]) != "" {
			return false
		}
	}
	return true
}

// parts adds what one turn says.
func (w *writer) parts(list json.Array, turn *wit.ChatTurn) json.Array {
	switch turn.Role {
	case wit.RoleTool:
		return w.result(list, turn)
	case wit.RoleAssistant:
		return w.answer(list, turn)
	}
	for i := range turn.Content {
		part := &turn.Content[i]
		if added, ok := media(list, part); ok {
			list = added
		} else if text := textOf(part); text != "" { // an empty text is refused
			list = textPart(list, text)
		}
	}
	return list
}

// answer adds what the model has said, as it said it.
func (w *writer) answer(list json.Array, turn *wit.ChatTurn) json.Array {
	var text strings.Builder
	for i := range turn.Content {
		text.WriteString(textOf(&turn.Content[i]))
	}
	list = signedText(list, text.String(), turn.Opaque)
	for i := range turn.ToolCalls {
		call := &turn.ToolCalls[i]
		opaque, _ := json.Parse(call.Opaque) // it is this plugin's own
		list = list.Object(func(o json.Object) json.Object {
			o = o.Object("functionCall", func(o json.Object) json.Object {
				if id := opaque.Get("id").Text(); id != "" {
					o = o.Text("id", id)
				}
				return o.Text("name", w.names.Of(call.Name)).Raw("args", arguments(call.Args))
			})
			switch signature := opaque.Get("signature").Text(); {
			case signature != "":
				o = o.Text("thoughtSignature", signature)
			case w.third && i == 0:
				o = o.Text("thoughtSignature", unsigned)
			}
			return o
		})
	}
	w.calls = turn.ToolCalls
	return list
}

// unsigned stands for the signature of a call that another model has made, or one before there were signatures. See
// "Thought signatures" in the documentation of the API, its questions.
const unsigned = "skip_thought_signature_validator"

// result adds what a tool has answered, under the call's name and the id that the server gave it, if it did.
func (w *writer) result(list json.Array, turn *wit.ChatTurn) json.Array {
	var text strings.Builder
	for i := range turn.Content {
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(textOf(&turn.Content[i]))
	}
	call := w.call(turn.ToolCallID)
	if call == nil { // nothing asked for it
		return textPart(list, "[result of a tool] "+text.String())
	}
	opaque, _ := json.Parse(call.Opaque) // it is this plugin's own
	return list.Object(func(o json.Object) json.Object {
		return o.Object("functionResponse", func(o json.Object) json.Object {
			if id := opaque.Get("id").Text(); id != "" {
				o = o.Text("id", id)
			}
			o = o.Text("name", w.names.Of(call.Name)).Object("response", func(o json.Object) json.Object {
				return o.Text("output", text.String())
			})
			inside := json.Array{}
			for i := range turn.Content {
				if w.inside(&turn.Content[i]) {
					inside, _ = media(inside, &turn.Content[i])
				}
			}
			if len(inside) > 0 {
				o = o.Raw("parts", inside.JSON())
			}
			return o
		})
	})
}

// inside reports whether a picture of a tool's stands in its result: with models from Gemini 3 on, and of the types that are taken
// there. See "Multimodal function responses" in the documentation of function calling.
func (w *writer) inside(part *wit.Part) bool {
	mime := mimeOf(part)
	return w.third && isPicture(part) && !strings.HasPrefix(*part.Media, "https://") && (mime == "image/png" || mime == "image/jpeg" || mime == "image/webp")
}

// beside adds the pictures of a tool's that stand behind the results, where they cannot stand in one.
func (w *writer) beside(list json.Array, turn *wit.ChatTurn) json.Array {
	if turn.Role != wit.RoleTool {
		return list
	}
	asked := w.call(turn.ToolCallID) != nil
	for i := range turn.Content {
		if part := &turn.Content[i]; isPicture(part) && (!asked || !w.inside(part)) {
			list, _ = media(list, part)
		}
	}
	return list
}

// call is the call of the last turn with this id.
func (w *writer) call(id *string) *wit.ToolCall {
	for i := range w.calls {
		if id != nil && w.calls[i].ID == *id {
			return &w.calls[i]
		}
	}
	return nil
}

// arguments are always an object: what a model wrote that is none would be refused, and with it the whole conversation
// from then on. A text that holds an object is that object.
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

// textPart adds a text.
func textPart(list json.Array, text string) json.Array {
	return list.Object(func(o json.Object) json.Object { return o.Text("text", text) })
}

// textOf is a part's text; of what the model cannot be shown, at least what it is.
func textOf(part *wit.Part) string {
	if part.Text != nil {
		return *part.Text
	}
	return "[" + string(part.Kind) + "]"
}
