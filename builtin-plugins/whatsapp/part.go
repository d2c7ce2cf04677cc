package whatsapp

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds in characters (Text messages; Image messages, caption; Interactive reply buttons, body).
const (
	maxCaption = 1024
	maxChoice  = 1024
)

// part is what becomes one message of WhatsApp's: a text, with what can be chosen below it, a file with its caption, or a template
// with a text in it.
type part struct {
	text       string
	actions    []wit.Action
	attachment *wit.Attachment
	template   bool
}

// partsOf divides a message: a part for each attachment, then the text if it is nobody's caption. What can be chosen stands
// below the end of the text, of which it takes less than a text has.
func partsOf(send *wit.ChannelSend) []part {
	var parts []part
	text, actions := words(send), actionsOf(send.Actions)
	for i := range send.Attachments {
		p, own := part{attachment: &send.Attachments[i]}, ""
		if p.attachment.Caption != nil && isFile(p.attachment) {
			own = *p.attachment.Caption
		}
		if i == 0 && own == "" && len(actions) == 0 && length(text) <= maxCaption {
			own, text = text, ""
		}
		if length(own) <= maxCaption && hasCaption(p.attachment) {
			p.text, own = own, ""
		}
		parts = append(parts, p)
		if isVisible(own) {
			parts = append(parts, part{text: own})
		}
	}
	if !isVisible(text) {
		return parts
	}
	if len(actions) == 0 {
		return append(parts, part{text: text})
	}
	if above, below := end(text, maxChoice); isVisible(above) {
		parts, text = append(parts, part{text: above}), below
	}
	return append(parts, part{text: text, actions: actions})
}

// words is the text of a message with WhatsApp's marks.
func words(send *wit.ChannelSend) string {
	if send.Formatted != nil {
		return *send.Formatted
	}
	return send.Text
}

// end divides a text so that its last part has at most so many characters.
func end(text string, most int) (above, below string) {
	below = text
	for length(below) > most {
		first, rest := split(below, most)
		above, below = texts.Join("\n", above, first), rest
	}
	return above, below
}

// actionsOf are what can be chosen, in one row.
func actionsOf(rows []wit.ActionRow) []wit.Action {
	var list []wit.Action
	for _, row := range rows {
		list = append(list, row.Actions...)
	}
	return list
}

// sendPart sends one part and returns its id.
func (c *chat) sendPart(p part) (id string, r result) {
	switch {
	case p.template:
		return c.post("template", c.settings.filled(p.text))
	case p.attachment != nil:
		return c.sendAttachment(p)
	case len(p.actions) > 0:
		return c.sendChoice(p)
	}
	return c.sendText(p.text)
}

// sendText sends a text; a link in it shows a preview.
func (c *chat) sendText(text string) (id string, r result) {
	return c.post("text", json.Object{}.Bool("preview_url", true).Text("body", text).JSON())
}
