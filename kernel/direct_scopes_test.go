package kernel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// TestDirectScopes says for each scope which conversations share a session: the owner's and others' on two accounts, groups, threads.
func TestDirectScopes(t *testing.T) {
	t.Parallel()
	group := wit.Conversation{Kind: wit.ConversationKindGroup, ID: "g1"}
	thread := group
	thread.Thread = new("t1")
	for scope, want := range map[session.Scope]string{
		session.ScopeOwner:                 "chat:dm:bob chat:group:g1 chat:group:g1:thread:t1 main",
		session.ScopeMain:                  "chat:group:g1 chat:group:g1:thread:t1 main",
		session.ScopePerPeer:               "chat:dm:bob chat:group:g1 chat:group:g1:thread:t1 dm:owner",
		session.ScopePerChannelPeer:        "chat:dm:ann chat:dm:bob chat:group:g1 chat:group:g1:thread:t1",
		session.ScopePerAccountChannelPeer: "chat:group:g1 chat:group:g1:thread:t1 chat:home:dm:ann chat:home:dm:bob chat:work:dm:bob",
	} {
		t.Run(string(scope), func(t *testing.T) {
			t.Parallel()
			home, work := kerneltest.NewPlatform(t), kerneltest.NewPlatform(t)
			k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo")), kerneltest.Config(t, fmt.Sprintf(
				`{"session":{"dmScope":%q},"owners":["chat:ann"],"channels":{"chat":{"accounts":{
					"home":{"config":{"root":%q},"dmPolicy":"open","groups":["g1"]},"work":{"config":{"root":%q},"dmPolicy":"open"}}}}}`, scope, home.URL, work.URL)))
			l := k.Listen()
			for _, account := range []string{"home", "work"} {
				l.MustCall("plugins.configure", object{"id": "chat", "account": account, "secrets": object{"token": "platform-token"}}, nil)
			}
			home.Say("ann", "from ann")
			home.Say("bob", "from bob")
			work.Say("bob", "from bob at work")
			home.Message(wit.Message{Conversation: group, Sender: wit.Person{ID: "bob"}, Text: "in the group", Mentioned: true})
			home.Message(wit.Message{Conversation: thread, Sender: wit.Person{ID: "bob"}, Text: "in the thread", Mentioned: true})
			home.Until("all are answered", func(posts []kerneltest.Post) bool { return len(posts) >= 4 })
			work.Until("bob is answered at work", func(posts []kerneltest.Post) bool { return len(posts) >= 1 })
			var list session.ListResult
			l.MustCall("sessions.list", nil, &list)
			var keys []string
			for _, s := range list.Sessions {
				keys = append(keys, s.Key.Rest())
			}
			slices.Sort(keys)
			if got := strings.Join(keys, " "); got != want {
				t.Errorf("the sessions are %s, want %s", got, want)
			}
		})
	}
}

// TestConversationsEndByThemselves by the rules of the settings: after a pause, at an hour, by kind and channel.
func TestConversationsEndByThemselves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rules string
		pause time.Duration
		anew  bool
	}{
		{`"reset":{"mode":"idle","idleMinutes":60}`, 59 * time.Minute, false},
		{`"reset":{"mode":"idle","idleMinutes":60}`, 61 * time.Minute, true},
		{`"reset":{"mode":"daily","atHour":4}`, 3 * time.Hour, false}, // the bubble's clock begins at midnight, UTC
		{`"reset":{"mode":"daily","atHour":4}`, 5 * time.Hour, true},
		{`"reset":{"mode":"idle","idleMinutes":60},"resetByType":{"direct":{"mode":"off"}}`, 61 * time.Minute, false},
		{`"resetByType":{"group":{"mode":"idle","idleMinutes":1}}`, time.Hour, false},
		{`"reset":{"mode":"off"},"resetByChannel":{"chat":{"mode":"idle","idleMinutes":1}}`, time.Hour, false},
	} {
		t.Run(fmt.Sprint(c.rules, c.pause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")), kerneltest.Config(t, `{"timeZone":"UTC","session":{`+c.rules+`}}`))
				l := k.Listen()
				l.Ask("r1", "hello")
				time.Sleep(c.pause)
				l.Ask("r2", "hello again")
				var h chat.History
				l.MustCall("chat.history", object{"sessionKey": "main"}, &h)
				if anew := len(h.Messages) == 2; anew != c.anew {
					t.Errorf("%d messages", len(h.Messages))
				}
			})
		})
	}
}
