package anthropic

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// message is what neighbours of one role say together.
type message struct {
	user   bool
	blocks []block
}

// block adds the fields of one block of a message.
type block func(json.Object) json.Object

// emptyText stands for what has no words: a text of nothing but blanks is refused.
const emptyText = "[empty]"

// conversation makes messages of the chat's turns. The user and the assistant take turns, the user first and last; the results
// of tools are the user's, and stand together after their calls, in their order.
func (q *question) conversation() []message {
	w := &writer{question: q, seen: map[string]bool{}, ids: map[string]string{}}
	for i := range q.chat.Turns {
		turn := &q.chat.Turns[i]
		switch turn.Role {
		case wit.RoleAssistant:
			w.add(false, w.assistant(turn)...)
		case wit.RoleTool:
			w.add(true, w.result(turn))
		default:
			w.add(true, w.person(turn)...)
		}
	}
	if n := len(w.messages); n == 0 || !w.messages[n-1].user {
		w.add(true, func(o json.Object) json.Object { return textBlock(o, emptyText) })
	}
	return w.messages
}

// writer makes the messages of one request.
type writer struct {
	*question
	messages []message
	seen     map[string]bool   // the ids of calls so far
	ids      map[string]string // what those of the last calls have become
}

// add says blocks in the last message, or in a new one.
func (w *writer) add(user bool, blocks ...block) {
	if len(blocks) == 0 {
		return
	}
	if len(w.messages) == 0 && !user {
		w.add(true, func(o json.Object) json.Object { return textBlock(o, emptyText) })
	}
	if n := len(w.messages); n == 0 || w.messages[n-1].user != user {
		w.messages = append(w.messages, message{user: user})
	}
	last := &w.messages[len(w.messages)-1]
	last.blocks = append(last.blocks, blocks...)
}

// person is what somebody says.
func (w *writer) person(turn *wit.ChatTurn) (blocks []block) {
	for i := range turn.Content {
		if b := w.part(&turn.Content[i]); b != nil {
			blocks = append(blocks, b)
		}
	}
	if len(blocks) == 0 {
		blocks = append(blocks, func(o json.Object) json.Object { return textBlock(o, emptyText) })
	}
	return blocks
}

// part is one part of what is said or found out: a text, a picture or a document; nil of one that has nothing in it.
func (w *writer) part(part *wit.Part) block {
	if source := sourceOf(part); source != nil {
		if source.stored {
			w.embedded = append(w.embedded, *part.Media)
		}
		return source.block
	}
	text := textOf(part)
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return func(o json.Object) json.Object { return textBlock(o, text) }
}

// textOf is a part's text; of what the model cannot be shown, at least what it is.
func textOf(part *wit.Part) string {
	if part.Text != nil {
		return *part.Text
	}
	return "[" + string(part.Kind) + "]"
}

// result is what a tool's call came to.
func (w *writer) result(turn *wit.ChatTurn) block {
	id := ""
	if turn.ToolCallID != nil {
		id = w.idOf(*turn.ToolCallID)
	}
	var blocks []block
	text, onlyText := "", true
	for i := range turn.Content {
		part := &turn.Content[i]
		onlyText = onlyText && sourceOf(part) == nil
		if b := w.part(part); b != nil {
			blocks = append(blocks, b)
		}
		if i > 0 {
			text += "\n"
		}
		text += textOf(part)
	}
	return func(o json.Object) json.Object {
		o = o.Text("type", "tool_result").Text("tool_use_id", id)
		if onlyText {
			o = o.Text("content", text)
		} else {
			o = o.Array("content", func(list json.Array) json.Array { return writeBlocks(list, blocks) })
		}
		if turn.Failed {
			o = o.Bool("is_error", true)
		}
		return o
	}
}

// assistant is what the model said, in the order in which it did.
func (w *writer) assistant(turn *wit.ChatTurn) []block {
	var text strings.Builder
	for i := range turn.Content {
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(textOf(&turn.Content[i]))
	}
	if len(turn.ToolCalls) > 0 {
		clear(w.ids)
	}
	calls := make([]block, 0, len(turn.ToolCalls))
	for i := range turn.ToolCalls {
		calls = append(calls, w.call(&turn.ToolCalls[i]))
	}
	var kept wit.JSON
	if w.thought.On {
		kept = turn.Opaque
	}
	return arranged(kept, text.String(), calls, w.config.atAnthropic())
}

// call is a tool that the model called.
func (w *writer) call(call *wit.ToolCall) block {
	id := toolname.LegalID(call.ID)
	for base, n := id, 2; w.seen[id]; n++ {
		id = base + "-" + strconv.Itoa(n) // an id is refused that another call has had, whoever gave it
	}
	w.seen[id], w.ids[call.ID] = true, id
	return func(o json.Object) json.Object {
		return o.Text("type", "tool_use").Text("id", id).Text("name", w.names.Of(call.Name)).Raw("input", input(call.Args))
	}
}

// idOf is what the id of one of the last calls has become.
func (w *writer) idOf(id string) string {
	if own := w.ids[id]; own != "" {
		return own
	}
	return toolname.LegalID(id)
}

// input is always an object: what a model wrote that is none would be refused, and with it the whole conversation from then
// on. A text that holds an object is that object.
func input(args wit.JSON) wit.JSON {
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

// writeMessages adds the messages, with marks at the ends of the last ones of the user.
func (q *question) writeMessages(list json.Array) json.Array {
	marked := map[int]bool{}
	for i := len(q.messages) - 1; i >= 0 && len(marked) < turnMarks; i-- {
		if q.messages[i].user {
			marked[i] = true
		}
	}
	for i, m := range q.messages {
		role, blocks := "assistant", m.blocks
		if m.user {
			role = "user"
		}
		if marked[i] {
			last := blocks[len(blocks)-1]
			blocks = append(blocks[:len(blocks)-1:len(blocks)-1], func(o json.Object) json.Object { return q.config.keep(last(o)) })
		}
		list = list.Object(func(o json.Object) json.Object {
			return o.Text("role", role).Array("content", func(list json.Array) json.Array { return writeBlocks(list, blocks) })
		})
	}
	return list
}

func writeBlocks(list json.Array, blocks []block) json.Array {
	for _, b := range blocks {
		list = list.Object(b)
	}
	return list
}
