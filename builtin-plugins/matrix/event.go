package matrix

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// message makes a message of an event, nil of one that says nothing.
func (p *place) message(kind string, e json.Value) *wit.Message {
	m := &wit.Message{
		ID: e.Get("event_id").Text(), Kind: wit.MessageKindText, Conversation: p.room.conversation(""),
		Sender: p.person(e.Get("sender").Text()), Time: e.Get("origin_server_ts").Int(),
	}
	switch kind {
	case "m.room.message", "m.sticker":
		return p.said(m, kind, e.Get("content"))
	case "m.room.redaction":
		target := e.Get("content", "redacts").Text() // since version 11 of rooms
		if target == "" {
			target = e.Get("redacts").Text()
		}
		m.Kind = wit.MessageKindDeleted
		if m = aimed(m, target); m == nil {
			return nil
		}
		return p.State.reactions.takenBack(m)
	case "m.reaction":
		rel := readRelation(e.Get("content"))
		m.Kind, m.Text = wit.MessageKindReaction, rel.key
		if m = aimed(m, rel.target); m != nil {
			p.State.reactions.put(m)
		}
		return m
	case "m.poll.start", pollStart:
		m.Text = pollText(e.Get("content"))
		m.Conversation.Thread = account.Optional(readRelation(e.Get("content")).thread)
	case "m.poll.response", pollResponse:
		return voted(m, e.Get("content"))
	case "m.call.invite":
		m.Kind, m.Text = wit.MessageKindService, "["+p.label(m.Sender)+" has called; calls cannot be taken]"
	}
	if m.Text == "" {
		return nil
	}
	return m
}

// aimed is a message about another one, nil when that has no id.
func aimed(m *wit.Message, target string) *wit.Message {
	if target == "" || len(target) > 1024 {
		return nil
	}
	m.Target = &target
	return m
}

// said reads what somebody has said, or said anew ("m.room.message", "Event replacements").
func (p *place) said(m *wit.Message, kind string, content json.Value) *wit.Message {
	rel := readRelation(content)
	body := content
	if fresh := content.Get("m.new_content"); rel.kind == replaces && fresh.Exists() {
		body = fresh
	}
	p.readContent(m, kind, body)
	if rel.kind != replaces {
		var quoted person
		if m.ReplyTo, quoted = p.quoted(m, rel); quoted.id != "" && quoted.id == p.State.me.id {
			m.Mentioned = true
		}
	}
	m.Mentioned = m.Mentioned || p.mentions(content, m.Text)
	m.Conversation.Thread = account.Optional(rel.thread)
	switch {
	case m.Text == "" && len(m.Attachments) == 0:
		return nil // it was taken back before it was read
	case rel.kind == replaces:
		m.Kind = wit.MessageKindEdited
		return aimed(m, rel.target)
	}
	return m
}

// label is what people call somebody.
func (p *place) label(who wit.Person) string {
	if who.Name != nil {
		return *who.Name
	}
	return who.ID
}
