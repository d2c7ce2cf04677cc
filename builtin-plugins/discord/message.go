package discord

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// deliver makes messages of a happening whose place is known.
func deliver(a *answer, h happening, where wit.Conversation) {
	switch h.name {
	case "MESSAGE_CREATE":
		created(a, h.data, where)
	case "MESSAGE_UPDATE":
		edited(a, h.data, where)
	case "MESSAGE_DELETE":
		deleted(a, h.data.Get("id").Text(), h.channel(), where)
	case "MESSAGE_DELETE_BULK":
		for id := range h.data.Get("ids").Items() {
			deleted(a, id.Text(), h.channel(), where)
		}
	case "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE":
		reacted(a, h, where)
	case "MESSAGE_POLL_VOTE_ADD", "MESSAGE_POLL_VOTE_REMOVE":
		voted(a, h, where)
	case "INTERACTION_CREATE":
		interacted(a, h.data, where)
	}
}

// created takes a new message.
func created(a *answer, d json.Value, where wit.Conversation) {
	if m := read(a, d, where); m != nil {
		a.message(*m)
	}
}

// messageKind is what a message is (Message Types). Those that are not here are said by nobody: see service.go.
type messageKind int64

const (
	kindDefault       messageKind = 0
	kindReply         messageKind = 19
	kindCommand       messageKind = 20
	kindThreadStarter messageKind = 21
	kindContextMenu   messageKind = 23
	kindPollResult    messageKind = 46
)

// said reports whether somebody has said it.
func (k messageKind) said() bool {
	return k == kindDefault || k == kindReply || k == kindCommand || k == kindContextMenu
}

// read makes a message of what somebody posted (Message Object), or of what happened in the channel. It is nil for what the
// bot has written itself, and for what there is nothing to tell of.
func read(a *answer, d json.Value, where wit.Conversation) *wit.Message {
	id, who := d.Get("id").Text(), author(d)
	kind := messageKind(d.Get("type").Int())
	own := who.id == a.State.me.id
	if !isID(id) || own && kind != kindPollResult || kind == kindThreadStarter {
		return nil
	}
	if where.Kind == wit.ConversationKindDirect && where.Name == nil {
		where.Name = account.Optional(who.label())
	}
	m := &wit.Message{
		ID: messageID(d.Get("channel_id").Text(), id), Kind: wit.MessageKindText, Conversation: where, Sender: *who.wit(), Time: timeOf(id),
	}
	if !kind.said() {
		m.Kind, m.Text = wit.MessageKindService, service(kind, who, d, a.readable(d))
		if kind == kindPollResult {
			m.ReplyTo = a.quoted(d)
		}
		if own { // its author is whoever asked the poll ("Poll result messages"), but it is Discord that says it
			m.Sender = wit.Person{ID: "discord", Name: new("Discord"), Bot: true}
		}
		return m
	}
	p := a.post(d)
	p.text = a.command(p.text)
	m.Text, m.Attachments, m.Forwarded = p.text, p.attachments, p.forwarded
	m.ReplyTo = a.quoted(d)
	m.Mentioned = where.Kind == wit.ConversationKindDirect || a.mentions(d, who)
	switch {
	case m.Text == "" && len(m.Attachments) == 0 && !m.Mentioned:
		return nil // Discord shows its text only to who may read all messages
	case who.bot && !a.Settings.bots:
		m.Kind = wit.MessageKindService // people read it, and nobody answers it
	}
	return m
}

// command is a text without the bot's name before a command, which then is one.
func (a *answer) command(text string) string {
	rest, named := strings.CutPrefix(text, "@"+a.State.me.label())
	if rest = strings.TrimLeft(rest, " ,:"); named && strings.HasPrefix(rest, "/") {
		return rest
	}
	return text
}

// post is what a message consists of.
type post struct {
	text        string
	attachments []wit.Attachment
	forwarded   *wit.Forward
}

// post reads what somebody posted. A message that is handed on has its content in a snapshot (Message Snapshot Object).
func (a *answer) post(d json.Value) post {
	var p post
	lines := a.lines(d)
	p.attachments = a.attachments(d)
	for snapshot := range d.Get("message_snapshots").Items() {
		original := snapshot.Get("message")
		lines = append(lines, a.lines(original)...)
		p.attachments = append(p.attachments, a.attachments(original)...)
		p.forwarded = a.forwarded(d.Get("message_reference"))
	}
	p.text = strings.Join(lines, "\n")
	return p
}

// lines are what a message says, and what else it shows in words: embeds of programs, and polls.
func (a *answer) lines(d json.Value) (lines []string) {
	text := a.readable(d)
	if text != "" {
		lines = append(lines, text)
	}
	if text == "" || author(d).bot {
		for embed := range d.Get("embeds").Items() {
			for _, key := range []string{"title", "description"} {
				if line := a.words(embed.Get(key).Text(), d); line != "" {
					lines = append(lines, line)
				}
			}
		}
	}
	if poll := d.Get("poll"); poll.Exists() {
		line := "[poll] " + poll.Get("question", "text").Text()
		for option := range poll.Get("answers").Items() {
			line += "\n- " + option.Get("poll_media", "text").Text()
		}
		lines = append(lines, line)
	}
	return lines
}

// forwarded says where a message that was handed on was said first (Message Reference Structure). By whom Discord does not
// tell.
func (a *answer) forwarded(reference json.Value) *wit.Forward {
	channel, id := reference.Get("channel_id").Text(), reference.Get("message_id").Text()
	f := &wit.Forward{Time: timeOf(id)}
	if id != "" {
		f.ID = new(messageID(channel, id))
	}
	if p := a.State.place(channel); p != nil {
		f.Conversation = new(a.State.conversation(p))
	} else if channel != "" {
		f.Conversation = &wit.Conversation{Kind: wit.ConversationKindChannel, ID: channel}
	}
	return f
}

// mentions reports whether a message is meant for the bot: by its name, by one of its roles, or as the answer to one of its
// messages. What programs answer to each other would not end.
func (a *answer) mentions(d json.Value, who person) bool {
	for user := range d.Get("mentions").Items() {
		id := user.Get("id").Text()
		if id != "" && id == a.State.me.id && (!who.bot || strings.Contains(d.Get("content").Text(), "<@"+id+">")) {
			return true
		}
	}
	for role := range d.Get("mention_roles").Items() {
		if a.State.hasRole(d.Get("guild_id").Text(), role.Text()) {
			return true
		}
	}
	answered := d.Get("referenced_message", "author", "id").Text()
	return !who.bot && answered != "" && answered == a.State.me.id
}

// maxQuoted bounds what of a message that is answered is told, in bytes.
const maxQuoted = 2000

// quoted is the message that one replies to (referenced_message). One that was deleted has only its id.
func (a *answer) quoted(d json.Value) *wit.Quoted {
	reference := d.Get("message_reference")
	id := reference.Get("message_id").Text()
	if id == "" || reference.Get("type").Int() != 0 {
		return nil // none, or it is handed on
	}
	channel := reference.Get("channel_id").Text()
	if channel == "" {
		channel = d.Get("channel_id").Text()
	}
	q := &wit.Quoted{ID: messageID(channel, id)}
	original := d.Get("referenced_message")
	if !original.Exists() {
		return q
	}
	p := a.post(original)
	if p.text == "" && len(p.attachments) > 0 {
		p.text = "[" + attachment.Label(&p.attachments[0]) + "]"
	}
	q.Text = account.Optional(texts.Clip(p.text, maxQuoted))
	q.Sender = author(original).wit()
	return q
}
