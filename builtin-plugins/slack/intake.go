package slack

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// What an envelope can hold ("Socket Mode implementation"), and what a call of the webhook is taken for.
const (
	kindEvent       = "events_api"
	kindInteractive = "interactive"
	kindCommand     = "slash_commands"
)

// handle makes messages of what Slack has brought, and acknowledges it. Kinds that the plugin does not know are
// acknowledged too: they would come again otherwise.
func handle(a *answer, p *parcel) {
	switch p.kind {
	case kindEvent:
		handleEvent(a, p.payload.Get("event"))
	case kindInteractive:
		for _, m := range readActions(a, p.payload) {
			a.Message(&m)
		}
	case kindCommand:
		a.Message(readCommand(a, p.payload))
		if p.answers {
			answerCommand(a, p)
			return
		}
	}
	a.acknowledge(p, nil)
}

// mentionedIn are the ids in what Slack has brought whose names people would read. There are none in what makes no
// message.
func mentionedIn(a *answer, p *parcel) (ids []string) {
	add := func(id string) {
		if id != "" && id != a.State.me.user && (isPlace(id) || isUser(id)) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	switch v := p.payload; p.kind {
	case kindEvent:
		e := v.Get("event")
		said := e
		if inner := e.Get("message"); inner.Exists() {
			said = inner
		}
		if a.isMine(said) || said.Get("bot_id").Exists() && !a.Settings.bots || !e.Get("channel").IsText() && !e.Get("item").Exists() {
			return nil
		}
		add(said.Get("user").Text())
		add(e.Get("channel").Text())
		add(e.Get("item", "channel").Text())
		for rest := said.Get("text").Text(); ; {
			_, after, found := strings.Cut(rest, "<@")
			if !found {
				break
			}
			id, _, _ := strings.Cut(after, ">")
			id, _, named := strings.Cut(id, "|")
			if !named {
				add(id)
			}
			rest = after
		}
	case kindInteractive:
		add(v.Get("user", "id").Text())
		add(v.Get("channel", "id").Text())
	case kindCommand:
		add(v.Get("user_id").Text())
		add(v.Get("channel_id").Text())
	}
	return ids
}

// isUser reports whether an id is a person's.
func isUser(id string) bool { return strings.HasPrefix(id, "U") || strings.HasPrefix(id, "W") }

// isMine reports whether the bot has written a message itself.
func (a *answer) isMine(v json.Value) bool {
	me := a.State.me
	return me.user != "" && v.Get("user").Text() == me.user || me.bot != "" && v.Get("bot_id").Text() == me.bot
}

// place is where something was said: a channel, by its id and, where Slack tells it, its type; and with whom, which is
// what a direct conversation is known by.
type place struct{ channel, kind, with string }

// direct reports whether it is a conversation with one person. Their channels have ids of their own.
func (p place) direct() bool { return p.kind == "im" || strings.HasPrefix(p.channel, "D") }

// conversation is a place as the kernel knows it, or a thread of it.
func (a *answer) conversation(p place, thread string) wit.Conversation {
	if p.direct() && isUser(p.with) {
		name, _ := a.names.Find(p.with)
		return wit.Conversation{Kind: wit.ConversationKindDirect, ID: p.with, Name: account.Optional(name), Thread: account.Optional(thread)}
	}
	name, _ := a.names.Find(p.channel)
	c := wit.Conversation{Kind: wit.ConversationKindChannel, ID: p.channel, Name: account.Optional(name), Thread: account.Optional(thread)}
	switch {
	case p.direct():
		c.Kind, c.Name = wit.ConversationKindDirect, nil
	case p.kind == "mpim" || name == groupName:
		c.Kind, c.Name = wit.ConversationKindGroup, nil
	}
	return c
}

// milliseconds reads a ts, which is a time in seconds with a fraction, and 0 where it is none.
func milliseconds(ts string) int64 {
	whole, fraction, _ := strings.Cut(ts, ".")
	n, err := strconv.ParseInt(whole+(fraction + "000")[:3], 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}
