package googlechat

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// actionField is the parameter with the value of the action that was chosen.
const actionField = "carapace"

// card is a card whose buttons are what can be chosen (Cards v2, ButtonList).
func card(rows []wit.ActionRow) wit.JSON {
	widgets := json.Array{}
	for _, row := range rows {
		buttons := json.Array{}
		for _, action := range row.Actions {
			parameter := json.Object{}.Text("key", actionField).Text("value", action.Value).JSON()
			do := json.Object{}.Text("function", "choose").Raw("parameters", json.Array{}.Add(parameter).JSON()).JSON()
			button := json.Object{}.Text("text", action.Label).Raw("onClick", json.Object{}.Raw("action", do).JSON())
			switch action.Style {
			case wit.ActionStylePrimary:
				button = button.Text("type", "FILLED")
			case wit.ActionStyleDanger:
				button = button.Raw("color", json.Object{}.Float("red", 0.8).Float("green", 0.1).Float("blue", 0.1).JSON())
			}
			buttons = buttons.Add(button.JSON())
		}
		widgets = widgets.Add(json.Object{}.Raw("buttonList", json.Object{}.Raw("buttons", buttons.JSON()).JSON()).JSON())
	}
	section := json.Object{}.Raw("widgets", widgets.JSON()).JSON()
	content := json.Object{}.Raw("sections", json.Array{}.Add(section).JSON()).JSON()
	return json.Array{}.Add(json.Object{}.Text("cardId", "choices").Raw("card", content).JSON()).JSON()
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

// Edit replaces the text of a message that was sent, and its buttons (spaces.messages.patch).
func (GoogleChat) Edit(host *sdk.Host, edit *wit.ChannelEdit) (*wit.Sent, error) {
	c, err := openChat(host, edit.Config, edit.To)
	if err != nil {
		return nil, err
	}
	path, text := form.Path(edit.ID)+"?updateMask=", edit.Text
	if edit.Formatted != nil {
		text = *edit.Formatted
	}
	var r result
	switch {
	case text != "":
		r = c.inForms(bodies(quiet(text), edit.Actions), func(body json.Object) result {
			if len(edit.Actions) == 0 {
				body = body.Raw("cardsV2", wit.JSON("[]"))
			}
			return c.call("PATCH", path+"text,cardsV2", body)
		})
	case len(edit.Actions) > 0:
		r = c.call("PATCH", path+"cardsV2", json.Object{}.Raw("cardsV2", card(edit.Actions)))
	default:
		r = c.call("PATCH", path+"cardsV2", json.Object{}.Raw("cardsV2", wit.JSON("[]")))
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return &wit.Sent{IDs: []string{edit.ID}}, nil
}

// Delete takes back a message that was sent (spaces.messages.delete). One that is gone is what was wanted.
func (GoogleChat) Delete(host *sdk.Host, target *wit.ChannelDelete) (*wit.Sent, error) {
	c, err := openChat(host, target.Config, target.To)
	if err != nil {
		return nil, err
	}
	if r := c.call("DELETE", form.Path(target.ID), nil); !r.Success() && r.Status != 404 {
		return nil, r.err()
	}
	return &wit.Sent{IDs: []string{target.ID}}, nil
}
