package telegram

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// post is a Message as Telegram sends it: the fields that matter here, read in one pass over the JSON. Values
// that are looked into only sometimes stay JSON. An ExternalReplyInfo is read as one too: what it has of a
// Message's fields it has under the same names.
type post struct {
	id, thread   string
	topic        bool       // the thread is a forum's topic
	from, sender json.Value // a User; a Chat, when it is written in the name of one
	chat         json.Value
	date         int64      // milliseconds since 1970
	origin       json.Value // a MessageOrigin, when it is not the author's own
	reply        answered
	album        string
	text         text
	attachments  []wit.Attachment
	files        fileIDs
	content      string   // what was posted that is neither a text nor a file, in words; see content.go
	service      string   // what happened in the chat, when nobody posted anything; see service.go
	movedTo      string   // the id of the supergroup that this group has become
	movedFrom    string   // the id of the group that this supergroup was
	unknown      []string // fields that are none of these
}

// readPost reads a Message. What is missing, or of another form than documented, stays empty.
func readPost(v json.Value) post {
	p := post{}
	animation, venue := v.Get("animation").Exists(), v.Get("venue").Exists()
	for key, f := range v.Fields() {
		if key == "document" && animation || key == "location" && venue {
			continue // the same once more, for old programs (Message, animation and venue)
		}
		if !p.readHeader(key, f) && !p.readAttachment(key, f) && !p.readContent(key, f) && !p.readService(key, f) {
			p.readUnknown(key, f)
		}
	}
	if !p.topic {
		p.thread = "" // in an ordinary group it only says which replies belong together
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
	case "forward_origin", "origin":
		p.origin = f
	case "media_group_id":
		p.album = f.Text()
	case "text", "caption":
		p.text.raw = f.Text()
	case "entities", "caption_entities":
		p.text.entities = f
	default:
		return p.reply.read(key, f)
	}
	return true
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

// words is what the post says in the kernel's markup: what was written, and what else it is in words. A post in which there is nothing that the plugin knows says so; only what happens in a chat, and files,
// have no words of their own.
func (p *post) words(me person) string {
	lines := make([]string, 0, 2)
	for _, line := range []string{p.text.markup(me), p.content} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	if p.isEmpty() {
		lines = append(lines, p.somethingElse())
	}
	return strings.Join(lines, "\n")
}

// isEmpty reports whether there is nothing in the post that the plugin knows.
func (p *post) isEmpty() bool {
	return p.text.raw == "" && p.content == "" && p.service == "" && len(p.attachments) == 0
}

// gist is what the post shows in short, for a message that refers to it.
func (p *post) gist() string {
	switch {
	case p.text.raw != "":
		return p.text.raw
	case p.content != "":
		return p.content
	case len(p.attachments) > 0:
		return "[" + attachment.Label(&p.attachments[0]) + "]"
	}
	return p.service
}
