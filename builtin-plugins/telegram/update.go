package telegram

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// update is what one Update of Telegram's comes to.
type update struct {
	id      int64
	message *inbound     // nil when there is nothing in it for anybody
	moved   *wit.Move    // a group has become a supergroup
	receipt *wit.Receipt // the bot was let into a chat, or put out of it
	vote    json.Value   // what somebody has chosen in a poll
	button  string       // the id of a pressed button's callback query, which has to be acknowledged
}

// inbound is a message for the kernel, and what has to be done before it can be delivered.
type inbound struct {
	message wit.Message
	files   fileIDs
	album   string // the media_group_id of an album's part

	captioned bool // somebody wrote something to the files
}

// ownID is the message id of what has no id of its own.
func (u update) ownID() string { return "u" + strconv.FormatInt(u.id, 10) }

// readUpdate reads an Update. me is the bot, whose own messages are left out; now is for what Telegram
// gives no time. Kinds of updates that the plugin does not know come to nothing but their id.
func readUpdate(v json.Value, me person, now int64) update {
	u := update{id: v.Get("update_id").Int()}
	for kind, v := range v.Fields() {
		switch kind {
		case "message", "channel_post":
			p := readPost(v)
			u.message, u.moved = p.inbound(me), p.moved()
		case "edited_message", "edited_channel_post":
			u.message = readEdit(v, me, u.ownID())
		case "message_reaction":
			u.message = readReaction(v, u.ownID())
		case "callback_query":
			u.button = v.Get("id").Text()
			u.message = readButton(v, now, u.ownID())
		case "poll_answer":
			u.vote = v
		case "my_chat_member":
			u.message, u.receipt = readMembership(v, me, u.ownID())
		default:
			continue
		}
		break // an Update has one of these at most
	}
	u.placed()
	return u
}

// placed leaves out what says no chat that it is in: it would keep the others of its answer from being taken.
func (u *update) placed() {
	if u.message != nil && u.message.message.Conversation.ID == "" {
		u.message = nil
	}
	if u.receipt != nil && u.receipt.Conversation.ID == "" {
		u.receipt = nil
	}
	if u.moved != nil && (u.moved.From == "" || u.moved.To.ID == "") {
		u.moved = nil
	}
}

// inbound is the message that a post makes: what somebody posted, or what happened in a chat. It is nil for what
// the bot wrote itself. A post always makes one: what cannot be read is said to be there.
func (p *post) inbound(me person) *inbound {
	author := p.author()
	if p.id == "" || author.id == me.id {
		return nil
	}
	m := wit.Message{
		ID:           messageID(p.chat, p.id),
		Kind:         wit.MessageKindText,
		Conversation: conversation(p.chat, p.thread),
		Sender:       *author.wit(),
		Text:         p.words(me),
		Attachments:  p.attachments,
		Forwarded:    p.forwarded(),
		Time:         p.date,
	}
	if m.Text == "" && len(m.Attachments) == 0 {
		m.Kind, m.Text = wit.MessageKindService, p.service
	}
	var answersMe bool
	m.ReplyTo, answersMe = p.quoted(me)
	m.Mentioned = m.Conversation.Kind == wit.ConversationKindDirect || p.text.mentions(me) || answersMe
	return &inbound{message: m, files: p.files, album: p.album, captioned: p.text.raw != ""}
}

// moved says that a group has become a supergroup. Telegram tells it in both: the old chat gets the new id, the new
// one the old (Message, migrate_to_chat_id and migrate_from_chat_id).
func (p *post) moved() *wit.Move {
	here := conversation(p.chat, "")
	switch {
	case p.movedTo != "":
		from := here.ID
		here.ID = p.movedTo
		return &wit.Move{From: from, To: here}
	case p.movedFrom != "":
		return &wit.Move{From: p.movedFrom, To: here}
	}
	return nil
}

// readEdit reads the new form of a message. Its files were delivered with the first one.
func readEdit(v json.Value, me person, id string) *inbound {
	p := readPost(v)
	in := p.inbound(me)
	if in == nil {
		return nil
	}
	m := &in.message
	m.Kind, m.Target, m.ID = wit.MessageKindEdited, new(m.ID), id
	if edited := v.Get("edit_date").Int(); edited > 0 {
		m.Time = edited * 1000
	}
	return &inbound{message: *m}
}

// readReaction reads a change of somebody's reactions to a message: the emoji that is new, or "" when one
// was taken back. Telegram tells all that there were and all that there are (MessageReactionUpdated).
func readReaction(v json.Value, id string) *inbound {
	who := readPerson(v.Get("user"))
	if who.id == "" {
		who = readPerson(v.Get("actor_chat")) // an administrator who acts in the chat's name
	}
	old := map[string]bool{}
	for r := range v.Get("old_reaction").Items() {
		old[readEmoji(r)] = true
	}
	added := ""
	for r := range v.Get("new_reaction").Items() {
		if emoji := readEmoji(r); !old[emoji] {
			added = emoji
		}
	}
	chat := v.Get("chat")
	return &inbound{message: wit.Message{
		ID: id, Kind: wit.MessageKindReaction, Conversation: conversation(chat, ""), Sender: *who.wit(),
		Text: added, Target: new(messageID(chat, v.Get("message_id").Text())), Time: v.Get("date").Int() * 1000,
	}}
}

// readEmoji reads a reaction (ReactionType). Of an emoji that somebody has made there is only an id, and a paid one is a star.
func readEmoji(v json.Value) string {
	switch v.Get("type").Text() {
	case "custom_emoji":
		return ":" + v.Get("custom_emoji_id").Text() + ":"
	case "paid":
		return "⭐"
	}
	return v.Get("emoji").Text()
}

// readMembership reads that the bot's place in a chat changed (ChatMemberUpdated).
func readMembership(v json.Value, me person, id string) (*inbound, *wit.Receipt) {
	where := conversation(v.Get("chat"), "")
	text, kind := "The bot is now a member", wit.ReceiptKindJoined
	switch v.Get("new_chat_member", "status").Text() {
	case "left", "kicked":
		text, kind = "The bot was removed or blocked", wit.ReceiptKindLeft
	case "administrator":
		text = "The bot is now an administrator"
	}
	message := wit.Message{
		ID: id, Kind: wit.MessageKindService, Conversation: where, Sender: *readPerson(v.Get("from")).wit(),
		Text: text, Time: v.Get("date").Int() * 1000,
	}
	return &inbound{message: message}, &wit.Receipt{Kind: kind, Conversation: where, Sender: me.wit()}
}
