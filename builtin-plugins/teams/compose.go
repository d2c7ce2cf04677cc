package teams

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// words are a text as it is sent: plain, and in Teams' HTML where it has marks.
type words struct{ plain, html string }

func wordsOf(text string, formatted *string) words {
	w := words{plain: text}
	if formatted != nil {
		w.html = html(*formatted)
	}
	return w
}

// activity is a message's body with a text.
func (w words) activity() json.Object { return w.add(json.Object{}.Text("type", "message")) }

// add adds a text to a body (Format your bot messages, "Text format").
func (w words) add(o json.Object) json.Object {
	switch {
	case w.html != "":
		return o.Text("textFormat", "xml").Text("text", w.html)
	case isVisible(w.plain):
		return o.Text("textFormat", "plain").Text("text", w.plain)
	}
	return o
}

// with adds an attachment.
func with(body json.Object, attachment wit.JSON) json.Object {
	return body.Raw("attachments", json.Array{}.Add(attachment).JSON())
}

// actionField has the value of the action that was chosen.
const actionField = "carapace"

// card is an Adaptive Card whose buttons are what can be chosen (Universal actions for Adaptive Cards). A client that does not know
// Action.Execute takes its fallback, which comes back as a message.
func card(rows []wit.ActionRow) wit.JSON {
	buttons := json.Array{}
	for _, row := range rows {
		for _, action := range row.Actions {
			data := json.Object{}.Text(actionField, action.Value).JSON()
			button := func(kind string) json.Object {
				o := json.Object{}.Text("type", kind).Text("title", action.Label).Raw("data", data)
				switch action.Style {
				case wit.ActionStylePrimary:
					o = o.Text("style", "positive")
				case wit.ActionStyleDanger:
					o = o.Text("style", "destructive")
				}
				return o
			}
			buttons = buttons.Add(button("Action.Execute").Text("verb", "choose").Raw("fallback", button("Action.Submit").JSON()).JSON())
		}
	}
	return adaptiveCard(wit.JSON("[]"), buttons.JSON())
}

// adaptiveCard is the attachment that is a card. Bots may send the version 1.5 at most, and Action.Execute needs it ("Work with Universal
// Actions for Adaptive Cards", "Schema"; "Types of cards", "Support for Adaptive Cards").
func adaptiveCard(body, actions wit.JSON) wit.JSON {
	content := json.Object{}.Text("type", "AdaptiveCard").Text("version", "1.5").Raw("body", body).Raw("actions", actions)
	return json.Object{}.Text("contentType", typeCard).Raw("content", content.JSON()).JSON()
}

// listed is a text with the choices below it, for where buttons are refused.
func listed(text string, rows []wit.ActionRow) string {
	for _, row := range rows {
		for _, action := range row.Actions {
			text += "\n- " + action.Label
		}
	}
	return text
}
