package zulip

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// receive takes a message, of an event or of a page ("message" in "Get events from an event queue"). What the account itself
// has sent is only remembered: people react to it.
func receive(a *answer, m json.Value, flags json.Value) {
	id := m.Get("id").Int()
	p, name, ok := placeOf(m, a.State.me.id)
	if id <= 0 {
		return
	}
	a.State.seen = max(a.State.seen, id)
	if !ok {
		return
	}
	sender := texts.Clip(m.Get("sender_id").Text(), 64)
	a.State.recent.put(known{id: id, place: p, sender: sender})
	if sender == a.State.me.id {
		return
	}
	out := wit.Message{
		ID: m.Get("id").Text(), Kind: wit.MessageKindText, Conversation: p.conversationOf(name), Sender: senderOf(m),
		Time: m.Get("timestamp").Int() * 1000,
	}
	if isNotice(m) {
		out.Kind = wit.MessageKindService
	}
	a.said(&out, m.Get("content").Text(), flags)
	if out.Text == "" && len(out.Attachments) == 0 {
		return
	}
	a.Message(&out)
}

// said fills in what somebody has said.
func (a *answer) said(out *wit.Message, content string, flags json.Value) {
	if waves, is := strings.CutPrefix(content, "/me "); is {
		content = "* " + label(out.Sender) + " " + waves
	}
	out.ReplyTo, content = quoted(content)
	content, out.Attachments = a.files(content)
	out.Text = readable(content)
	out.Mentioned = a.mentions(flags) || out.ReplyTo != nil && out.ReplyTo.Sender != nil && out.ReplyTo.Sender.ID == a.State.me.id
}

// mentions reports whether a message's flags say that it is for the account ("Update personal message flags": mentioned is by
// name or by a group of users). Who speaks to everybody speaks to nobody, unless the owner wants that.
func (a *answer) mentions(flags json.Value) bool {
	for flag := range flags.Items() {
		switch flag.Text() {
		case "mentioned":
			return true
		case "stream_wildcard_mentioned", "topic_wildcard_mentioned", "wildcard_mentioned":
			if a.Settings.wildcards {
				return true
			}
		}
	}
	return false
}

// senderOf is who has sent a message. The email of a bot ends with -bot before the @, which the server sees to ("Create a bot").
func senderOf(m json.Value) wit.Person {
	email := m.Get("sender_email").Text()
	local, _, _ := strings.Cut(email, "@")
	return wit.Person{
		ID: texts.Clip(m.Get("sender_id").Text(), 64), Name: account.Optional(m.Get("sender_full_name").Text()), Username: account.Optional(texts.Clip(email, 255)),
		Bot: strings.HasSuffix(local, "-bot"),
	}
}

// isNotice reports whether a message is the server's own, about a topic that was moved, say.
func isNotice(m json.Value) bool {
	return strings.HasPrefix(m.Get("sender_email").Text(), "notification-bot@")
}

// label is what people call somebody.
func label(who wit.Person) string {
	if who.Name != nil {
		return *who.Name
	}
	return who.ID
}

// eventID is the id of what is no message of its own: the server tells an event again with the same one.
func (a *answer) eventID(event int64, more string) string {
	return "event:" + a.State.queue + ":" + strconv.FormatInt(event, 10) + more
}
