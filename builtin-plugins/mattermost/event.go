package mattermost

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// handle takes an event by its name ("WebSocket events"). Those that the plugin does not know come to nothing. What an event
// is about is JSON in a text.
func handle(a *answer, v json.Value) {
	data, channel := v.Get("data"), v.Get("broadcast", "channel_id").Text()
	inner := func(field string) json.Value {
		p, err := json.ParseText(data.Get(field).Text())
		if err != nil {
			return json.Value{}
		}
		return p
	}
	switch v.Get("event").Text() {
	case "posted":
		handlePosted(a, data, inner("post"))
	case "post_edited":
		handleChanged(a, inner("post"), (*post).edit)
	case "post_deleted":
		handleChanged(a, inner("post"), (*post).deletion)
	case "reaction_added":
		handleReaction(a, inner("reaction"), channel, true)
	case "reaction_removed":
		handleReaction(a, inner("reaction"), channel, false)
	case "typing":
		a.receipt(wit.ReceiptKindTyping, a.conversation(channel, data.Get("parent_id").Text()), data.Get("user_id").Text())
	case "user_added":
		a.receipt(wit.ReceiptKindJoined, a.conversation(channel, ""), data.Get("user_id").Text())
	case "user_removed":
		a.receipt(wit.ReceiptKindLeft, a.conversation(channel, ""), data.Get("user_id").Text())
	case "channel_updated":
		a.learnPlace(inner("channel"))
	}
}

// handlePosted takes a new post. It says which channel it is in, and by whom it is.
func handlePosted(a *answer, data, v json.Value) {
	p := newPost(a, v)
	if p.id == "" {
		return
	}
	a.learn(p.channel, data.Get("channel_type").Text(), data.Get("channel_name").Text(), data.Get("channel_display_name").Text())
	if name, found := strings.CutPrefix(data.Get("sender_name").Text(), "@"); found && !p.automatic() {
		a.names.Keep(p.user, name)
	}
	if a.State.gap.has(p.channel) {
		return // it is read with what was posted before it
	}
	a.Message(p.message(data.Get("mentions").Text()))
}

// handleChanged takes a post that was edited or deleted. In a channel that is yet to be read it is read as it is then, and a
// deletion of what was known is read too.
func handleChanged(a *answer, v json.Value, change func(*post) *wit.Message) {
	if p := newPost(a, v); p.id != "" && !a.State.gap.has(p.channel) {
		a.Message(change(p))
	}
}

func handleReaction(a *answer, v json.Value, channel string, on bool) {
	if on && a.State.gap.has(channel) {
		return
	}
	a.Message(readReaction(a, v, channel, on))
}

// readReaction reads an emoji that somebody has set at a post (Reaction objects), or taken back. One of the numbers that stand for what
// can be chosen there is a choice.
func readReaction(a *answer, v json.Value, channel string, on bool) *wit.Message {
	target, user, name := v.Get("post_id").Text(), v.Get("user_id").Text(), v.Get("emoji_name").Text()
	if target == "" || user == "" || user == a.State.me.id {
		return nil
	}
	at := v.Get("create_at").Int()
	if !on || at == 0 {
		at = a.Now
	}
	m := &wit.Message{
		ID: target + ":reaction:" + strconv.FormatInt(at, 10) + ":" + user + ":" + name, Kind: wit.MessageKindReaction,
		Conversation: a.conversation(channel, ""), Sender: a.person(user), Target: &target, Time: at,
	}
	if on {
		m.Text = shown(name)
	} else {
		m.ID = target + ":unreaction:" + strconv.FormatInt(at, 10) + ":" + user + ":" + name
	}
	if chosen := chosenBy(a, target, name); on && chosen != "" {
		m.Kind, m.Text = wit.MessageKindAction, chosen
	}
	return m
}
