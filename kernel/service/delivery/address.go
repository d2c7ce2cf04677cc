package delivery

import (
	"context"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
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

// Resolver says whom a name means; not known is what may be an id. Errors are coded: CodeConflict for a name that several have.
type Resolver func(ctx context.Context, a message.Account, name string) (to wit.Conversation, known bool, err error)

// address reads a conversation as clients write it, where an id without a prefix may be a name. Errors: the resolver's.
func (m *sendMethod) address(ctx context.Context, a message.Account, to, thread string) (wit.Conversation, error) {
	c := Address(a.Channel, to, thread)
	if bare, _, _ := strings.Cut(strings.TrimPrefix(to, a.Channel+":"), ":topic:"); m.resolve == nil || bare != c.ID {
		return c, nil // its kind is said
	}
	found, known, err := m.resolve(ctx, a, c.ID)
	if known {
		c.ID, c.Kind, c.Name = found.ID, found.Kind, found.Name
	}
	return c, err
}
