package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// A forwarded message, and one of another chat that is replied to, have an origin (MessageOrigin): a user, a user
// who hides the account and is known by name only, a group that speaks for itself, or a channel.

// readOrigin returns who an origin names; without an id when that is hidden.
func readOrigin(v json.Value) person {
	switch v.Get("type").Text() {
	case "user":
		return readPerson(v.Get("sender_user"))
	case "hidden_user":
		return person{name: v.Get("sender_user_name").Text()}
	case "chat":
		return readPerson(v.Get("sender_chat"))
	}
	return readPerson(v.Get("chat"))
}

// forwarded says whose message it was, nil for the author's own. What a group or a channel has said itself may be
// signed by somebody.
func (p *post) forwarded() *wit.Forward {
	if !p.origin.Exists() {
		return nil
	}
	f := &wit.Forward{Time: p.origin.Get("date").Int() * 1000}
	chat := p.origin.Get("chat")
	switch p.origin.Get("type").Text() {
	case "chat":
		chat = p.origin.Get("sender_chat")
	case "channel":
		f.ID = account.Optional(messageID(chat, p.origin.Get("message_id").Text()))
	default:
		f.Sender = known(readOrigin(p.origin))
		return f
	}
	f.Conversation = elsewhere(chat)
	f.Sender = known(person{name: p.origin.Get("author_signature").Text()})
	return f
}

// elsewhere is another chat than the one that something is said in, nil when Telegram does not tell which.
func elsewhere(chat json.Value) *wit.Conversation {
	c := conversation(chat, "")
	if c.ID == "" {
		return nil
	}
	return &c
}

// known is somebody, nil for nobody.
func known(p person) *wit.Person {
	if p == (person{}) {
		return nil
	}
	return p.wit()
}
