package line

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/known"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// place is where an event happened ("Common properties", source).
type place struct {
	kind   string // user, group or room
	id     string
	person string // who did it; "" in a group of somebody who has not agreed to be told of
}

func readPlace(source json.Value) place {
	p := place{kind: source.Get("type").Text(), person: source.Get("userId").Text()}
	switch p.kind {
	case "user":
		p.id = p.person
	case "group":
		p.id = source.Get("groupId").Text()
	case "room":
		p.id = source.Get("roomId").Text()
	}
	return p
}

// conversation is that of a place, with the name that is known. What a group is called is asked once ("Get group chat summary").
func (a *answer) conversation(p place) wit.Conversation {
	if p.kind == "user" {
		e, _ := a.State.people.Find(p.id)
		return wit.Conversation{Kind: wit.ConversationKindDirect, ID: p.id, Name: account.Optional(e.Name)}
	}
	e, seen := a.State.rooms.Find(p.id)
	if !seen && p.kind == "group" && a.get(toRoom, p.id, "/group/"+form.Escape(p.id)+"/summary") {
		a.State.rooms = a.State.rooms.With(known.Entry{ID: p.id})
	}
	a.State.rooms = a.State.rooms.Seen(p.id)
	return wit.Conversation{Kind: wit.ConversationKindGroup, ID: p.id, Name: account.Optional(e.Name)}
}

// described takes what a group is called.
func described(a *answer, id string, r result) {
	if name := r.Value.Get("groupName").Text(); r.Success() && name != "" {
		a.State.rooms = a.State.rooms.With(known.Entry{ID: id, Name: name})
	}
}

// person is somebody with the name that is known. What somebody new is called is asked, for the next time: of people in a group, with
// the group ("Get profile", "Get group chat member profile", "Get multi-person chat member profile").
func (a *answer) person(p place, id string) wit.Person {
	e, seen := a.State.people.Find(id)
	path := "/profile/" + form.Escape(id)
	if p.kind != "user" {
		path = "/" + p.kind + "/" + form.Escape(p.id) + "/member/" + form.Escape(id)
	}
	if !seen && id != "" && a.get(toName, id, path) {
		a.State.people = a.State.people.With(known.Entry{ID: id})
	}
	a.State.people = a.State.people.Seen(id)
	return wit.Person{ID: id, Name: account.Optional(e.Name), Bot: id != "" && id == a.State.me.id}
}

// named takes what somebody is called. Of who has blocked the account LINE tells nothing.
func named(a *answer, id string, r result) {
	if name := r.Value.Get("displayName").Text(); r.Success() && name != "" {
		a.State.people = a.State.people.With(known.Entry{ID: id, Name: name})
	}
}
