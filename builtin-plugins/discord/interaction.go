package discord

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// interactionType is what somebody did (Interaction Type). Others belong to things that the bot does not have.
type interactionType int64

const (
	interactionCommand   interactionType = 2
	interactionComponent interactionType = 3
)

// Interaction callback types.
const (
	callbackMessage        = 4
	callbackDeferredUpdate = 6
)

// acknowledge tells Discord, within the three seconds that it waits, that a press of a button or a command was seen (Create
// Interaction Response). A command is answered with what was asked, since nobody else sees that; what the assistant says
// comes later, as a message like any other, so that it does not depend on the quarter of an hour for which an
// interaction can be answered.
func acknowledge(a *answer, d json.Value) {
	id, token := d.Get("id").Text(), d.Get("token").Text()
	if !isID(id) || !isWord(token) || a.full() {
		return
	}
	var body json.Object
	switch interactionType(d.Get("type").Int()) {
	case interactionComponent:
		body = json.Object{}.Int("type", callbackDeferredUpdate)
	case interactionCommand:
		data := json.Object{}.Text("content", asQuote(commandText(d.Get("data")))).Raw("allowed_mentions", wit.JSON(`{"parse":[]}`))
		body = json.Object{}.Int("type", callbackMessage).Raw("data", data.JSON())
	default:
		return
	}
	a.Out.Requests = append(a.Out.Requests,
		a.Settings.publicRequest(account.RequestID(requestAck, a.State.generation, id), "POST", "/interactions/"+id+"/"+token+"/callback", body.JSON()))
}

// maxEcho bounds how much of a command is shown, in bytes.
const maxEcho = 1500

// asQuote writes a text as a quotation.
func asQuote(s string) string {
	if clipped := texts.Clip(s, maxEcho); clipped != s {
		s = clipped + "…"
	}
	return "> " + strings.ReplaceAll(s, "\n", "\n> ")
}

// commandText is what somebody says by a command: the text behind /ask, or the command with what is behind it.
func commandText(data json.Value) string {
	words := make([]string, 0, 2)
	if name := data.Get("name").Text(); name != askCommand {
		words = append(words, "/"+name)
	}
	for option := range data.Get("options").Items() {
		if value := strings.TrimSpace(option.Get("value").Text()); value != "" {
			words = append(words, value)
		}
	}
	return strings.Join(words, " ")
}

// interacted takes a command, or a button that was pressed: the value behind it, and the message that it is at.
func interacted(a *answer, d json.Value, where wit.Conversation) {
	id := d.Get("id").Text()
	who := readMember(d.Get("member", "user"), d.Get("member"))
	if who.id == "" {
		who = readUser(d.Get("user"))
	}
	if !isID(id) || who.id == "" {
		return
	}
	m := wit.Message{
		ID: "interaction:" + id, Kind: wit.MessageKindText, Conversation: where, Sender: *who.wit(), Mentioned: true, Time: timeOf(id),
	}
	switch interactionType(d.Get("type").Int()) {
	case interactionCommand:
		m.Text = commandText(d.Get("data"))
	case interactionComponent:
		target := d.Get("message", "id").Text()
		m.Text = d.Get("data", "custom_id").Text()
		if m.Text == "" || !isID(target) {
			return
		}
		m.Kind, m.Mentioned, m.Target = wit.MessageKindAction, false, new(messageID(d.Get("channel_id").Text(), target))
	default:
		return
	}
	a.message(m)
}
