package delivery

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Address reads a conversation as clients write it: an id, behind an optional `channel:` of the plugin's
// name, an optional `user:`, `group:` or `channel:`, and before an optional `:topic:thread`.
func Address(channel, to, thread string) wit.Conversation {
	to = strings.TrimPrefix(to, channel+":")
	c := wit.Conversation{Kind: wit.ConversationKindDirect, ID: to}
	for prefix, kind := range map[string]wit.ConversationKind{"user:": wit.ConversationKindDirect, "direct:": wit.ConversationKindDirect,
		"group:": wit.ConversationKindGroup, "channel:": wit.ConversationKindChannel} {
		if id, ok := strings.CutPrefix(to, prefix); ok && id != "" {
			c.Kind, c.ID = kind, id
		}
	}
	if id, topic, _ := strings.Cut(c.ID, ":topic:"); id != "" && topic != "" {
		c.ID, c.Thread = id, &topic
	}
	if thread != "" {
		c.Thread = &thread
	}
	return c
}
