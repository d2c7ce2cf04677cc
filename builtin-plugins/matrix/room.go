package matrix

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// room is what is known of a room that the account is in. A sync tells no more than what has changed.
type room struct {
	id, name string
	with     string // of a room of two, the other one's id
	joined   int64  // how many are in it, the account too; 0 is not known
	invited  int64
	told     bool   // it has been said that what is encrypted cannot be read
	next     string // the room that has taken its place, once the account is there
}

// rooms are those that are known, in the order in which they were heard of last. A room of which nothing was heard for
// long may be forgotten: it is asked about again (lookup.go).
type rooms []room

// maxRooms is how much of the state rooms may take, in bytes.
const maxRooms = 32 << 10

// maxID is how long an id can be that the server gives ("Common Identifier Format").
const maxID = 255

// maxName bounds the name of a room that is kept, in bytes.
const maxName = 96

// find returns a room, nil where nothing is known of it. It is good until the next one is added.
func (r rooms) find(id string) *room {
	if i := slices.IndexFunc(r, func(known room) bool { return known.id == id }); i >= 0 {
		return &r[i]
	}
	return nil
}

// put makes a room the one that was heard of last.
func (r *rooms) put(known room) {
	r.remove(known.id)
	*r = append(*r, known)
	for size := r.size(); size > maxRooms && len(*r) > 1; {
		size -= (*r)[0].size()
		*r = slices.Delete(*r, 0, 1)
	}
}

func (r *rooms) remove(id string) {
	*r = slices.DeleteFunc(*r, func(known room) bool { return known.id == id })
}

func (r rooms) size() (n int) {
	for i := range r {
		n += r[i].size()
	}
	return n
}

// size is about what a room takes of the state.
func (r *room) size() int { return len(r.id) + len(r.name) + len(r.with) + len(r.next) + 64 }

// direct is the newest room of which it is known that the account is alone there with somebody.
func (r rooms) direct(user string) *room {
	for i := len(r) - 1; i >= 0; i-- {
		if r[i].with == user && r[i].next == "" {
			return &r[i]
		}
	}
	return nil
}

// isDirect reports whether nobody but the account and one other can read the room. What m.direct says of it does not
// matter: a third one may have come since.
func (r *room) isDirect() bool { return r.joined > 0 && r.joined+r.invited <= 2 }

// conversation is the room as the kernel knows it, or a thread in it.
func (r *room) conversation(thread string) wit.Conversation {
	c := wit.Conversation{Kind: wit.ConversationKindGroup, ID: r.id, Name: account.Optional(r.name), Thread: account.Optional(thread)}
	if r.isDirect() {
		c.Kind = wit.ConversationKindDirect
	}
	return c
}

// learn takes from a sync what has changed of the room: its summary ("RoomSummary"), and its state.
func (r *room) learn(me string, v json.Value) {
	summary := v.Get("summary")
	// What is left out has not changed.
	if n := summary.Get("m.joined_member_count"); n.Exists() {
		r.joined = n.Int()
	}
	if n := summary.Get("m.invited_member_count"); n.Exists() {
		r.invited = n.Int()
	}
	if !r.isDirect() {
		r.with = ""
	} else if heroes := summary.Get("m.heroes"); heroes.Exists() {
		r.with = ""
		for hero := range heroes.Items() {
			if id := hero.Text(); id != me {
				r.with = texts.Clip(id, maxID)
			}
		}
	}
	for e := range v.Get("state", "events").Items() {
		r.change(e)
	}
}

// change takes what a state event says of the room.
func (r *room) change(e json.Value) {
	switch content := e.Get("content"); e.Get("type").Text() {
	case "m.room.name":
		r.name = texts.Clip(content.Get("name").Text(), maxName)
	case "m.room.canonical_alias":
		if r.name == "" {
			r.name = texts.Clip(content.Get("alias").Text(), maxName)
		}
	}
}

func readRooms(v json.Value) rooms {
	var list rooms
	for r := range v.Items() {
		list = append(list, room{
			id: r.Get("id").Text(), name: r.Get("name").Text(), with: r.Get("with").Text(),
			joined: r.Get("joined").Int(), invited: r.Get("invited").Int(), told: r.Get("told").Bool(), next: r.Get("next").Text(),
		})
	}
	return list
}

func (r rooms) json() wit.JSON {
	list := json.Array{}
	for _, known := range r {
		list = list.Object(func(o json.Object) json.Object {
			o = text(text(text(o.Text("id", known.id), "name", known.name), "with", known.with), "next", known.next)
			return flag(number(number(o, "joined", known.joined), "invited", known.invited), "told", known.told)
		})
	}
	return list.JSON()
}
