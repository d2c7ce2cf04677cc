package feishu

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Where a button's value has the action's, and whom the card was sent to, if that was somebody and no group: who chooses is told
// with the id of a chat, which need not be known yet.
const (
	choiceField = "choice"
	withField   = "with"
)

// maxSummary bounds what is shown of a card in notifications and in the list of chats, in bytes.
const maxSummary = 120

// card is a text, with what can be chosen below it ("Card JSON 2.0 structure", rich text, button, column set). All see the same
// card, which can be changed.
func card(to wit.Conversation, text, plain string, rows []wit.ActionRow) wit.JSON {
	elements := json.Array{}.Object(func(o json.Object) json.Object { return o.Text("tag", "markdown").Text("content", text) })
	for _, row := range rows {
		columns := json.Array{}
		for _, action := range row.Actions {
			columns = columns.Object(func(o json.Object) json.Object {
				return o.Text("tag", "column").Text("width", "auto").Raw("elements", json.Array{}.Add(button(to, action)).JSON())
			})
		}
		elements = elements.Object(func(o json.Object) json.Object {
			return o.Text("tag", "column_set").Text("flex_mode", "flow").Raw("columns", columns.JSON())
		})
	}
	summary := json.Object{}.Text("content", texts.Clip(strings.TrimSpace(plain), maxSummary)).JSON()
	config := json.Object{}.Bool("update_multi", true).Raw("summary", summary).JSON()
	return json.Object{}.Text("schema", "2.0").Raw("config", config).Raw("body", json.Object{}.Raw("elements", elements.JSON()).JSON()).JSON()
}

func button(to wit.Conversation, action wit.Action) wit.JSON {
	style := "default"
	if action.Style == wit.ActionStylePrimary || action.Style == wit.ActionStyleDanger {
		style = string(action.Style) // which are Feishu's words too
	}
	value := json.Object{}.Text(choiceField, action.Value)
	if to.Kind == wit.ConversationKindDirect {
		value = value.Text(withField, to.ID)
	}
	behavior := json.Object{}.Text("type", "callback").Raw("value", value.JSON()).JSON()
	return json.Object{}.Text("tag", "button").Raw("text", json.Object{}.Text("tag", "plain_text").Text("content", action.Label).JSON()).
		Text("type", style).Raw("behaviors", json.Array{}.Add(behavior).JSON()).JSON()
}

// plainContent is the content of a plain text. A tag that would call everybody is none.
func plainContent(text string, rows []wit.ActionRow) wit.JSON {
	for _, row := range rows {
		for _, action := range row.Actions {
			text += "\n- " + action.Label
		}
	}
	return json.Object{}.Text("text", strings.ReplaceAll(text, "<at ", "<\u200bat ")).JSON()
}
