package slack

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// post is something that was posted (message event), read against what the account knows.
type post struct {
	a      *answer
	v      json.Value // what was posted, the inner message where an event has one
	where  place
	ts     string
	thread string // the ts of the message that the thread began with, "" outside of threads
	user   string
	bot    bool // another app has posted it
}

// newPost reads what was posted of an event.
func newPost(a *answer, event, v json.Value) *post {
	p := &post{a: a, v: v, ts: v.Get("ts").Text(), user: v.Get("user").Text(), bot: v.Get("bot_id").Exists()}
	if p.user == "" {
		p.user = v.Get("bot_id").Text()
	}
	p.where = place{channel: event.Get("channel").Text(), kind: event.Get("channel_type").Text(), with: p.user}
	if thread := v.Get("thread_ts").Text(); thread != p.ts {
		p.thread = thread
	}
	return p
}

// message is what was posted, for the kernel. It is nil for what the bot has posted itself, and for other apps' messages
// unless the owner wants them.
func (p *post) message() *wit.Message {
	if p.ts == "" || p.where.channel == "" || p.a.isMine(p.v) || !p.a.Settings.bots && (p.bot || p.user == "USLACKBOT") {
		return nil
	}
	mentioned := p.mentioned()
	thread := p.place(mentioned)
	shared, forwarded, quoted := p.shared()
	m := &wit.Message{
		ID: p.where.channel + ":" + p.ts, Kind: wit.MessageKindText, Conversation: p.a.conversation(p.where, thread), Sender: p.sender(),
		Text: joined(p.a.readable(p.v.Get("text").Text()), shared), Attachments: p.files(), ReplyTo: quoted, Forwarded: forwarded,
		Mentioned: mentioned, Time: milliseconds(p.ts),
	}
	if m.Text == "" && len(m.Attachments) == 0 {
		m.Text = "[a message of a kind that cannot be read here]"
	}
	return m
}

// service is what happened in the channel, in Slack's words.
func (p *post) service() *wit.Message {
	m := p.message()
	if m != nil {
		m.Kind, m.Mentioned = wit.MessageKindService, false
	}
	return m
}

// joined puts two texts one below the other.
func joined(above, below string) string {
	if above == "" || below == "" {
		return above + below
	}
	return above + "\n" + below
}

// sender is who has posted it. Other apps say their name in the message.
func (p *post) sender() wit.Person {
	who := *p.a.person(p.user)
	who.Bot = who.Bot || p.bot
	if who.Name == nil {
		for _, path := range [][]string{{"username"}, {"bot_profile", "name"}} {
			if name := p.v.Get(path...).Text(); name != "" {
				who.Name = &name
				break
			}
		}
	}
	return who
}

// mentioned reports whether the bot is addressed: in a direct conversation, by name, or in a thread that it began or was
// addressed in before.
func (p *post) mentioned() bool {
	me := p.a.State.me.user
	switch {
	case p.where.direct():
		return true
	case me != "" && (strings.Contains(p.v.Get("text").Text(), "<@"+me+">") || strings.Contains(p.v.Get("text").Text(), "<@"+me+"|")):
		return true
	case p.thread == "":
		return false
	}
	return me != "" && p.v.Get("parent_user_id").Text() == me || slices.Contains(p.a.State.threads, p.where.channel+":"+p.thread)
}

// place is the thread that a message belongs to. In a channel one that addresses the bot begins a thread of its own, unless
// the owner wants answers in the channel itself: what is answered there, and asked then, is one conversation.
func (p *post) place(mentioned bool) (thread string) {
	thread = p.thread
	if p.where.direct() || !mentioned {
		return thread
	}
	if thread == "" && !p.a.Settings.inChannel && p.a.conversation(p.where, "").Kind == wit.ConversationKindChannel {
		thread = p.ts
	}
	if thread != "" {
		p.a.State.joined(p.where.channel + ":" + thread)
	}
	return thread
}

// shared reads the attachments of a message: messages that somebody has shared from elsewhere, and what apps write there.
// One that was shared without a word is forwarded, one with a word is what that is about.
func (p *post) shared() (text string, forwarded *wit.Forward, quoted *wit.Quoted) {
	said := p.v.Get("text").Text() != ""
	for v := range p.v.Get("attachments").Items() {
		content := p.a.readable(v.Get("text").Text())
		if content == "" {
			content = p.a.readable(v.Get("fallback").Text())
		}
		share := v.Get("is_share").Bool() || v.Get("is_msg_unfurl").Bool() && v.Get("ts").Exists()
		switch {
		case share && !said && forwarded == nil:
			forwarded = &wit.Forward{Sender: sharedSender(v), Conversation: p.sharedFrom(v), ID: account.Optional(sharedID(v)), Time: milliseconds(v.Get("ts").Text())}
			text = joined(text, content)
		case share && said && quoted == nil:
			quoted = &wit.Quoted{ID: sharedID(v), Text: account.Optional(texts.Characters(content, 4000)), Sender: sharedSender(v), Conversation: p.sharedFrom(v)}
		case !said || share:
			text = joined(text, content)
		}
	}
	return text, forwarded, quoted
}

func sharedSender(v json.Value) *wit.Person {
	id, name := v.Get("author_id").Text(), v.Get("author_name").Text()
	if id == "" && name == "" {
		return nil
	}
	return &wit.Person{ID: id, Name: account.Optional(name)}
}

func sharedID(v json.Value) string {
	channel, ts := v.Get("channel_id").Text(), v.Get("ts").Text()
	if channel == "" || ts == "" {
		return ""
	}
	return channel + ":" + ts
}

// sharedFrom is where a message was shared from, nil where that is not told or is here.
func (p *post) sharedFrom(v json.Value) *wit.Conversation {
	channel := v.Get("channel_id").Text()
	if channel == "" || channel == p.where.channel || !isPlace(channel) {
		return nil
	}
	c := p.a.conversation(place{channel: channel}, "")
	if name := v.Get("channel_name").Text(); c.Name == nil {
		c.Name = account.Optional(name)
	}
	return &c
}
