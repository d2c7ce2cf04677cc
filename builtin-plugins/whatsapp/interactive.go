package whatsapp

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxButtons is how many buttons a message can have; what has more shows a list behind one button (Interactive reply
// buttons; Interactive lists, which have ten rows at most).
const maxButtons = 3

// listLabel is what stands on the button that opens a list.
const listLabel = "☰"

// sendChoice sends a text with what can be chosen below it. What WhatsApp refuses is sent as a text, in which the choices can at
// least be read.
func (c *chat) sendChoice(p part) (id string, r result) {
	if id, r = c.post("interactive", choice(p)); !r.refused() {
		return id, r
	}
	c.host.Warn("whatsapp: buttons were refused: " + r.message())
	text := p.text
	for _, action := range p.actions {
		text += "\n- " + action.Label
	}
	return c.sendText(text)
}

// choice is the content of such a message. What is chosen comes back with the action's value as its id.
func choice(p part) wit.JSON {
	list := json.Array{}
	o := json.Object{}.Text("type", "button").Raw("body", json.Object{}.Text("text", p.text).JSON())
	if len(p.actions) <= maxButtons {
		for _, action := range p.actions {
			reply := json.Object{}.Text("id", action.Value).Text("title", action.Label).JSON()
			list = list.Add(json.Object{}.Text("type", "reply").Raw("reply", reply).JSON())
		}
		return o.Raw("action", json.Object{}.Raw("buttons", list.JSON()).JSON()).JSON()
	}
	for _, action := range p.actions {
		list = list.Add(json.Object{}.Text("id", action.Value).Text("title", action.Label).JSON())
	}
	section := json.Object{}.Text("title", strconv.Itoa(len(p.actions))).Raw("rows", list.JSON()).JSON()
	o = json.Object{}.Text("type", "list").Raw("body", json.Object{}.Text("text", p.text).JSON())
	return o.Raw("action", json.Object{}.Text("button", listLabel).Raw("sections", json.Array{}.Add(section).JSON()).JSON()).JSON()
}
