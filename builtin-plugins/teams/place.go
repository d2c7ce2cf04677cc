package teams

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// threadMark stands between the id of a channel and that of the message that a thread of it began with (Channel and group
// conversations, "Conversation ID").
const threadMark = ";messageid="

// divided takes the id of a conversation apart: a channel's own, and the thread in it.
func divided(id string) (base, thread string) {
	base, thread, _ = strings.Cut(id, threadMark)
	return base, thread
}

// joinedID is the id of a conversation with a thread, as URLs have it.
func joinedID(c wit.Conversation) string {
	if c.Thread == nil || *c.Thread == "" {
		return c.ID
	}
	return c.ID + threadMark + *c.Thread
}

// conversation is where an activity was said.
func conversation(v json.Value) wit.Conversation {
	base, thread := divided(v.Get("conversation", "id").Text())
	c := wit.Conversation{Kind: wit.ConversationKindDirect, ID: base, Name: account.Optional(v.Get("conversation", "name").Text())}
	switch v.Get("conversation", "conversationType").Text() {
	case "channel":
		c.Kind, c.Thread = wit.ConversationKindChannel, account.Optional(thread)
		if name := texts.Join(" / ", v.Get("channelData", "team", "name").Text(), v.Get("channelData", "channel", "name").Text()); name != "" {
			c.Name = &name
		}
	case "groupChat":
		c.Kind = wit.ConversationKindGroup
	case "personal":
		c.Name = account.Optional(v.Get("from", "name").Text())
	default:
		if v.Get("conversation", "isGroup").Bool() {
			c.Kind = wit.ConversationKindGroup
		}
	}
	return c
}

// messageID is a message's id: an activity's is unique in its conversation only.
func messageID(conversation, activity string) string { return conversation + "/" + activity }

// activityOf takes a message's id apart. One without a conversation is an activity of where it is asked for.
func activityOf(id string, where wit.Conversation) (conversation, activity string) {
	if i := strings.LastIndexByte(id, '/'); i > 0 {
		return id[:i], id[i+1:]
	}
	return joinedID(where), id
}

// isPerson reports whether an id is that of somebody, with whom a conversation has to be created: those of Teams begin with 29, and those
// of the directory are GUIDs.
func isPerson(id string) bool {
	return strings.HasPrefix(id, "29:") || len(id) == 36 && strings.Count(id, "-") == 4
}
