package session

import (
	"slices"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// Binding says that an agent answers in some conversations. What is empty is any.
type Binding struct {
	Agent            string
	Channel, Account string
	// Kind is with whom a conversation is, and Peer the platform's id of the group or channel, or of the person.
	Kind wit.ConversationKind
	Peer string
}

// Bound returns the agent that answers what was said somewhere: that of the most special binding that fits, or the default
// one. A peer's id counts more than its kind, that more than an account, and that more than the channel alone; of equals the
// first wins. home is the id that the conversation had first, "" for the same: bindings may name either.
func (s Settings) Bound(from message.Origin, home string) string {
	best, agent := 0, ""
	for _, b := range s.Bindings {
		if rank := b.rank(from, home); rank > best {
			best, agent = rank, b.Agent
		}
	}
	if _, unknown := s.Agent(agent); unknown != nil {
		return ""
	}
	return agent
}

// rank is how special a binding is, 0 for one that does not fit.
func (b Binding) rank(from message.Origin, home string) int {
	if b.Channel != from.Channel || b.Account != "" && b.Account != from.Account {
		return 0
	}
	rank := 1
	if b.Account != "" {
		rank++
	}
	if b.Kind == "" {
		return rank
	}
	c := from.Conversation
	if c == nil || b.Kind != peerKind(c) {
		return 0
	}
	if b.Peer == "" {
		return rank + 2
	}
	if !slices.Contains(peers(from, home), b.Peer) {
		return 0
	}
	return rank + 4
}

// peerKind is with whom a conversation is.
func peerKind(c *wit.Conversation) wit.ConversationKind {
	switch c.Kind {
	case wit.ConversationKindGroup, wit.ConversationKindChannel:
		return c.Kind
	}
	return wit.ConversationKindDirect
}

// peers are the ids by which a conversation may be meant.
func peers(from message.Origin, home string) []string {
	c := from.Conversation
	ids := []string{c.ID}
	if home != "" {
		ids = append(ids, home)
	}
	if peerKind(c) == wit.ConversationKindDirect && from.Sender != nil && from.Sender.ID != "" {
		ids = append(ids, from.Sender.ID)
	}
	return ids
}
