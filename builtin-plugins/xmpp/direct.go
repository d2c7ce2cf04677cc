package xmpp

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// strongID is how long an id has to be that nobody else is likely to have chosen. Old programs count.
const strongID = 12

// madeUp begins ids that no program knows.
const madeUp = "~"

// idOf is a message's id: its sender's, by which other messages name it. One that could be chosen twice is replaced by the
// archive's; where there is none either, the message cannot come again, and is counted.
func (t *turn) idOf(own, archived string) string {
	switch {
	case len(own) >= strongID && !strings.HasPrefix(own, madeUp):
		return own
	case archived != "":
		return archived
	}
	t.State.count++
	return madeUp + number(t.State.count)
}

// direct is a chat with one person: with an account, or with somebody in a room, who has no other address.
func (t *turn) direct(from string) (wit.Conversation, wit.Person) {
	account, name := bare(from), local(from)
	if t.State.place(account) == nil {
		return wit.Conversation{Kind: wit.ConversationKindDirect, ID: account, Name: &name}, wit.Person{ID: account, Name: &name, Username: &account}
	}
	nick := resource(from)
	c := wit.Conversation{Kind: wit.ConversationKindDirect, ID: account + "/" + nick, Name: &nick}
	return c, t.sender(account, nick, nil)
}

// hearDirect takes what somebody says to the bot alone. old says that it comes from the archive: then it is answered by
// nothing but an answer.
func hearDirect(t *turn, n *node, archived string, said int64, old bool) {
	from := n.get("from")
	c := t.readContent(n)
	where, who := t.direct(from)
	if where.ID == t.State.own() || t.State.place(bare(from)) != nil && resource(from) == "" {
		return
	}
	if !old {
		t.signs(c, where, who)
		if c.wants && c.id != "" && c.isSaid() && isJID(from) {
			t.say(tag("message", tag("received", "", "xmlns", nsReceipts, "id", c.id)+tag("store", "", "xmlns", nsHints), "to", from, "type", n.get("type")))
		}
	}
	if said == 0 {
		said = t.Now
	}
	if !c.isSaid() && c.retracts == "" && c.reacts == "" {
		return
	}
	base := wit.Message{ID: t.idOf(c.id, archived), Kind: wit.MessageKindText, Conversation: where, Sender: who, Time: said, Mentioned: true}
	if n.get("type") == "headline" { // news that nobody waits for an answer to (RFC 6121, 5.2.2)
		base.Kind = wit.MessageKindService
	}
	t.tell(c, base, func(id string) (string, bool) { return id, true })
}

// signs tells the signs of life in a message.
func (t *turn) signs(c *content, where wit.Conversation, who wit.Person) {
	switch {
	case c.typing:
		t.receipt(wit.ReceiptKindTyping, where, &who, "")
	case c.received != "":
		t.receipt(wit.ReceiptKindDelivered, where, &who, c.received)
	case c.marked != "":
		t.receipt(wit.ReceiptKindRead, where, &who, c.marked)
	}
}
