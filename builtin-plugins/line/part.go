package line

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// maxBubble is how long the text above buttons is at most, in UTF-16 units; a longer one has quick replies.
const maxBubble = 1000

// maxAlt bounds what notifications show of buttons, in bytes ("Flex message", altText).
const maxAlt = 380

// texts are the messages with a text and what can be chosen at it. plain leaves everything out that LINE might refuse.
func (c *chat) texts(send *wit.ChannelSend, plain bool) []wit.JSON {
	text := send.Text
	if send.Formatted != nil && *send.Formatted != "" && !plain {
		text = *send.Formatted
	}
	actions := actionsOf(send.Actions)
	switch {
	case !isVisible(text) && len(actions) == 0:
		return nil
	case len(actions) > 0 && plain:
		for _, action := range actions {
			text = texts.Join("\n", text, "- "+action.Label)
		}
	case len(actions) > 0 && units(text) <= maxBubble:
		return []wit.JSON{bubble(text, actions)}
	}
	o := textMessage(text)
	if token := c.quote; token != "" && !plain {
		o = o.Text("quoteToken", token)
	}
	switch commands := listedCommands(send.Text); {
	case plain:
	case len(actions) > 0:
		o = o.Raw("quickReply", quickReply(actions))
	case len(commands) > 0 && strings.HasPrefix(c.to, "U"): // in a group nothing that does not name the account is a command
		o = o.Raw("quickReply", commandReplies(commands))
	}
	return []wit.JSON{o.JSON()}
}

// textMessage is a message with a text ("Text message").
func textMessage(text string) json.Object {
	return json.Object{}.Text("type", "text").Text("text", text)
}

// actionsOf are what can be chosen, one below the other.
func actionsOf(rows []wit.ActionRow) []wit.Action {
	var list []wit.Action
	for _, row := range rows {
		list = append(list, row.Actions...)
	}
	return list
}

// postback is what a button does: LINE calls with its data ("Postback action").
func postback(action wit.Action) wit.JSON {
	return json.Object{}.Text("type", "postback").Text("label", action.Label).Text("data", choicePrefix+action.Value).Text("displayText", action.Label).JSON()
}

// quickReply are buttons above the keyboard of a phone, until something else is said ("Quick reply").
func quickReply(actions []wit.Action) wit.JSON {
	items := json.Array{}
	for _, action := range actions {
		items = items.Add(json.Object{}.Text("type", "action").Raw("action", postback(action)).JSON())
	}
	return json.Object{}.Raw("items", items.JSON()).JSON()
}

// bubble is a text with buttons below it, which stay ("Flex message", bubble).
func bubble(text string, actions []wit.Action) wit.JSON {
	if !isVisible(text) {
		text = "…"
	}
	buttons := json.Array{}
	for _, action := range actions {
		style := "secondary"
		if action.Style == wit.ActionStylePrimary {
			style = "primary"
		}
		o := json.Object{}.Text("type", "button").Text("height", "sm").Text("style", style)
		if action.Style == wit.ActionStyleDanger {
			o = json.Object{}.Text("type", "button").Text("height", "sm").Text("style", "primary").Text("color", "#D93025")
		}
		buttons = buttons.Add(o.Raw("action", postback(action)).JSON())
	}
	words := json.Object{}.Text("type", "text").Text("text", text).Bool("wrap", true).JSON()
	contents := json.Object{}.Text("type", "bubble").Raw("body", column(json.Array{}.Add(words))).Raw("footer", column(buttons)).JSON()
	return json.Object{}.Text("type", "flex").Text("altText", texts.Clip(text, maxAlt)).Raw("contents", contents).JSON()
}

func column(contents json.Array) wit.JSON {
	return json.Object{}.Text("type", "box").Text("layout", "vertical").Text("spacing", "sm").Raw("contents", contents.JSON()).JSON()
}
