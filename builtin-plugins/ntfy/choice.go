package ntfy

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// choiceTag is what a message has that a button publishes ("Send HTTP request"), beside the id of the message that it stood at. Apps
// show it as ☑️.
const choiceTag = "ballot_box_with_check"

// chooseWord is what a choice in words begins with, where there are no buttons.
const chooseWord = "/choose "

// chosen reads a choice, made by a button or in words.
func chosen(v json.Value, text string) (value, target string, ok bool) {
	if value, ok := strings.CutPrefix(text, chooseWord); ok {
		return strings.TrimSpace(value), "", true
	}
	if !tagged(v, choiceTag) {
		return "", "", false
	}
	for item := range v.Get("tags").Items() {
		if tag := item.Text(); isMark(tag) {
			return text, tag, true
		}
	}
	return "", "", false
}

// buttons are the actions of a message: each has the phone publish the choice to the topic that is read, without a sound.
func (c *chat) buttons(mark string, actions []wit.Action) wit.JSON {
	list := json.Array{}
	for _, action := range actions {
		url := c.settings.server + "/" + c.to.ID + "?priority=1&tags=" + choiceTag + "," + mark + "&title=" + form.Escape(action.Label)
		list = list.Add(json.Object{}.Text("action", "http").Text("label", action.Label).Text("url", url).
			Text("method", "POST").Text("body", action.Value).Bool("clear", true).JSON())
	}
	return list.JSON()
}

// inWords are actions as lines of a text, with what to write.
func inWords(actions []wit.Action) string {
	lines := ""
	for _, action := range actions {
		lines += "\n" + action.Label + ": " + chooseWord + action.Value
	}
	return lines
}

// actionsOf are what can be chosen, in one row.
func actionsOf(rows []wit.ActionRow) []wit.Action {
	var list []wit.Action
	for _, row := range rows {
		list = append(list, row.Actions...)
	}
	return list
}
