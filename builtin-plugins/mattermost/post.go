package mattermost

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/emoji"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// post is something that was posted (Post objects), read against what the account knows.
type post struct {
	a                       *answer
	v                       json.Value
	id, channel, user, root string // root is the post that the thread began with, "" outside of threads
}

func newPost(a *answer, v json.Value) *post {
	return &post{a: a, v: v, id: idOf(v), channel: v.Get("channel_id").Text(), user: v.Get("user_id").Text(), root: v.Get("root_id").Text()}
}

// automatic reports whether a bot, a plugin of the server or a webhook has posted it.
func (p *post) automatic() bool {
	props := p.v.Get("props")
	for _, name := range []string{"from_webhook", "from_bot", "from_plugin", "from_oauth_app"} {
		if props.Get(name).Text() == "true" || props.Get(name).Bool() {
			return true
		}
	}
	return false
}

// message is what was posted, for the kernel. It is nil for what the bot has posted itself, whose threads it is part of, and for
// other bots' messages unless the owner wants them. mentions are the ids of whom it notifies, where that was told.
func (p *post) message(mentions string) *wit.Message {
	if p.id == "" || p.channel == "" {
		return nil
	}
	p.a.saw(createdAt(p.v))
	if p.user == p.a.State.me.id {
		p.own()
		return nil
	}
	if p.automatic() && !p.a.Settings.bots {
		return nil
	}
	m := &wit.Message{ID: p.id, Kind: wit.MessageKindText, Sender: p.sender(), Text: p.text(), Attachments: p.files(), ReplyTo: p.quoted(), Time: createdAt(p.v)}
	if strings.HasPrefix(p.v.Get("type").Text(), "system_") {
		m.Kind, m.Conversation = wit.MessageKindService, p.a.conversation(p.channel, p.root)
		return m
	}
	m.Mentioned = p.mentioned(mentions)
	m.Conversation = p.a.conversation(p.channel, p.thread(m.Mentioned))
	if m.Text == "" && len(m.Attachments) == 0 {
		m.Text = "[a message of a kind that cannot be read here]"
	}
	return m
}

// own notes the thread that the bot has posted in, or begun.
func (p *post) own() {
	place, _ := p.a.place(p.channel)
	switch {
	case place.kind == "D":
	case p.root != "":
		p.a.State.joined(p.root)
	default:
		p.a.State.joined(p.id)
	}
}

// edit is the new form of a post. Mattermost tells of more than edits, such as that a post was pinned: what leaves the words as they
// were has no time of its own, and is none.
func (p *post) edit() *wit.Message {
	at := p.v.Get("edit_at").Int()
	m := p.message("")
	if m == nil || m.Kind != wit.MessageKindText || at == 0 {
		return nil
	}
	m.Kind, m.Target, m.Attachments = wit.MessageKindEdited, new(p.id), nil // its files were delivered with the first one
	m.ID, m.Time = p.id+":edited:"+strconv.FormatInt(at, 10), at
	return m
}

// deletion says that a post was taken back.
func (p *post) deletion() *wit.Message {
	m := p.message("")
	if m == nil || m.Kind != wit.MessageKindText {
		return nil
	}
	m.Kind, m.Target, m.Attachments, m.Text, m.ReplyTo = wit.MessageKindDeleted, new(p.id), nil, "", nil
	m.ID = p.id + ":deleted"
	if at := p.v.Get("delete_at").Int(); at > 0 {
		m.Time = at
	}
	return m
}

// sender is who has posted it. Webhooks and bots may go by another name (override_username).
func (p *post) sender() wit.Person {
	who := p.a.person(p.user)
	who.Bot = who.Bot || p.automatic()
	if name := p.v.Get("props", "override_username").Text(); name != "" && who.Bot {
		who.Name = &name
	}
	return who
}

// shown is the emoji of a name, which may say a skin's tone at its end (thumbsup_dark_skin_tone).
func shown(name string) string {
	for _, tone := range []string{"_light", "_medium_light", "_medium", "_medium_dark", "_dark"} {
		if plain, found := strings.CutSuffix(name, tone+"_skin_tone"); found && !strings.HasPrefix(emoji.Of(plain), ":") {
			return emoji.Of(plain)
		}
	}
	return emoji.Of(name)
}

// text is what it says: its words, and those of its attachments, which bots and webhooks write ("Message attachments").
func (p *post) text() string {
	text := emoji.Shown(p.v.Get("message").Text())
	for v := range p.v.Get("props", "attachments").Items() {
		before := text
		for _, field := range []string{"pretext", "author_name", "title", "text"} {
			text = joined(text, v.Get(field).Text())
		}
		for f := range v.Get("fields").Items() {
			text = joined(text, strings.Trim(f.Get("title").Text()+": "+f.Get("value").Text(), ": "))
		}
		if text == before {
			text = joined(text, v.Get("fallback").Text())
		}
	}
	return text
}

// joined puts two texts one below the other.
func joined(above, below string) string {
	if above == "" || below == "" {
		return above + below
	}
	return above + "\n" + below
}

// quoted is the post that a link in it leads to and that is shown below it (embeds, permalink).
func (p *post) quoted() *wit.Quoted {
	for v := range p.v.Get("metadata", "embeds").Items() {
		data := v.Get("data")
		id := data.Get("post_id").Text()
		if v.Get("type").Text() != "permalink" || id == "" {
			continue
		}
		inner := data.Get("post")
		q := &wit.Quoted{ID: id, Text: account.Optional(texts.Characters(emoji.Shown(inner.Get("message").Text()), 4000))}
		if user := inner.Get("user_id").Text(); user != "" {
			q.Sender = new(p.a.person(user))
		}
		if channel := inner.Get("channel_id").Text(); channel != "" && channel != p.channel {
			q.Conversation = p.a.elsewhere(channel, data.Get("channel_display_name").Text())
		}
		return q
	}
	if p.root != "" {
		return &wit.Quoted{ID: p.root}
	}
	return nil
}

// elsewhere is another channel, by the name that is known or told.
func (a *answer) elsewhere(channel, name string) *wit.Conversation {
	c := a.conversation(channel, "")
	if c.ID == "" {
		c = wit.Conversation{Kind: wit.ConversationKindChannel, ID: channel, Name: account.Optional(name)}
	}
	return &c
}
