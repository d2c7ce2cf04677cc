package feishu

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/known"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// received takes a message ("Receive message").
func received(e *event) {
	if p := e.letter(); p != nil {
		p.message.ID = p.raw.Get("message_id").Text()
		e.Message(&p.message)
	}
}

// updated takes that somebody has changed a message, which is told as it is now.
func updated(e *event) {
	if p := e.letter(); p != nil {
		p.message.ID, p.message.Kind, p.message.Target = e.id, wit.MessageKindEdited, account.Optional(p.raw.Get("message_id").Text())
		if at := p.raw.Get("update_time").Int(); at > 0 {
			p.message.Time = at
		}
		e.Message(&p.message)
	}
}

// letter reads the message of an event, nil for one that cannot be one, or that is an app's.
func (e *event) letter() *letter {
	m, who := e.body.Get("message"), e.body.Get("sender", "sender_id", "open_id").Text()
	id, chat := m.Get("message_id").Text(), m.Get("chat_id").Text()
	if id == "" || who == "" || chat == "" || max(len(id), len(who), len(chat)) > maxID || who == e.State.me.id {
		return nil
	}
	p := &letter{event: e, raw: m, message: wit.Message{Kind: wit.MessageKindText, Sender: e.person(who), Time: m.Get("create_time").Int()}}
	if m.Get("chat_type").Text() == "p2p" {
		p.message.Conversation = e.direct(chat, who)
	} else {
		p.message.Conversation = e.group(chat)
		e.State.chats = e.State.chats.Seen(chat)
	}
	e.State.people = e.State.people.Seen(who)
	p.relations(id)
	p.mentions()
	p.content(m.Get("message_type").Text())
	p.message.Mentioned = p.mentioned || p.message.Conversation.Kind == wit.ConversationKindDirect
	return p
}

// letter is a message while it is read.
type letter struct {
	*event
	raw       json.Value
	message   wit.Message
	names     *strings.Replacer // the placeholders of mentions
	people    map[string]string // names by placeholder
	self      string            // the bot's placeholder
	mentioned bool
}

// relations takes in which thread a message is, and which one it answers. A thread is known by its first message, since that is
// what an answer in it answers ("Message introduction", root_id, parent_id, thread_id).
func (p *letter) relations(id string) {
	root, parent := p.raw.Get("root_id").Text(), p.raw.Get("parent_id").Text()
	if p.raw.Get("thread_id").Text() != "" {
		if root == "" {
			root = id
		}
		p.message.Conversation.Thread = &root
		if parent == root {
			parent = ""
		}
	}
	if parent != "" && len(parent) <= maxID {
		p.message.ReplyTo = &wit.Quoted{ID: parent}
	}
}

// mentions takes who is named. In texts they are placeholders, such as @_user_1.
func (p *letter) mentions() {
	var keys []string
	p.people = map[string]string{}
	for m := range p.raw.Get("mentions").Items() {
		key, name, id := m.Get("key").Text(), m.Get("name").Text(), m.Get("id", "open_id").Text()
		if key == "" {
			continue
		}
		if id != "" && id == p.State.me.id {
			p.mentioned, p.self = true, key
		}
		if _, seen := p.State.people.Find(id); seen && id != "" && name != "" {
			p.State.people = p.State.people.With(known.Entry{ID: id, Name: name})
		}
		if name == "" {
			name = id
		}
		p.people[key] = "@" + name
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int { return len(b) - len(a) }) // @_user_10 before @_user_1
	var pairs []string
	for _, key := range keys {
		pairs = append(pairs, key, p.people[key])
	}
	p.names = strings.NewReplacer(append(pairs, "@_all", "@all")...)
}

// readable is a text with names in the place of mentions. The bot's own at the beginning is left out, so that a command behind
// it is one.
func (p *letter) readable(text string) string {
	if p.self != "" {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(text), p.self); ok && (rest == "" || rest[0] < '0' || rest[0] > '9') {
			text = strings.TrimSpace(rest)
		}
	}
	if strings.Contains(text, "@_all") {
		p.mentioned = true
	}
	return p.names.Replace(text)
}

// line adds a line to the text.
func (p *letter) line(text string) { p.message.Text = texts.Join("\n", p.message.Text, text) }
