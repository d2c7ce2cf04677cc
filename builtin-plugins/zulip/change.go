package zulip

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// about is a message about another one; nil when it is not known where that is.
func (a *answer) about(event int64, kind wit.MessageKind, id int64, sender wit.Person, time int64) *wit.Message {
	k := a.find(id)
	if k == nil || sender.ID == "" || sender.ID == a.State.me.id {
		return nil
	}
	if time == 0 {
		time = a.Now
	}
	return &wit.Message{
		ID: a.eventID(event, ":"+strconv.FormatInt(id, 10)), Kind: kind, Conversation: k.conversationOf(""), Sender: sender,
		Target: new(strconv.FormatInt(id, 10)), Time: time,
	}
}

// changesText reports whether an event says that somebody has written something anew. The server tells likewise of links that it
// has looked at (rendering_only), and of topics that are moved.
func changesText(e json.Value) bool {
	return e.Get("content").Exists() && e.Get("user_id").Int() > 0 && !e.Get("rendering_only").Bool() && e.Get("content").Text() != e.Get("orig_content").Text()
}

// edited takes a message that was changed, or messages that are somewhere else now ("update_message").
func edited(a *answer, event int64, e json.Value) {
	a.follow(e)
	if !changesText(e) {
		return
	}
	m := a.about(event, wit.MessageKindEdited, e.Get("message_id").Int(), wit.Person{ID: e.Get("user_id").Text()}, e.Get("edit_timestamp").Int()*1000)
	if m == nil {
		return
	}
	a.said(m, e.Get("content").Text(), e.Get("flags"))
	a.Message(m)
}

// follow notes where messages are that somebody has moved to another topic or channel, and tells of a topic that has moved with them.
func (a *answer) follow(e json.Value) {
	topic, channel := e.Get("subject"), e.Get("new_stream_id")
	if !topic.Exists() && !channel.Exists() {
		return
	}
	from := place{channelPrefix + e.Get("stream_id").Text(), texts.Clip(e.Get("orig_subject").Text(), maxTopic)}
	to := from
	if topic.Exists() {
		to.topic = texts.Clip(topic.Text(), maxTopic)
	}
	if channel.Exists() {
		to.conversation = channelPrefix + channel.Text()
	}
	merged := a.State.recent.knows(to)
	for id := range e.Get("message_ids").Items() {
		if k := a.State.recent.find(id.Int()); k != nil {
			k.place = to
		}
	}
	all := e.Get("propagate_mode").Text()
	whole := all == "change_all" || all == "change_later" && !a.State.recent.knows(from)
	if whole && !merged && from != to && from.topic != "" && e.Get("stream_id").Exists() && len(a.Out.Moved) < wit.ChannelAnswerMovedMax {
		a.Out.Moved = append(a.Out.Moved, wit.Move{From: from.conversation, Thread: &from.topic, To: to.conversationOf("")})
	}
}

// deleted takes messages that were taken back ("delete_message"). Who did it is not told: it counts as who has said it.
func deleted(a *answer, event int64, e json.Value) {
	ids := []int64{e.Get("message_id").Int()}
	for id := range e.Get("message_ids").Items() {
		ids = append(ids, id.Int())
	}
	for _, id := range ids {
		k := a.State.recent.find(id)
		if k == nil {
			continue // of one that is not remembered nothing can be found out any more
		}
		if m := a.about(event, wit.MessageKindDeleted, id, wit.Person{ID: k.sender}, 0); m != nil && !a.full() {
			a.Message(m)
		}
		a.State.recent.remove(id)
	}
}

// reacted takes an emoji that was set at a message ("reaction"), or, without one, that it was taken back.
func reacted(a *answer, event int64, e json.Value) {
	who := e.Get("user_id").Text()
	m := a.about(event, wit.MessageKindReaction, e.Get("message_id").Int(), wit.Person{ID: who, Name: account.Optional(e.Get("user", "full_name").Text()), Username: account.Optional(e.Get("user", "email").Text())}, 0)
	if m == nil {
		return
	}
	if e.Get("op").Text() == "add" {
		m.Text = emojiOf(e)
	}
	a.Message(m)
}

// emojiOf is the emoji of a reaction: a character, or the name of one that only Zulip or this organization has.
func emojiOf(e json.Value) string {
	name := ":" + e.Get("emoji_name").Text() + ":"
	if e.Get("reaction_type").Text() != "unicode_emoji" {
		return name
	}
	var b strings.Builder
	for code := range strings.SplitSeq(e.Get("emoji_code").Text(), "-") {
		n, err := strconv.ParseUint(code, 16, 32)
		if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
			return name
		}
		b.WriteRune(rune(n))
	}
	return b.String()
}
