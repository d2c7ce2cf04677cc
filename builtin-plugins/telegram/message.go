package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// post is a Message as Telegram sends it: the fields that matter here, read in one pass over the JSON. Values
// that are looked into only sometimes stay JSON.
type post struct {
	id, thread   string
	topic        bool       // the thread is a forum's topic
	from, sender json.Value // a User; a Chat, when it is written in the name of one
	chat         json.Value
	date         int64 // milliseconds since 1970
	replyTo      json.Value
	quote        string // the part of replyTo that the sender picked out
	album        string
	text         text
	attachments  []wit.Attachment
	files        fileIDs
	service      string // what happened, when nobody wrote anything
}

// readPost reads a Message. What is missing, or of another form than documented, stays empty.
func readPost(v json.Value) post {
	p := post{}
	animated := false
	for key, f := range v.Fields() {
		animated = animated || key == "animation" && f.Exists()
		if !p.readHeader(key, f) && !p.readAttachment(key, f) {
			p.readService(key, f)
		}
	}
	if !p.topic {
		p.thread = "" // in an ordinary group it only says which replies belong together
	}
	if animated {
		p.dropDocument()
	}
	return p
}

// readHeader takes a field that says who wrote what, where and when, and reports whether it is one.
func (p *post) readHeader(key string, f json.Value) bool {
	switch key {
	case "message_id":
		p.id = f.Text()
	case "message_thread_id":
		p.thread = f.Text()
	case "is_topic_message":
		p.topic = f.Bool()
	case "from":
		p.from = f
	case "sender_chat":
		p.sender = f
	case "chat":
		p.chat = f
	case "date":
		p.date = f.Int() * 1000 // Telegram counts seconds
	case "reply_to_message":
		p.replyTo = f
	case "quote":
		p.quote = f.Get("text").Text()
	case "media_group_id":
		p.album = f.Text()
	case "text", "caption":
		p.text.raw = f.Text()
	case "entities", "caption_entities":
		p.text.entities = f
	default:
		return false
	}
	return true
}

// readService notes what happened in the chat, or what was posted that is neither a text nor a file.
func (p *post) readService(key string, f json.Value) {
	switch key {
	case "venue":
		p.service = f.Get("title").Text() + ", " + f.Get("address").Text()
	case "poll":
		p.service = "[poll] " + f.Get("question").Text()
	case "dice":
		p.service = f.Get("emoji").Text() + " " + f.Get("value").Text()
	case "new_chat_members":
		for member := range f.Items() {
			if p.service != "" {
				p.service += "; "
			}
			p.service += readPerson(member).name + " joined"
		}
	case "left_chat_member":
		p.service = readPerson(f).name + " left"
	case "new_chat_title":
		p.service = "The chat is now called " + f.Text()
	case "pinned_message":
		p.service = "A message was pinned"
	case "migrate_to_chat_id":
		p.service = "This group is now the supergroup " + f.Text()
	}
}

// author is who wrote it: a user, or a group or channel that speaks for itself. For those Telegram fills
// in from with a bot of its own, for old programs (Message, sender_chat).
func (p *post) author() person {
	who := readPerson(p.from)
	if p.sender.Exists() && (who.id == "" || who.bot) {
		return readPerson(p.sender)
	}
	if who.id == "" {
		return readPerson(p.chat)
	}
	return who
}

// quoted returns the message that this one replies to, or nil, and whether that is one of the bot's.
func (p *post) quoted(me person) (quoted *wit.Quoted, isMine bool) {
	if !p.replyTo.Exists() {
		return nil, false
	}
	original := readPost(p.replyTo)
	if p.topic && original.id == p.thread {
		return nil, false // each message of a topic says that it replies to the one that opened the topic
	}
	author := original.author()
	quoted = &wit.Quoted{ID: messageID(p.chat, original.id), Text: optional(original.text.raw), Sender: author.wit()}
	if p.quote != "" {
		quoted.Text = &p.quote
	}
	return quoted, author.id != "" && author.id == me.id
}
