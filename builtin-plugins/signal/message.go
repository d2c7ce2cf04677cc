package signal

import (
	"cmp"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// deliver takes what somebody has said: a new message, or the new form of one, of which edits is the id. What has nothing in it
// that anybody sees, such as a new profile, is passed over.
func (a *answer) deliver(e envelope, v json.Value, edits string) {
	if time := v.Get("timestamp").Int(); time > 0 {
		e.time = time
	}
	p := post{answer: a, from: e, raw: v, message: e.message(place(e, v))}
	p.read()
	m := &p.message
	if m.Text == "" && len(m.Attachments) == 0 && m.Kind == wit.MessageKindText {
		return
	}
	if edits != "" {
		m.Kind, m.Target, m.Attachments = wit.MessageKindEdited, &edits, nil // its files were delivered with the first form
	}
	a.Out.Messages = append(a.Out.Messages, *m)
	if a.Settings.receipts && m.Kind == wit.MessageKindText && !e.isSelf(a) {
		a.seen(e)
	}
}

// seen tells somebody that a message was read (sendReceipt). What comes of that does not matter.
func (a *answer) seen(e envelope) {
	request(a, "seen", "sendReceipt", a.Settings.params().Text("recipient", e.who).Int("targetTimestamp", e.time).Text("type", "read"))
}

// place is where something was said: a group, or the conversation with who said it.
func place(e envelope, v json.Value) wit.Conversation {
	group := v.Get("groupInfo")
	if id := group.Get("groupId").Text(); id != "" {
		return wit.Conversation{Kind: wit.ConversationKindGroup, ID: id, Name: account.Optional(group.Get("groupName").Text())}
	}
	return e.direct()
}

// post is a message while it is read.
type post struct {
	answer  *answer
	from    envelope
	raw     json.Value // a DataMessage
	message wit.Message
	called  bool // the account was named
}

// read fills in what the message says.
func (p *post) read() {
	m := &p.message
	switch {
	case p.raw.Get("reaction").Exists():
		r := p.raw.Get("reaction")
		m.Kind, m.Target = wit.MessageKindReaction, new(messageID(cmp.Or(r.Get("targetAuthorUuid").Text(), r.Get("targetAuthorNumber").Text()), r.Get("targetSentTimestamp").Text()))
		if !r.Get("isRemove").Bool() {
			m.Text = r.Get("emoji").Text()
		}
		return
	case p.raw.Get("remoteDelete").Exists():
		m.Kind, m.Target = wit.MessageKindDeleted, new(messageID(p.from.author(), p.raw.Get("remoteDelete", "timestamp").Text()))
		return
	case p.raw.Get("adminDelete").Exists():
		d := p.raw.Get("adminDelete")
		m.Kind, m.Target = wit.MessageKindDeleted, new(messageID(cmp.Or(d.Get("targetAuthorUuid").Text(), d.Get("targetAuthorNumber").Text()), d.Get("targetSentTimestamp").Text()))
		return
	}
	p.line(p.named(p.raw.Get("message").Text(), p.raw.Get("mentions")))
	p.files()
	p.content()
	p.quote()
	m.Mentioned = m.Conversation.Kind == wit.ConversationKindDirect || p.called
}

// quote takes the message that this one answers.
func (p *post) quote() {
	q := p.raw.Get("quote")
	if !q.Exists() {
		return
	}
	number, id := q.Get("authorNumber").Text(), q.Get("authorUuid").Text()
	mine := id != "" && id == p.answer.State.me || number != "" && number == p.answer.Settings.account
	p.called = p.called || mine
	text := q.Get("text").Text()
	for file := range q.Get("attachments").Items() {
		if text == "" {
			text = "[" + cmp.Or(file.Get("filename").Text(), file.Get("contentType").Text()) + "]"
		}
	}
	p.message.ReplyTo = &wit.Quoted{
		ID: messageID(cmp.Or(id, number), q.Get("id").Text()), Text: account.Optional(text), Sender: &wit.Person{ID: cmp.Or(number, id), Bot: mine},
	}
}

// named puts names where a text has mentions: Signal writes U+FFFC there, and tells apart who is meant. Places are counted in UTF-16.
func (p *post) named(text string, mentions json.Value) string {
	at := offsets(text)
	out, done := "", 0
	for m := range mentions.Items() {
		start, length := m.Get("start").Int(), m.Get("length").Int()
		if start < 0 || length <= 0 || length > int64(len(at)) || start+length >= int64(len(at)) || at[start] < done {
			continue
		}
		number, id := m.Get("number").Text(), m.Get("uuid").Text()
		if number == p.answer.Settings.account || id != "" && id == p.answer.State.me {
			p.called = true
			number = p.answer.Settings.account
		}
		out += text[done:at[start]] + "@" + cmp.Or(cmp.Or(number, m.Get("name").Text()), id)
		done = at[start+length]
	}
	return out + text[done:]
}

// line adds a line to the text.
func (p *post) line(text string) {
	if text != "" && p.message.Text != "" {
		text = p.message.Text + "\n" + text
	}
	if text != "" {
		p.message.Text = text
	}
}

// say adds a line when nothing else was said.
func (p *post) say(kind wit.MessageKind, text string) {
	if p.message.Text == "" && len(p.message.Attachments) == 0 {
		p.message.Kind, p.message.Text = kind, text
	}
}

// seconds writes a time for people.
func seconds(n int64) string {
	for _, unit := range []struct {
		name string
		long int64
	}{{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}} {
		if n%unit.long == 0 && n != unit.long {
			return strconv.FormatInt(n/unit.long, 10) + " " + unit.name + "s"
		}
		if n == unit.long {
			return "1 " + unit.name
		}
	}
	return ""
}
