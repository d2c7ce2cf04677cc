package bedrock

import (
	"strings"

	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/claude"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// messages adds the chat's turns. User and assistant take turns strictly, and the user begins; what tools have answered is
// said by the user.
func (q *question) messages(list json.Array) json.Array {
	said := q.said()
	marked := q.pointed(said)
	for i, turns := range said {
		list = list.Object(func(o json.Object) json.Object {
			return o.Text("role", speaker(turns)).Array("content", func(list json.Array) json.Array {
				for i, turn := range turns {
					list = q.blocks(list, turn)
					if i+1 == len(turns) || turns[i+1].Role != wit.RoleTool {
						list = q.beside(list, turns[:i+1])
					}
				}
				if wordless(turns, q.documents) {
					list = textBlock(list, "(a document)")
				}
				return point(list, marked[i])
			})
		})
	}
	return list
}

// opening is what the user says where a conversation would begin with the assistant.
var opening = wit.ChatTurn{Role: wit.RoleUser, Content: []wit.Part{{Kind: wit.PartKindText, Text: new("(The conversation goes on.)")}}}

// said are the turns that say something, in messages of neighbours.
func (q *question) said() (messages [][]*wit.ChatTurn) {
	add := func(turn *wit.ChatTurn) {
		n := len(messages)
		if n == 0 || (turn.Role == wit.RoleAssistant) != (messages[n-1][0].Role == wit.RoleAssistant) {
			messages = append(messages, nil)
			n++
		}
		messages[n-1] = append(messages[n-1], turn)
	}
	for i := range q.chat.Turns {
		turn := &q.chat.Turns[i]
		if empty(turn) {
			continue
		}
		if len(messages) == 0 && turn.Role == wit.RoleAssistant {
			add(&opening)
		}
		add(turn)
	}
	if len(messages) == 0 {
		add(&opening)
	}
	return messages
}

// wordless reports whether turns show a document and say nothing, which is refused: see DocumentBlock in the reference of the API.
func wordless(turns []*wit.ChatTurn, names map[*wit.Part]string) bool {
	documents := false
	for _, turn := range turns {
		for i := range turn.Content {
			kind, _ := shown(&turn.Content[i])
			switch {
			case turn.Role == wit.RoleUser && kind == "document" && names[&turn.Content[i]] != "":
				documents = true
			case turn.Role == wit.RoleUser && kind == "" && strings.TrimSpace(textOf(&turn.Content[i])) != "":
				return false
			}
		}
	}
	return documents
}

// speaker is who says a message.
func speaker(turns []*wit.ChatTurn) string {
	if turns[0].Role == wit.RoleAssistant {
		return "assistant"
	}
	return "user"
}

// empty reports whether a turn says nothing: a text of blanks is refused.
func empty(turn *wit.ChatTurn) bool {
	return turn.Role != wit.RoleTool && len(turn.ToolCalls) == 0 && strings.TrimSpace(allText(turn)) == ""
}

// blocks adds what one turn says.
func (q *question) blocks(list json.Array, turn *wit.ChatTurn) json.Array {
	if turn.Role == wit.RoleTool {
		return q.result(list, turn)
	}
	if q.back[turn] {
		list = reasoned(list, turn)
	}
	for i := range turn.Content {
		part := &turn.Content[i]
		if added, ok := q.media(list, part, turn.Role); ok {
			list = added
		} else if text := textOf(part); strings.TrimSpace(text) != "" {
			list = textBlock(list, text)
		}
	}
	for i := range turn.ToolCalls {
		call := &turn.ToolCalls[i]
		list = list.Object(func(o json.Object) json.Object {
			return o.Object("toolUse", func(o json.Object) json.Object {
				return o.Text("toolUseId", toolname.LegalID(call.ID)).Text("name", q.names.Of(call.Name)).Raw("input", arguments(call.Args))
			})
		})
	}
	return list
}

// result adds what a tool has answered.
func (q *question) result(list json.Array, turn *wit.ChatTurn) json.Array {
	text, id := allText(turn), ""
	if strings.TrimSpace(text) == "" {
		text = "(no output)"
	}
	if turn.ToolCallID != nil {
		id = *turn.ToolCallID
	}
	return list.Object(func(o json.Object) json.Object {
		return o.Object("toolResult", func(o json.Object) json.Object {
			return o.Text("toolUseId", toolname.LegalID(id)).Array("content", func(list json.Array) json.Array {
				list = textBlock(list, text)
				if q.sees {
					list = pictures(list, turn)
				}
				return list
			})
		})
	})
}

// seesInResults reports whether a model takes pictures in results: Claude and Nova do, see ToolResultContentBlock in the reference of
// the API. To others they are shown behind the results.
func seesInResults(model string) bool {
	return claude.Of(model) != &claude.Stranger || strings.Contains(model, "amazon.nova")
}

// beside adds the pictures of the last results behind them, where they cannot stand in them.
func (q *question) beside(list json.Array, turns []*wit.ChatTurn) json.Array {
	if q.sees || turns[len(turns)-1].Role != wit.RoleTool {
		return list
	}
	for _, turn := range turns {
		list = pictures(list, turn)
	}
	return list
}

// arguments are always an object: what a model wrote that is none would be refused, and with it the whole conversation
// from then on.
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

// media adds a picture or a document of a person's, whose bytes the gateway puts in.
func (q *question) media(list json.Array, part *wit.Part, role wit.Role) (json.Array, bool) {
	kind, format := shown(part)
	if kind == "" || role != wit.RoleUser || kind == "document" && q.documents[part] == "" {
		return list, false
	}
	return file(list, part, kind, format, q.documents[part]), true
}

// maxDocuments is how many a request may have: see "API restrictions" in the user guide.
const maxDocuments = 5

// documents are the names of the documents that are shown, which are the last ones, each once: two of one name are refused, and with them
// the conversation from then on. The name is made of the id, for one that people wrote could be an order to the model; letters, digits,
// single blanks and a few marks may be in it, see DocumentBlock in the reference of the API.
func documents(chat *wit.Chat) map[*wit.Part]string {
	names, taken := map[*wit.Part]string{}, map[string]bool{}
	for i := len(chat.Turns) - 1; i >= 0; i-- {
		turn := &chat.Turns[i]
		for j := len(turn.Content) - 1; j >= 0 && turn.Role == wit.RoleUser; j-- {
			part := &turn.Content[j]
			if kind, _ := shown(part); kind != "document" || len(names) == maxDocuments {
				continue
			}
			if name := "document " + toolname.FixedID(*part.Media, 9); !taken[name] {
				names[part], taken[name] = name, true
			}
		}
	}
	return names
}

// pictures adds those that a tool has given.
func pictures(list json.Array, turn *wit.ChatTurn) json.Array {
	for i := range turn.Content {
		if kind, format := shown(&turn.Content[i]); kind == "image" {
			list = file(list, &turn.Content[i], kind, format, "")
		}
	}
	return list
}

// file adds a file of the media store; name is a document's.
func file(list json.Array, part *wit.Part, kind, format, name string) json.Array {
	return list.Object(func(o json.Object) json.Object {
		return o.Object(kind, func(o json.Object) json.Object {
			if o = o.Text("format", format); name != "" {
				o = o.Text("name", name)
			}
			return o.Object("source", func(o json.Object) json.Object { return o.Text("bytes", "{{media:"+*part.Media+"}}") })
		})
	})
}

// shown is what block and format a file of the media store has, "" for what cannot be shown.
func shown(part *wit.Part) (kind, format string) {
	if part.Media == nil || *part.Media == "" || strings.Contains(*part.Media, ":") {
		return "", ""
	}
	mime := ""
	if part.Mime != nil {
		mime = *part.Mime
	}
	switch {
	case part.Kind == wit.PartKindFile && mime == "application/pdf":
		return "document", "pdf"
	case part.Kind != wit.PartKindImage:
		return "", ""
	}
	switch format = strings.TrimPrefix(mime, "image/"); format {
	case "png", "gif", "webp":
		return "image", format
	}
	return "image", "jpeg"
}

// embedded lists the files that the gateway has to put in.
func (q *question) embedded() []string {
	var list []string
	for i := range q.chat.Turns {
		turn := &q.chat.Turns[i]
		for j := range turn.Content {
			part := &turn.Content[j]
			kind, _ := shown(part)
			if q.documents[part] != "" || kind == "image" && turn.Role != wit.RoleAssistant {
				list = append(list, *part.Media)
			}
		}
	}
	return list
}

func textBlock(list json.Array, text string) json.Array {
	return list.Object(func(o json.Object) json.Object { return o.Text("text", text) })
}

// textOf is a part's text; of what the model cannot be shown, at least what it is.
func textOf(part *wit.Part) string {
	if part.Text != nil {
		return *part.Text
	}
	return "[" + string(part.Kind) + "]"
}

// allText is what a turn says, a line for each part.
func allText(turn *wit.ChatTurn) string {
	var texts []string
	for i := range turn.Content {
		texts = append(texts, textOf(&turn.Content[i]))
	}
	return strings.Join(texts, "\n")
}
