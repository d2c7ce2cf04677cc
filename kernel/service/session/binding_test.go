package session_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// TestBound: the most special binding wins, in whatever order they stand, and of equals the first.
func TestBound(t *testing.T) {
	t.Parallel()
	s := session.Settings{
		Agents: []string{"a", "b", "c", "d", "e", "f"},
		Bindings: []session.Binding{
			{Agent: "a", Channel: "chat"}, {Agent: "b", Channel: "chat"}, {Agent: "b", Channel: "chat", Account: "work"},
			{Agent: "c", Channel: "chat", Kind: wit.ConversationKindGroup},
			{Agent: "d", Channel: "chat", Kind: wit.ConversationKindGroup, Peer: "g1"},
			{Agent: "e", Channel: "chat", Account: "work", Kind: wit.ConversationKindGroup, Peer: "g1"},
			{Agent: "f", Channel: "chat", Kind: wit.ConversationKindDirect, Peer: "ann"},
			{Agent: "gone", Channel: "other"},
		},
	}
	for _, c := range []struct {
		channel, account      string
		kind                  wit.ConversationKind
		id, sender, home, who string
	}{
		{"chat", "home", wit.ConversationKindDirect, "1", "bob", "", "a"},
		{"chat", "work", wit.ConversationKindDirect, "1", "bob", "", "b"},
		{"chat", "work", wit.ConversationKindGroup, "g2", "bob", "", "c"},
		{"chat", "home", wit.ConversationKindGroup, "g1", "bob", "", "d"},
		{"chat", "home", wit.ConversationKindGroup, "g9", "bob", "g1", "d"}, // the group has moved
		{"chat", "work", wit.ConversationKindGroup, "g1", "bob", "", "e"},
		{"chat", "work", wit.ConversationKindDirect, "1", "ann", "", "f"},
		{"chat", "home", "", "ann", "", "", "f"},
		{"chat", "home", wit.ConversationKindGroup, "g2", "ann", "", "c"}, // a person's binding is for direct chats
		{"chat", "home", wit.ConversationKindChannel, "g1", "ann", "", "a"},
		{"other", "home", wit.ConversationKindDirect, "1", "bob", "", ""},
		{"third", "home", wit.ConversationKindDirect, "1", "bob", "", ""},
	} {
		from := message.Origin{Channel: c.channel, Account: c.account, Conversation: &wit.Conversation{Kind: c.kind, ID: c.id}, Sender: &wit.Person{ID: c.sender}}
		if got := s.Bound(from, c.home); got != c.who {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
