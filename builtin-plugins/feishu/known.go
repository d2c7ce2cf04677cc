package feishu

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/known"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// person is somebody with the name that is known. What somebody new is called is asked ("Obtain the information of a single
// user"), for the next time.
func (a *answer) person(id string) wit.Person {
	e, seen := a.State.people.Find(id)
	if !seen && id != "" && a.get(toName, id, "/contact/v3/users/"+form.Escape(id)+"?user_id_type=open_id") {
		a.State.people = a.State.people.With(known.Entry{ID: id})
	}
	return wit.Person{ID: id, Name: account.Optional(e.Name), Bot: id != "" && id == a.State.me.id}
}

// named takes what somebody is called. Apps that may not look into the contacts are told nothing.
func named(a *answer, id string, r result) {
	if name := r.Value.Get("data", "user", "name").Text(); r.ok() && name != "" {
		a.State.people = a.State.people.With(known.Entry{ID: id, Name: name})
	} else if err := r.err(); err != nil {
		a.Host.Warn("feishu: what " + id + " is called cannot be asked: " + err.Message)
	}
}

// group is a group with the name that is known, which is asked as that of a person ("Obtain group information").
func (a *answer) group(id string) wit.Conversation {
	e, seen := a.State.chats.Find(id)
	if !seen && id != "" && a.get(toChat, id, "/im/v1/chats/"+form.Escape(id)) {
		a.State.chats = a.State.chats.With(known.Entry{ID: id})
	}
	return wit.Conversation{Kind: wit.ConversationKindGroup, ID: id, Name: account.Optional(e.Name)}
}

// described takes what a group is called.
func described(a *answer, id string, r result) {
	if name := r.Value.Get("data", "name").Text(); r.ok() && name != "" {
		a.State.chats = a.State.chats.With(known.Entry{ID: id, Name: name})
	}
}

// direct is the conversation with somebody. Its chat is remembered, since some events name nothing else.
func (a *answer) direct(chat, person string) wit.Conversation {
	a.State.chats = a.State.chats.With(known.Entry{ID: chat, Person: person})
	e, _ := a.State.people.Find(person)
	return wit.Conversation{Kind: wit.ConversationKindDirect, ID: person, Name: account.Optional(e.Name)}
}

// place is the conversation of a chat.
func (a *answer) place(chat string) wit.Conversation {
	if e, _ := a.State.chats.Find(chat); e.Person != "" {
		return a.direct(chat, e.Person)
	}
	return a.group(chat)
}
