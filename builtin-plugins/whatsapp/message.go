package whatsapp

import (
	"cmp"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// writer is who a message is from.
type writer struct {
	number, user   string // one of them may be ""
	name, username string
}

// readWriter finds who wrote a message among the contacts of its call, which have the names.
func readWriter(m, contacts json.Value) writer {
	w := writer{number: m.Get("from").Text(), user: m.Get("from_user_id").Text()}
	for c := range contacts.Items() {
		number, user := c.Get("wa_id").Text(), c.Get("user_id").Text()
		if w.number != "" && number == w.number || w.user != "" && user == w.user {
			w.name, w.username = c.Get("profile", "name").Text(), c.Get("profile", "username").Text()
			if w.user == "" {
				w.user = user
			}
			break
		}
	}
	return w
}

// maxID bounds an id, in bytes, as the kernel does.
const maxID = 1024

// received takes one message. What names nobody, or has no id, cannot be one.
func received(a *answer, m, contacts json.Value) {
	w, id := readWriter(m, contacts), m.Get("id").Text()
	if id == "" || max(len(id), len(w.number), len(w.user), len(m.Get("group_id").Text())) > maxID {
		return
	}
	if m.Get("type").Text() == "system" {
		renamed(a, m, w)
		return
	}
	who, moved := a.State.people.named(w.number, w.user)
	if who == "" {
		a.Host.Warn("whatsapp: a message says not whom it is from and is passed over")
		return
	}
	here := place(m, who, w)
	if moved != "" {
		move(a, moved, who, w)
	}
	known := a.State.people.find(here.ID)
	p := post{answer: a, raw: m, message: wit.Message{
		ID: id, Kind: wit.MessageKindText, Conversation: here, Time: m.Get("timestamp").Int() * 1000,
		Sender: wit.Person{ID: who, Name: account.Optional(w.name), Username: account.Optional(w.username)},
	}}
	p.read()
	a.Out.Messages = append(a.Out.Messages, p.message)
	a.State.people = a.State.people.noted(p.remembered(known, w))
}

// remembered is what is known of the conversation from now on. What is no message of its own cannot be marked as read.
func (p *post) remembered(known somebody, w writer) somebody {
	now := somebody{id: p.message.Conversation.ID, last: p.message.ID}
	if p.message.Conversation.Kind == wit.ConversationKindDirect {
		now.user = cmp.Or(w.user, known.user)
	}
	switch p.message.Kind {
	case wit.MessageKindReaction, wit.MessageKindEdited, wit.MessageKindDeleted:
		now.last = known.last
	}
	return now
}

// place is the conversation of a message: with who wrote it, or a group (Groups, "Group messages webhook").
func place(m json.Value, who string, w writer) wit.Conversation {
	if group := m.Get("group_id").Text(); group != "" {
		return wit.Conversation{Kind: wit.ConversationKindGroup, ID: group}
	}
	return wit.Conversation{Kind: wit.ConversationKindDirect, ID: who, Name: account.Optional(w.name)}
}

// move says that a conversation has another id from now on.
func move(a *answer, from, to string, w writer) {
	a.Out.Moved = append(a.Out.Moved, wit.Move{From: from, To: wit.Conversation{Kind: wit.ConversationKindDirect, ID: to, Name: account.Optional(w.name)}})
}

// renamed takes a system message: somebody has another number, or another user id (System messages). Older versions of the API say
// new_wa_id.
func renamed(a *answer, m json.Value, w writer) {
	system := m.Get("system")
	if before := system.Get("previous_user_id").Text(); before != "" && len(before) <= maxID {
		w.user = before // whoever has another id may be called by that already
	}
	was, _ := a.State.people.named(w.number, w.user)
	number, user := system.Get("wa_id").Text(), system.Get("user_id").Text()
	if number == "" {
		number = system.Get("new_wa_id").Text()
	}
	known := a.State.people.find(was)
	if number == "" && was != w.user && was != "" {
		number = was // the user id alone has changed, and the number stays the conversation's id
	}
	now := number
	if now == "" {
		now = user
	}
	if was == "" || now == "" {
		return
	}
	a.State.people = a.State.people.without(was).noted(somebody{id: now, user: user, last: known.last, closed: known.closed})
	if now == was {
		return
	}
	move(a, was, now, w)
	text := cmp.Or(system.Get("body").Text(), "["+was+" is "+now+" now]")
	a.Out.Messages = append(a.Out.Messages, wit.Message{
		ID: m.Get("id").Text(), Kind: wit.MessageKindService, Text: text, Time: m.Get("timestamp").Int() * 1000,
		Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: now}, Sender: wit.Person{ID: now, Name: account.Optional(w.name)},
	})
}

// post is a message while it is read.
type post struct {
	answer  *answer
	raw     json.Value
	message wit.Message
}

// read fills in what the message says.
func (p *post) read() {
	p.context()
	kind := p.raw.Get("type").Text()
	p.content(kind, p.raw.Get(kind))
	if ad := p.raw.Get("referral"); ad.Exists() {
		p.line("[came by the advertisement: " + texts.Join(" - ", ad.Get("headline").Text(), ad.Get("body").Text(), ad.Get("source_url").Text()) + "]")
	}
	m := &p.message
	m.Mentioned = m.Conversation.Kind == wit.ConversationKindDirect || p.calls()
}

// context takes what the message says about another one (Text messages, context): which one it answers, or that it was
// forwarded; whose that was, WhatsApp does not tell.
func (p *post) context() {
	c := p.raw.Get("context")
	if c.Get("forwarded").Bool() || c.Get("frequently_forwarded").Bool() {
		p.message.Forwarded = &wit.Forward{}
		return
	}
	if id := c.Get("id").Text(); id != "" && len(id) <= maxID {
		p.message.ReplyTo = &wit.Quoted{ID: id}
		if from := digits(c.Get("from").Text()); from != "" {
			p.message.ReplyTo.Sender = &wit.Person{ID: from, Bot: from == p.answer.State.me.number}
		}
	}
	if product := c.Get("referred_product", "product_retailer_id").Text(); product != "" {
		p.line("[about the product " + product + " of the catalog " + c.Get("referred_product", "catalog_id").Text() + "]")
	}
}

// calls reports whether a message of a group is meant for this number: it answers one of its messages, or names it, as
// WhatsApp writes mentions: with an @ before the number.
func (p *post) calls() bool {
	me := p.answer.State.me.number
	if me == "" {
		return false
	}
	q := p.message.ReplyTo
	return q != nil && q.Sender != nil && q.Sender.ID == me || contains(p.message.Text, "@"+me)
}

// line adds a line to the text.
func (p *post) line(text string) { p.message.Text = texts.Join("\n", p.message.Text, text) }
