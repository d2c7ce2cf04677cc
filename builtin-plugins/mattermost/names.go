package mattermost

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/names"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// maxNamesAsked bounds how many names are asked for at once.
const maxNamesAsked = 100

// person is somebody by id, with the name that is known.
func (a *answer) person(id string) wit.Person {
	name, _ := a.names.Find(id)
	return wit.Person{ID: id, Name: account.Optional(name), Username: account.Optional(name), Bot: id != "" && id == a.State.me.id}
}

// place is a channel: its type (O open, P private, D direct, G a group of people), and its name, or of a direct one the id of the
// person it is with. It is kept as a name is, the one behind the other.
type place struct{ kind, name string }

// place returns what is known of a channel.
func (a *answer) place(channel string) (p place, known bool) {
	kept, known := a.names.Find(channel)
	if kept == "" {
		return place{}, known
	}
	return place{kept[:1], kept[1:]}, true
}

// learn notes what a channel is. name is its name in URLs, which of a direct one has the ids of both people ("Channel").
func (a *answer) learn(channel, kind, name, shown string) {
	if channel == "" || len(kind) != 1 {
		return
	}
	a.names.Keep(channel, kind+placeName(a.State.me.id, kind, name, shown))
}

// placeName is what of a channel is kept behind its type.
func placeName(me, kind, name, shown string) string {
	if kind == "D" {
		one, other, _ := strings.Cut(name, "__")
		if one == me {
			return other
		}
		return one
	}
	if shown == "" {
		shown = name
	}
	return texts.Characters(shown, names.Max)
}

// learnPlace notes what a channel is (Channel objects).
func (a *answer) learnPlace(v json.Value) {
	a.learn(v.Get("id").Text(), v.Get("type").Text(), v.Get("name").Text(), v.Get("display_name").Text())
}

// conversation is a channel as the kernel knows it, or a thread of it. One that is not known is none.
func (a *answer) conversation(channel, thread string) wit.Conversation {
	p, known := a.place(channel)
	c := wit.Conversation{Kind: wit.ConversationKindChannel, ID: channel, Name: account.Optional(p.name), Thread: account.Optional(thread)}
	switch {
	case !known:
		return wit.Conversation{}
	case p.kind == "D":
		name, _ := a.names.Find(p.name)
		c.Kind, c.ID, c.Name = wit.ConversationKindDirect, p.name, account.Optional(name)
	case p.kind == "G":
		c.Kind = wit.ConversationKindGroup
	}
	return c
}
