package session_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestDestination: where an answer goes, by what is asked for and where the sessions were last spoken to.
func TestDestination(t *testing.T) {
	s := store.OpenMemory()
	sessiontest.Ensure(t, s, key, "agent:main:silent")
	storetest.Update(t, s, func(tx store.Tx) error {
		_, err := session.Ensure(tx, key, message.Origin{
			Channel: "chat", Account: "bot", MessageID: "m1", Sender: &wit.Person{ID: "9"}, Conversation: &wit.Conversation{ID: "42"},
		})
		return err
	})
	for name, c := range map[string]struct {
		of   session.Key // answers
		d    session.Destination
		want string // channel/account/conversation/thread/message; ! for CodeNotFound
	}{
		"nowhere":                  {of: key},
		"not wanted":               {of: key, d: session.Destination{Channel: "x", To: "7"}},
		"named":                    {of: key, d: session.Destination{Wanted: true, Channel: "x", Account: "a", To: "7", Thread: "t", ReplyTo: "m"}, want: "x/a/7/t/m"},
		"last":                     {of: key, d: session.Destination{Wanted: true, Channel: "last", To: "7"}, want: "chat/bot/42//"},
		"last on a channel":        {of: key, d: session.Destination{Wanted: true, Channel: "chat"}, want: "chat/bot/42//"},
		"last on another one":      {of: key, d: session.Destination{Wanted: true, Channel: "x"}},
		"never spoken to":          {of: "agent:main:silent", d: session.Destination{Wanted: true}},
		"never spoken to, needed":  {of: "agent:main:silent", d: session.Destination{Wanted: true, Required: true}, want: "!"},
		"last of another session":  {of: "agent:main:silent", d: session.Destination{Wanted: true, Of: key}, want: "chat/bot/42//"},
		"last of no session":       {of: key, d: session.Destination{Wanted: true, Of: "agent:main:none"}},
		"no session, but a needed": {of: key, d: session.Destination{Wanted: true, Of: "agent:main:none", Required: true}, want: "!"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			code := storetest.Try(s, func(tx store.Tx) error {
				e, err := session.Get(tx, c.of)
				if err != nil {
					return err
				}
				o, err := c.d.Resolve(tx, e)
				if o != nil {
					thread := ""
					if o.Conversation.Thread != nil {
						thread = *o.Conversation.Thread
					}
					got = o.Channel + "/" + o.Account + "/" + o.Conversation.ID + "/" + thread + "/" + o.MessageID
					if o.Sender != nil {
						t.Error("an answer has no sender")
					}
				}
				return err
			})
			if c.want == "!" {
				if code != wit.CodeNotFound {
					t.Errorf("got %q, %q", got, code)
				}
			} else if got != c.want || code != "" {
				t.Errorf("got %q, %q; want %q", got, code, c.want)
			}
		})
	}
}

func TestARouteMovesWithItsConversation(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		group := func(id, thread string) *wit.Conversation {
			return &wit.Conversation{Kind: wit.ConversationKindGroup, ID: id, Thread: &thread}
		}
		storetest.Update(t, s, func(tx store.Tx) error {
			for key, from := range map[session.Key]message.Origin{
				"agent:main:a": {Channel: "chat", Account: "x", Conversation: group("old", "7")}, "agent:main:b": {Channel: "chat", Account: "y", Conversation: group("old", "7")},
				"agent:main:c": {Channel: "talk", Account: "x", Conversation: group("old", "7")}, "agent:main:d": {Channel: "chat", Account: "x", Conversation: group("other", "7")}, "agent:main:e": {},
			} {
				if _, err := session.Ensure(tx, key, from); err != nil {
					return err
				}
			}
			return session.Moved(tx, message.Move{Account: message.Account{Channel: "chat", ID: "x"}, From: "old", To: *group("new", "")})
		})
		storetest.Update(t, s, func(tx store.Tx) error {
			for key, want := range map[session.Key]string{"agent:main:a": "new", "agent:main:b": "old", "agent:main:c": "old", "agent:main:d": "other"} {
				e, err := session.Get(tx, key)
				if err != nil {
					return err
				}
				if c := e.Route.Conversation; c.ID != want || *c.Thread != "7" {
					t.Errorf("%s goes to %+v, want %s", key, c, want)
				}
			}
			return nil
		})
	})
}
