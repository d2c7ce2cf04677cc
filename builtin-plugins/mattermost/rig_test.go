package mattermost_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost"
	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost/mattermosttest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig/dial"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// account is the bot's, with its server.
type account struct {
	*rig.Rig
	t      *testing.T
	server *mattermosttest.Server
}

// The people and channels of a server.
var (
	ada  = mattermosttest.User{ID: "ada00000000000000000000001", Username: "ada", FirstName: "Ada", LastName: "Lovelace"}
	bob  = mattermosttest.User{ID: "bob00000000000000000000002", Username: "bob", Nickname: "Bobby"}
	club = mattermosttest.Channel{ID: "club0000000000000000000001", Name: "club", DisplayName: "The Club"}
	trio = mattermosttest.Channel{ID: "trio0000000000000000000002", Type: "G", Name: "5f6c", DisplayName: "ada, bob, carapace"}
	old  = mattermosttest.Channel{ID: "old00000000000000000000003", Name: "old", DisplayName: "Old", DeleteAt: 1}
	away = mattermosttest.Channel{ID: "away0000000000000000000004", Type: "P", Name: "secret", DisplayName: "Secret", Outside: true}
)

const nobody = "nobody00000000000000000009"

// newAccount is an account of a new server that is not started. more are further settings.
func newAccount(t *testing.T, c mattermosttest.Config, more string) *account {
	t.Helper()
	s := mattermosttest.New(c)
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	s.AddUser(ada)
	s.AddUser(bob)
	for _, channel := range []mattermosttest.Channel{club, trio, old, away} {
		s.AddChannel(channel)
	}
	host := &sdktest.Host{HTTP: s, KV: map[string]string{}, Credentials: map[string]string{"token": s.Token(), "callbackToken": "callback-token"},
		Media: map[string]wit.MediaInfo{}, Files: map[string][]byte{}}
	a := &account{t: t, Rig: rig.New(t, mattermost.New(), host, `{"serverUrl":"`+root+`/"`+more+`}`), server: s}
	a.Server, a.Dial = s, dial.Websocket
	// Since when posts are new is known from the first answer on, before there is one.
	a.Keeps = func(before wit.JSON) bool { return !strings.Contains(string(before), `"cursor"`) }
	a.Holds = func(timer string) bool { return timer == "hello" || timer == "names" }
	return a
}

// connected is an account that is connected.
func connected(t *testing.T, c mattermosttest.Config, more string) *account {
	t.Helper()
	a := newAccount(t, c, more)
	a.Connected()
	a.Until("it has read what was posted meanwhile", a.reads)
	return a
}

// reads reports whether all that was posted is read.
func (a *account) reads() bool { return !strings.Contains(string(a.State()), `"gap"`) }

// say has somebody post something.
func (a *account) say(channel string, user mattermosttest.User, message string) mattermosttest.Post {
	return a.server.Say(mattermosttest.Post{ChannelID: channel, UserID: user.ID, Message: message})
}

// keep puts a file into the media store.
func (a *account) keep(id, name, mime string, data []byte) {
	a.Host.Media[id] = wit.MediaInfo{Media: id, Mime: mime, Name: &name, Size: int64(len(data))}
	a.Host.Files[id] = data
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func direct(user mattermosttest.User) wit.Conversation {
	return wit.Conversation{Kind: wit.ConversationKindDirect, ID: user.ID}
}

func channelOf(c mattermosttest.Channel) wit.Conversation {
	return wit.Conversation{Kind: wit.ConversationKindChannel, ID: c.ID}
}
