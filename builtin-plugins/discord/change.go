package discord

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/ballot"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// edited takes the new form of a message. Discord also tells of changes that nobody has made, such as a link's preview:
// those have no time of an edit. Its files were delivered with the first form.
func edited(a *answer, d json.Value, where wit.Conversation) {
	when := d.Get("edited_timestamp").Text()
	if when == "" {
		return
	}
	m := read(a, d, where)
	if m == nil {
		return
	}
	m.Kind, m.Target, m.Attachments, m.ReplyTo, m.Forwarded = wit.MessageKindEdited, new(m.ID), nil, nil, nil
	m.ID, m.Time = m.ID+":"+when, a.Now
	a.message(*m)
}

// deleted takes that a message is gone; by whom is not told.
func deleted(a *answer, message, channel string, where wit.Conversation) {
	if !isID(message) {
		return
	}
	target := messageID(channel, message)
	a.message(wit.Message{ID: target + ":deleted", Kind: wit.MessageKindDeleted, Conversation: where, Target: &target, Time: a.Now})
}

// voted takes one option that somebody has chosen in a poll of the bot's, or does not choose any more ("Message Poll Vote Add", whose
// answers are counted from 1). Such an event is known by its place in the session.
func voted(a *answer, h happening, where wit.Conversation) {
	who, message := h.data.Get("user_id").Text(), h.data.Get("message_id").Text()
	if who == "" || who == a.State.me.id || !isID(message) {
		return
	}
	target := messageID(h.channel(), message)
	p, ok := ballot.Recall(a.Host, target)
	if !ok {
		return
	}
	p.To = where
	option := p.Option(h.data.Get("answer_id").Int() - 1)
	m := p.Chosen(wit.Person{ID: who}, option)
	if h.name == "MESSAGE_POLL_VOTE_REMOVE" {
		m = p.TakenBack(wit.Person{ID: who}, option)
	}
	m.ID, m.Time = target+":"+texts.Clip(a.State.session, 40)+":"+strconv.FormatInt(h.seq, 10), a.Now
	a.message(m)
}

// reacted takes somebody's emoji at a message, or that it was taken back. Such an event is known by its place in the session.
func reacted(a *answer, h happening, where wit.Conversation) {
	d := h.data
	p := readMember(d.Get("member", "user"), d.Get("member"))
	p.id = d.Get("user_id").Text()
	message := d.Get("message_id").Text()
	if p.id == "" || p.id == a.State.me.id || !isID(message) {
		return
	}
	target, emoji := messageID(h.channel(), message), ""
	if h.name == "MESSAGE_REACTION_ADD" {
		if emoji = d.Get("emoji", "name").Text(); d.Get("emoji", "id").Exists() {
			emoji = ":" + emoji + ":"
		}
	}
	a.message(wit.Message{
		ID: target + ":" + texts.Clip(a.State.session, 40) + ":" + strconv.FormatInt(h.seq, 10), Kind: wit.MessageKindReaction,
		Conversation: where, Sender: *p.wit(), Text: emoji, Target: &target, Time: a.Now,
	})
}
