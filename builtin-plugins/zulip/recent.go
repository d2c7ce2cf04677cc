package zulip

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// place is where a message is: in a direct conversation, or in a topic of a channel.
type place struct {
	conversation string // as conversationID has it
	topic        string // of a channel
}

// known is a message that is remembered: where it is, and who has said it.
type known struct {
	id int64
	place
	sender string
}

// recent are the latest messages, the newest last: what happens to a message mostly does so soon.
type recent []known

// maxRecent is how much of the state they may take, in bytes; maxTopic bounds a topic, whose length the server may bound at
// more than its usual 60 characters.
const (
	maxRecent = 16 << 10
	maxTopic  = 512
)

// find returns a message, nil for one that is not remembered. It is good until the next one is added.
func (r recent) find(id int64) *known {
	if i := slices.IndexFunc(r, func(k known) bool { return k.id == id }); i >= 0 {
		return &r[i]
	}
	return nil
}

// knows reports whether a message is remembered that is in a place.
func (r recent) knows(p place) bool {
	return slices.ContainsFunc(r, func(k known) bool { return k.place == p })
}

// put remembers a message, and forgets the oldest ones for it.
func (r *recent) put(k known) {
	r.remove(k.id)
	*r = append(*r, k)
	size := 0
	for i := len(*r) - 1; i >= 0; i-- {
		if size += (*r)[i].size(); size > maxRecent {
			*r = slices.Delete(*r, 0, i+1)
			return
		}
	}
}

func (r *recent) remove(id int64) {
	*r = slices.DeleteFunc(*r, func(k known) bool { return k.id == id })
}

// size is about what a message takes of the state.
func (k *known) size() int { return len(k.conversation) + len(k.topic) + len(k.sender) + 40 }

func readKnown(v json.Value) known {
	return known{id: v.Get("id").Int(), place: place{v.Get("in").Text(), v.Get("topic").Text()}, sender: v.Get("by").Text()}
}

func (k known) fill(o json.Object) json.Object {
	s := json.Sparse{Object: o.Int("id", k.id)}
	s.AddText("in", k.conversation)
	s.AddText("topic", k.topic)
	s.AddText("by", k.sender)
	return s.Object
}

func readRecent(v json.Value) (r recent) {
	for k := range v.Items() {
		r = append(r, readKnown(k))
	}
	return r
}

func (r recent) fill(list json.Array) json.Array {
	for _, k := range r {
		list = list.Object(k.fill)
	}
	return list
}

// owns are the latest messages that the account itself has sent, by the local_id that their sends had, the newest last.
type owns []own

type own struct {
	local string
	id    int64
}

// maxOwn bounds how many are remembered.
const maxOwn = 32

func (o *owns) put(local string, id int64) {
	*o = append(*o, own{local, id})
	if len(*o) > maxOwn {
		*o = slices.Delete(*o, 0, 1)
	}
}

// find is the id of the message that was sent as local, 0 for none.
func (o owns) find(local string) int64 {
	for _, known := range o {
		if known.local == local {
			return known.id
		}
	}
	return 0
}

func readOwns(v json.Value) (o owns) {
	for k := range v.Items() {
		o = append(o, own{k.Get("local").Text(), k.Get("id").Int()})
	}
	return o
}

func (o owns) fill(list json.Array) json.Array {
	for _, k := range o {
		list = list.Add(json.Object{}.Text("local", k.local).Int("id", k.id).JSON())
	}
	return list
}

// conversationOf is a place as the kernel knows it. A person is known by the user's id, a group of people by all of theirs,
// and a channel by its id, behind a word that tells it from a person.
func (p place) conversationOf(name string) wit.Conversation {
	return wit.Conversation{Kind: kindOf(p.conversation), ID: p.conversation, Name: account.Optional(name), Thread: account.Optional(p.topic)}
}
