package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// answered is what a post says about what it answers: a message of the same chat, one of another (ExternalReplyInfo),
// or a story; and the part that the sender picked out (TextQuote).
type answered struct {
	message, external, story json.Value
	quote                    string
}

// read takes a field about what is answered, and reports whether it is one.
func (r *answered) read(key string, f json.Value) bool {
	switch key {
	case "reply_to_message":
		r.message = f
	case "external_reply":
		r.external = f
	case "reply_to_story":
		r.story = f
	case "quote":
		r.quote = f.Get("text").Text()
	default:
		return false
	}
	return true
}

// quoted returns what this post replies to, or nil, and whether that is one of the bot's messages. Where the sender has
// picked out a part, that part is what is meant, and it is all that a model reads of the rest.
func (p *post) quoted(me person) (quoted *wit.Quoted, isMine bool) {
	switch r := p.reply; {
	case r.message.Exists():
		quoted, isMine = p.quotedHere(me)
	case r.external.Exists():
		quoted = quotedElsewhere(r.external)
	case r.story.Exists():
		quoted = &wit.Quoted{Text: new("[story]"), Sender: readPerson(r.story.Get("chat")).wit()}
	case r.quote != "":
		quoted = &wit.Quoted{}
	}
	if quoted != nil && p.reply.quote != "" {
		quoted.Text = &p.reply.quote
	}
	return quoted, isMine
}

// quotedHere is a message of the same chat.
func (p *post) quotedHere(me person) (quoted *wit.Quoted, isMine bool) {
	original := readPost(p.reply.message)
	if p.topic && original.id == p.thread {
		return nil, false // each message of a topic says that it replies to the one that opened the topic
	}
	author := original.author()
	quoted = &wit.Quoted{ID: messageID(p.chat, original.id), Text: account.Optional(original.gist()), Sender: author.wit()}
	return quoted, author.id != "" && author.id == me.id
}

// quotedElsewhere is a message of another chat. Its text is not told, only what the sender picked out; its id only
// when that chat is a supergroup or a channel.
func quotedElsewhere(v json.Value) *wit.Quoted {
	original := readPost(v)
	quoted := &wit.Quoted{Text: account.Optional(original.gist()), Sender: readOrigin(original.origin).wit(), Conversation: elsewhere(original.chat)}
	if original.id != "" && original.chat.Exists() {
		quoted.ID = messageID(original.chat, original.id)
	}
	return quoted
}
