package mattermost

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// names are what people and channels are called, as far as that was told. They are kept in the plugin's records, in a few of
// them for each account: by the last character of the id, which is as good as chance.
type names struct {
	host    *sdk.Host
	account string
	buckets map[string]json.Value
}

const (
	keepNames     = 7 * 24 * time.Hour
	maxBucket     = 200 // names in a record
	maxName       = 80  // characters
	maxNamesAsked = 100 // at once
)

func newNames(host *sdk.Host, account string) *names {
	return &names{host: host, account: account, buckets: map[string]json.Value{}}
}

func (n *names) key(id string) string { return "names/" + n.account + "/" + id[len(id)-1:] }

// find returns a name, "" for who has none, and whether it is known.
func (n *names) find(id string) (name string, known bool) {
	if id == "" {
		return "", true
	}
	entry := n.bucket(id).Get(id)
	return entry.Text(), entry.Exists()
}

func (n *names) bucket(id string) json.Value {
	key := n.key(id)
	if v, read := n.buckets[key]; read {
		return v
	}
	v := json.Value{}
	if stored, ok, err := n.host.KVGet(key); err == nil && ok {
		v, _ = json.ParseText(stored)
	}
	n.buckets[key] = v
	return v
}

// keep notes a name, unless it is known. A record that is full is begun anew: what is missed then is asked for again.
func (n *names) keep(id, name string) {
	if old, known := n.find(id); id == "" || known && old == name {
		return
	}
	o, count := json.Object{}, 0
	for other, v := range n.bucket(id).Fields() {
		if count++; other != id && count < maxBucket {
			o = o.Text(other, v.Text())
		}
	}
	record := string(o.Text(id, name).JSON())
	n.buckets[n.key(id)], _ = json.ParseText(record)
	if err := n.host.KVPut(n.key(id), record, keepNames); err != nil {
		n.host.Warn("mattermost: a name cannot be kept: " + err.Error())
	}
}

// clip cuts a text after so many characters.
func clip(s string, most int) string {
	for i := range s {
		if most--; most < 0 {
			return s[:i]
		}
	}
	return s
}

// person is somebody by id, with the name that is known.
func (a *answer) person(id string) wit.Person {
	name, _ := a.names.find(id)
	return wit.Person{ID: id, Name: account.Optional(name), Username: account.Optional(name), Bot: id != "" && id == a.State.me.id}
}

// place is a channel: its type (O open, P private, D direct, G a group of people), and its name, or of a direct one the id of the
// person it is with. It is kept as a name is, the one behind the other.
type place struct{ kind, name string }

// place returns what is known of a channel.
func (a *answer) place(channel string) (p place, known bool) {
	kept, known := a.names.find(channel)
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
	a.names.keep(channel, kind+placeName(a.State.me.id, kind, name, shown))
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
	return clip(shown, maxName)
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
		name, _ := a.names.find(p.name)
		c.Kind, c.ID, c.Name = wit.ConversationKindDirect, p.name, account.Optional(name)
	case p.kind == "G":
		c.Kind = wit.ConversationKindGroup
	}
	return c
}
