package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// convert makes a message of an update; false when there is nothing in it for anybody. updateID is the
// id of what has none of its own.
func (t *turn) convert(u json.Value, updateID string) (*held, bool) {
	for kind, v := range u.Fields() {
		switch kind {
		case "message", "channel_post":
			return t.said(v)
		case "edited_message", "edited_channel_post":
			h, ok := t.said(v)
			if !ok {
				return nil, false
			}
			h.message.Kind, h.message.Target, h.message.ID = wit.MessageKindEdited, new(h.message.ID), updateID
			h.files, h.group = make([]string, len(h.files)), ""
			if edited := v.Get("edit_date").Int(); edited > 0 {
				h.message.Time = edited * 1000
			}
			return h, true
		case "message_reaction":
			return reaction(v, updateID)
		case "callback_query":
			return t.pressed(v, updateID)
		case "my_chat_member":
			return t.membership(v, updateID)
		}
	}
	return nil, false
}

// said converts what somebody said.
func (t *turn) said(v json.Value) (*held, bool) {
	p := readPost(v)
	who := p.speaker()
	if p.id == "" || who.id == t.state.me.id {
		return nil, false
	}
	m := wit.Message{
		ID:           messageID(p.chat, p.id),
		Kind:         wit.MessageKindText,
		Conversation: conversation(p.chat, p.thread),
		Sender:       *who.wit(),
		Text:         p.text.render(t.state.me),
		Attachments:  p.attachments,
		Time:         p.date,
	}
	if m.Text == "" && len(m.Attachments) == 0 {
		if p.service == "" {
			return nil, false
		}
		m.Kind, m.Text = wit.MessageKindService, p.service
	}
	m.Mentioned = m.Conversation.Kind == wit.ConversationKindDirect || p.text.mentions(t.state.me)
	if p.replyTo.Exists() {
		quoted := readPost(p.replyTo)
		// Each message of a topic says that it replies to the message that opened the topic.
		if !p.topic || quoted.id != p.thread {
			author := quoted.speaker()
			m.ReplyTo = &wit.Quoted{ID: messageID(p.chat, quoted.id), Text: optional(quoted.text.raw), Sender: author.wit()}
			if p.quote != "" {
				m.ReplyTo.Text = &p.quote
			}
			m.Mentioned = m.Mentioned || author.id != "" && author.id == t.state.me.id
		}
	}
	return &held{message: m, files: p.files, group: p.group}, true
}

func reaction(v json.Value, updateID string) (*held, bool) {
	who := readPerson(v.Get("user"))
	if who.id == "" {
		who = readPerson(v.Get("actor_chat"))
	}
	old := map[string]bool{}
	for r := range v.Get("old_reaction").Items() {
		old[r.Get("emoji").Text()] = true
	}
	added := ""
	for r := range v.Get("new_reaction").Items() {
		if emoji := r.Get("emoji").Text(); !old[emoji] {
			added = emoji
		}
	}
	chat := v.Get("chat")
	return &held{message: wit.Message{
		ID: updateID, Kind: wit.MessageKindReaction, Conversation: conversation(chat, ""), Sender: *who.wit(),
		Text: added, Target: new(messageID(chat, v.Get("message_id").Text())), Time: v.Get("date").Int() * 1000,
	}}, true
}

// maxAcks keeps the answers to buttons within what one answer may request.
const maxAcks = 5

// pressed takes a button for what is written behind it.
func (t *turn) pressed(v json.Value, updateID string) (*held, bool) {
	if len(t.out.Requests) < maxAcks {
		t.ask(askAck, "answerCallbackQuery", json.Object{}.Text("callback_query_id", v.Get("id").Text()))
		t.out.Requests[len(t.out.Requests)-1].ID += ":" + updateID
	}
	data := v.Get("data").Text()
	under := readPost(v.Get("message"))
	if data == "" || under.id == "" {
		return nil, false
	}
	return &held{message: wit.Message{
		ID: updateID, Kind: wit.MessageKindText, Conversation: conversation(under.chat, under.thread),
		Sender: *readPerson(v.Get("from")).wit(), Text: data, Mentioned: true, Time: t.event.Now,
		ReplyTo: &wit.Quoted{ID: messageID(under.chat, under.id), Text: optional(under.text.raw), Sender: under.speaker().wit()},
	}}, true
}

// membership says that the bot was let in or put out.
func (t *turn) membership(v json.Value, updateID string) (*held, bool) {
	where := conversation(v.Get("chat"), "")
	text, kind := "The bot is now a member", wit.ReceiptKindJoined
	switch v.Get("new_chat_member", "status").Text() {
	case "left", "kicked":
		text, kind = "The bot was removed or blocked", wit.ReceiptKindLeft
	case "administrator":
		text = "The bot is now an administrator"
	}
	t.out.Receipts = append(t.out.Receipts, wit.Receipt{Kind: kind, Conversation: where, Sender: t.state.me.wit()})
	return &held{message: wit.Message{
		ID: updateID, Kind: wit.MessageKindService, Conversation: where, Sender: *readPerson(v.Get("from")).wit(),
		Text: text, Time: v.Get("date").Int() * 1000,
	}}, true
}
