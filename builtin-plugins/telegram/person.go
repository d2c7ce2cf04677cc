package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// person is a User, or a Chat that speaks for itself.
type person struct {
	id, name, username string
	bot                bool
}

// readPerson reads a User, a Chat or a Contact; their fields do not contradict one another. Ids are kept as
// text: they have more digits than 32 bits, and nobody calculates with them.
func readPerson(v json.Value) person {
	var p person
	last := ""
	for key, f := range v.Fields() {
		switch key {
		case "id", "user_id": // a SharedUser has the latter
			p.id = f.Text()
		case "first_name", "title":
			p.name = f.Text()
		case "last_name":
			last = f.Text()
		case "username":
			p.username = f.Text()
		case "is_bot":
			p.bot = f.Bool()
		}
	}
	if last != "" {
		p.name += " " + last
	}
	return p
}

// wit returns the person as the kernel knows people.
func (p person) wit() *wit.Person {
	return &wit.Person{ID: p.id, Name: account.Optional(p.name), Username: account.Optional(p.username), Bot: p.bot}
}

// label is what people call somebody, or failing that how Telegram does.
func (p person) label() string {
	switch {
	case p.name != "":
		return p.name
	case p.username != "":
		return "@" + p.username
	case p.id != "":
		return p.id
	}
	return "somebody"
}

// conversation is the place that a message was written in: a Chat, or a topic of it.
func conversation(chat json.Value, topic string) wit.Conversation {
	who := readPerson(chat)
	c := wit.Conversation{Kind: wit.ConversationKindGroup, ID: who.id, Name: account.Optional(who.name), Thread: account.Optional(topic)}
	switch chat.Get("type").Text() {
	case "private":
		c.Kind = wit.ConversationKindDirect
	case "channel":
		c.Kind = wit.ConversationKindChannel
	}
	return c
}
