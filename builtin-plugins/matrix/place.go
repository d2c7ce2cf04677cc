package matrix

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// place is a room while its events are read.
type place struct {
	*answer
	room  *room
	names map[string]string // what those are called who have said something
	last  string            // the last event that somebody else has sent
}

// newPlace takes the names from the members among the state that came with the events.
func newPlace(a *answer, r *room, state json.Value) *place {
	p := &place{answer: a, room: r, names: map[string]string{}}
	for e := range state.Items() {
		p.learnName(e)
	}
	return p
}

// learnName notes what a member event says that somebody is called.
func (p *place) learnName(e json.Value) {
	if e.Get("type").Text() == "m.room.member" {
		p.names[e.Get("state_key").Text()] = e.Get("content", "displayname").Text()
	}
}

// person is somebody as the kernel knows people. There is no username: only the whole id names one person, and lists of
// who may write would take a part of it for anybody's on any server.
func (p *place) person(id string) wit.Person {
	return wit.Person{ID: texts.Clip(id, 1024), Name: account.Optional(p.names[id])}
}

// readFrom makes messages of the events from a place in the list on. What comes before only says what the room and its
// people are called.
func (p *place) readFrom(events json.Value, begin int) {
	i := 0
	for e := range events.Items() {
		p.learnName(e)
		p.room.change(e)
		if i++; i > begin {
			p.read(e)
		}
	}
}

// read makes a message of an event, or what else it comes to. What the account itself has sent is known.
func (p *place) read(e json.Value) {
	id, sender := e.Get("event_id").Text(), e.Get("sender").Text()
	if id == "" || len(id) > 1024 {
		return
	}
	switch kind := e.Get("type").Text(); {
	case kind == "m.room.member":
		p.memberChanged(e)
	case kind == "m.room.tombstone":
		p.replaced(e)
	case sender == p.State.me.id:
	case kind == "m.room.encrypted":
		p.last = id
		p.encrypted(e)
	default:
		p.last = id
		if m := p.message(kind, e); m != nil {
			p.answer.message(*m)
		}
	}
}

// memberChanged tells of somebody who has come or gone.
func (p *place) memberChanged(e json.Value) {
	who := e.Get("state_key").Text()
	was, is := membership(e.Get("unsigned", "prev_content")), membership(e.Get("content"))
	if who == p.State.me.id || was == is {
		return
	}
	kind := wit.ReceiptKindLeft
	if is == "join" {
		kind = wit.ReceiptKindJoined
	} else if was != "join" {
		return // invited, or an invitation that was declined
	}
	person := p.person(who)
	p.receipt(wit.Receipt{Kind: kind, Conversation: p.room.conversation(""), Sender: &person, ID: account.Optional(e.Get("event_id").Text())})
}

// readEphemeral tells who types and who has read what ("Typing Notifications", "Receipts").
func (p *place) readEphemeral(events json.Value) {
	for e := range events.Items() {
		content := e.Get("content")
		switch e.Get("type").Text() {
		case "m.typing":
			for who := range content.Get("user_ids").Items() {
				p.sign(wit.ReceiptKindTyping, who.Text(), "")
			}
		case "m.receipt":
			for id, kinds := range content.Fields() {
				for who := range kinds.Get("m.read").Fields() {
					p.sign(wit.ReceiptKindRead, who, id)
				}
			}
		}
	}
}

// sign tells of a sign of life of somebody else's.
func (p *place) sign(kind wit.ReceiptKind, who, id string) {
	if who == "" || who == p.State.me.id || len(id) > 1024 {
		return
	}
	person := p.person(who)
	p.receipt(wit.Receipt{Kind: kind, Conversation: p.room.conversation(""), Sender: &person, ID: account.Optional(id)})
}

// acknowledge shows in the room how far it was read. The kernel has the messages on disk before it asks for that.
func (p *place) acknowledge() {
	if p.last == "" || !p.Settings.receipts || p.busy() {
		return
	}
	p.request(requestAside, "", "POST", roomPath(p.room.id, "read_markers")).JSON =
		json.Object{}.Text("m.fully_read", p.last).Text("m.read", p.last).JSON()
}

// encrypted says of a room that is encrypted that nothing in it can be read: once, to the owner, to the model for when
// it is asked next there, and to the people in the room, who wait for an answer. The transaction id is the same each
// time, so that it is said once even over a crash.
func (p *place) encrypted(e json.Value) {
	if p.room.told {
		return
	}
	p.room.told = true
	id := e.Get("event_id").Text()
	p.answer.message(wit.Message{
		ID: id, Kind: wit.MessageKindService, Conversation: p.room.conversation(""), Sender: p.person(e.Get("sender").Text()),
		Text: "[an encrypted message, which cannot be read: encrypted rooms are not supported]", Time: e.Get("origin_server_ts").Int(),
	})
	where := p.room.id
	if p.room.name != "" {
		where = p.room.name + " (" + where + ")"
	}
	p.status(wit.ConnectionStateConnected, "the room "+where+" is encrypted, and nothing in it can be read: use a room that was made without encryption")
	if p.busy() {
		return
	}
	p.request(requestAside, "", "PUT", roomPath(p.room.id, "send", "m.room.message", "encrypted-"+p.room.id)).JSON =
		json.Object{}.Text("msgtype", "m.notice").Text("body", cannotRead).JSON()
}

const cannotRead = "I cannot read this room, because it is encrypted. Encryption cannot be switched off again: please make a new room with encryption off, and invite me there."
