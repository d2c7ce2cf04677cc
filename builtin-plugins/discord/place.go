package discord

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// channelType is what a channel is (Channel Types). Types that are not here are channels of a guild.
type channelType int64

const (
	typeText          channelType = 0
	typeDirect        channelType = 1
	typeGroup         channelType = 3
	typeForum         channelType = 15
	typeMedia         channelType = 16
	typeNewsThread    channelType = 10
	typePublicThread  channelType = 11
	typePrivateThread channelType = 12
)

// isThread reports whether it is a part of another channel.
func (t channelType) isThread() bool {
	return t == typeNewsThread || t == typePublicThread || t == typePrivateThread
}

// place is what is known of a channel.
type place struct {
	id     string
	kind   channelType
	name   string
	parent string // the channel that a thread is in
	user   string // the person of a direct chat
}

// Bounds of what is kept of places: the state is written with each message.
const (
	maxPlaces    = 64
	maxPlaceName = 80
)

// readPlace reads a Channel.
func readPlace(v json.Value) place {
	p := place{kind: typeText}
	for key, f := range v.Fields() {
		switch key {
		case "id":
			p.id = f.Text()
		case "type":
			p.kind = channelType(f.Int())
		case "name":
			p.name = texts.Clip(f.Text(), maxPlaceName)
		case "parent_id":
			p.parent = f.Text()
		case "recipients":
			for user := range f.Items() {
				p.recipient(readUser(user))
			}
		}
	}
	if !p.kind.isThread() {
		p.parent = "" // a category
	}
	if p.kind != typeDirect {
		p.user = ""
	}
	return p
}

// recipient adds somebody of a direct chat or a group.
func (p *place) recipient(who person) {
	p.user = who.id
	if p.kind == typeDirect && p.name == "" {
		p.name = texts.Clip(who.label(), maxPlaceName)
	}
}

// json returns the place in the form that readPlace reads.
func (p *place) json() wit.JSON {
	o := json.Object{}.Text("id", p.id).Int("type", int64(p.kind))
	if p.name != "" {
		o = o.Text("name", p.name)
	}
	if p.parent != "" {
		o = o.Text("parent_id", p.parent)
	}
	if p.user != "" {
		o = o.Raw("recipients", json.Array{}.Add(json.Object{}.Text("id", p.user).JSON()).JSON())
	}
	return o.JSON()
}

// known reports whether it says where something was said.
func (p *place) known() bool {
	return p.id != "" && (!p.kind.isThread() || p.parent != "") && (p.kind != typeDirect || p.user != "")
}

// place finds what is known of a channel, nil for nothing.
func (s *state) place(id string) *place {
	for i := range s.places {
		if s.places[i].id == id {
			return &s.places[i]
		}
	}
	return nil
}

// learn takes over what a place is. One that is new takes the place of the one that was learned first, when there are
// enough; if only offered, it is left out then.
func (s *state) learn(p place, offered bool) {
	if !p.known() {
		return
	}
	if old := s.place(p.id); old != nil {
		*old = p
		return
	}
	if len(s.places) >= maxPlaces {
		if offered {
			return
		}
		s.places = s.places[1:]
	}
	s.places = append(s.places, p)
}

// unlearn forgets a channel that was deleted.
func (s *state) unlearn(id string) {
	for i := range s.places {
		if s.places[i].id == id {
			s.places = append(s.places[:i:i], s.places[i+1:]...)
			return
		}
	}
}

// conversation is where something was said, as the kernel knows it. A direct chat is called by the person's id, which is
// what a message to somebody is addressed with.
func (s *state) conversation(p *place) wit.Conversation {
	switch {
	case p.kind == typeDirect:
		return wit.Conversation{Kind: wit.ConversationKindDirect, ID: p.user, Name: account.Optional(p.name)}
	case p.kind == typeGroup:
		return wit.Conversation{Kind: wit.ConversationKindGroup, ID: p.id, Name: account.Optional(p.name)}
	case p.kind.isThread():
		c := wit.Conversation{Kind: wit.ConversationKindChannel, ID: p.parent, Thread: &p.id}
		if parent := s.place(p.parent); parent != nil {
			c.Name = hashed(parent.name)
		}
		return c
	}
	return wit.Conversation{Kind: wit.ConversationKindChannel, ID: p.id, Name: hashed(p.name)}
}

// hashed writes a channel's name as people do.
func hashed(name string) *string {
	if name == "" {
		return nil
	}
	return account.Optional("#" + name)
}

// locate finds where an event happened. It is not known, and has to be asked for, when it may be a thread or a group of
// which nothing was heard. Most events say by channel_type, or by whom they are, what their channel is.
func (s *state) locate(d json.Value) (c wit.Conversation, known bool) {
	id, inGuild := d.Get("channel_id").Text(), d.Get("guild_id").Exists()
	if p := s.place(id); p != nil {
		return s.conversation(p), true
	}
	kind := d.Get("channel_type")
	switch {
	case kind.Exists() && channelType(kind.Int()) == typeGroup:
		return s.conversation(&place{id: id, kind: typeGroup}), true
	case !inGuild:
		return s.direct(d)
	case kind.Exists() && !channelType(kind.Int()).isThread():
		return s.conversation(&place{id: id, kind: channelType(kind.Int())}), true
	}
	return c, false
}

// direct is the chat with whoever an event is of. Of what the bot does itself there only the place says with whom.
func (s *state) direct(d json.Value) (c wit.Conversation, known bool) {
	who := author(d)
	if who.id == "" {
		who.id = d.Get("user_id").Text()
	}
	if who.id == "" || who.id == s.me.id {
		return c, false
	}
	p := place{id: d.Get("channel_id").Text(), kind: typeDirect, name: texts.Clip(who.name, maxPlaceName), user: who.id}
	s.learn(p, false)
	return s.conversation(&p), true
}
