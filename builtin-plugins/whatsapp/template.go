package whatsapp

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Somebody who has not written for 24 hours gets nothing but messages of a template, which Meta has approved before (Messages,
// "Customer service windows"). The owner may have made one whose body is little more than a variable; the text goes there.

// Bounds of a text in a template: in characters, with what may stand around it (Templates, body), and how many of them one
// message becomes, since each of them costs money.
const (
	maxTemplate  = 900
	maxTemplates = 5
)

// templates divides a message into such as fit a template. Its files cannot be sent, which the text says.
func templates(send *wit.ChannelSend) []part {
	text := words(send)
	for i := range send.Attachments {
		a := &send.Attachments[i]
		if a.Caption != nil {
			text = texts.Join("\n", text, *a.Caption)
		}
		text = texts.Join("\n", text, "["+attachment.Label(a)+" can be sent once you have written]")
	}
	text = flat(text)
	var parts []part
	for isVisible(text) {
		var first string
		if first, text = split(text, maxTemplate); len(parts) == maxTemplates-1 && text != "" {
			first, text = first+" …", ""
		}
		parts = append(parts, part{text: first, template: true})
	}
	return parts
}

// flat is a text without what a variable may not have: line ends, and more than four blanks in a row.
func flat(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	return strings.Join(lines, " / ")
}

// filled is the content of a message of the account's template.
func (s settings) filled(text string) wit.JSON {
	variable := json.Array{}.Add(json.Object{}.Text("type", "text").Text("text", text).JSON())
	body := json.Array{}.Add(json.Object{}.Text("type", "body").Raw("parameters", variable.JSON()).JSON())
	return json.Object{}.Text("name", s.template).Raw("language", json.Object{}.Text("code", s.language).JSON()).Raw("components", body.JSON()).JSON()
}
