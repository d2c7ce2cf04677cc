package slack

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/emoji"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// handleEvent takes an event of the Events API, by its type. Those that the plugin does not know come to nothing.
func handleEvent(a *answer, e json.Value) {
	switch e.Get("type").Text() {
	case "message":
		handleMessage(a, e)
	case "app_mention": // the same as the message event that comes beside it, with the same ts
		a.Message(newPost(a, e, e).message())
	case "reaction_added":
		a.Message(readReaction(a, e, emoji.Of(e.Get("reaction").Text())))
	case "reaction_removed":
		a.Message(readReaction(a, e, ""))
	case "member_joined_channel":
		handleMember(a, e, wit.ReceiptKindJoined)
	case "member_left_channel":
		handleMember(a, e, wit.ReceiptKindLeft)
	case "channel_rename", "group_rename":
		a.names.Keep(e.Get("channel", "id").Text(), e.Get("channel", "name").Text())
	case "user_change":
		a.names.Keep(e.Get("user", "id").Text(), userName(e.Get("user")))
	case "tokens_revoked", "app_uninstalled":
		a.status(wit.ConnectionStateNeedsLogin, "the app was taken out of the workspace, or its token revoked: "+newToken)
	}
}

// handleMessage takes a message event by its subtype.
func handleMessage(a *answer, e json.Value) {
	switch e.Get("subtype").Text() {
	case "", "file_share", "thread_broadcast", "bot_message", "me_message":
		a.Message(newPost(a, e, e).message())
	case "message_changed":
		a.Message(readEdit(a, e))
	case "message_deleted":
		a.Message(readDeletion(a, e, e.Get("previous_message")))
	case "message_replied", "tombstone", "assistant_app_thread", "ekm_access_denied":
	default: // what happened in the channel, in words
		a.Message(newPost(a, e, e).service())
	}
}

// readEdit reads the new form of a message ("message_changed"). Slack tells of more than edits: of previews that were added
// to links, of answers in a thread. What leaves the words as they were is none.
func readEdit(a *answer, e json.Value) *wit.Message {
	now, before := e.Get("message"), e.Get("previous_message")
	if now.Get("subtype").Text() == "tombstone" { // deleted, and its thread stays
		return readDeletion(a, e, before)
	}
	if before.Exists() && now.Get("text").Text() == before.Get("text").Text() {
		return nil
	}
	m := newPost(a, e, now).message()
	if m == nil {
		return nil
	}
	when := now.Get("edited", "ts").Text()
	if when == "" {
		when = e.Get("event_ts").Text()
	}
	m.Kind, m.Target, m.Attachments = wit.MessageKindEdited, new(m.ID), nil // its files were delivered with the first one
	m.ID += ":edited:" + when
	if at := milliseconds(when); at > 0 {
		m.Time = at
	}
	return m
}

// readDeletion reads that a message was taken back ("message_deleted"). Who has done that Slack does not tell.
func readDeletion(a *answer, e, before json.Value) *wit.Message {
	m := newPost(a, e, before).message()
	if m == nil {
		return nil
	}
	m.Kind, m.Target, m.Attachments, m.Text, m.ReplyTo, m.Forwarded = wit.MessageKindDeleted, new(m.ID), nil, "", nil, nil
	m.ID += ":deleted"
	if at := milliseconds(e.Get("event_ts").Text()); at > 0 {
		m.Time = at
	}
	return m
}

// readReaction reads an emoji that somebody has set at a message ("reaction_added"), or, without one, taken back.
func readReaction(a *answer, e json.Value, emoji string) *wit.Message {
	item, user := e.Get("item"), e.Get("user").Text()
	at, when := item.Get("ts").Text(), e.Get("event_ts").Text()
	if item.Get("type").Text() != "message" || at == "" || user == "" || user == a.State.me.user {
		return nil
	}
	where := place{channel: item.Get("channel").Text(), with: user}
	target := where.channel + ":" + at
	return &wit.Message{
		ID: target + ":reaction:" + when + ":" + user, Kind: wit.MessageKindReaction, Conversation: a.conversation(where, ""),
		Sender: *a.person(user), Text: emoji, Target: &target, Time: milliseconds(when),
	}
}

// handleMember takes that somebody has come into a channel or gone. That the bot has, those who are asked next should know.
func handleMember(a *answer, e json.Value, kind wit.ReceiptKind) {
	user, where := e.Get("user").Text(), place{channel: e.Get("channel").Text()}
	a.receipt(kind, a.conversation(where, ""), user)
	if user != a.State.me.user {
		return
	}
	by, what := e.Get("inviter").Text(), "The bot is now a member"
	if kind == wit.ReceiptKindLeft {
		what = "The bot was removed"
	}
	if by == "" {
		by = user
	}
	when := e.Get("event_ts").Text()
	a.Message(&wit.Message{
		ID: where.channel + ":" + string(kind) + ":" + when, Kind: wit.MessageKindService, Conversation: a.conversation(where, ""),
		Sender: *a.person(by), Text: what, Time: milliseconds(when),
	})
}
