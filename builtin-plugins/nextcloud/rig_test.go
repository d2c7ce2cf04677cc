package nextcloud_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/nextcloud"
	"github.com/carapace-gateway/carapace/builtin-plugins/nextcloud/nextcloudtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// account is one of the bot's, with its server and somebody, with whom the bot has a conversation.
type account struct {
	*rig.Rig
	server *nextcloudtest.Server
	bot    *nextcloudtest.User
	ann    *nextcloudtest.User
	direct *nextcloudtest.Room
}

// newAccount is an account of a new server that is not started.
func newAccount(t *testing.T, c nextcloudtest.Config) *account {
	t.Helper()
	s := nextcloudtest.New(c)
	t.Cleanup(func() { _ = s.Close() })
	a := &account{server: s, bot: s.Register("carapace", "Carapace"), ann: s.Register("ann", "Ann")}
	a.direct = a.ann.With(a.bot)
	host := &sdktest.Host{HTTP: s, Credentials: map[string]string{"appPassword": a.bot.Password}, Media: map[string]wit.MediaInfo{}, Files: map[string][]byte{}}
	a.Rig = rig.New(t, nextcloud.New(), host, `{"server":"https://cloud.test/index.php/","user":"carapace"}`)
	a.Server = s
	// The first list of rooms brings nothing, but says from where on what is new counts.
	a.Keeps = func(before wit.JSON) bool { return !strings.Contains(string(before), `"begun"`) }
	return a
}

// connected is an account that reads what is new.
func connected(t *testing.T, c nextcloudtest.Config) *account {
	t.Helper()
	a := newAccount(t, c)
	a.Start()
	a.Until("it reads", a.reads)
	return a
}

// reads reports whether a long poll waits for what is new.
func (a *account) reads() bool { return a.server.Waiting(a.bot) > 0 }

func id(n int64) string { return strconv.FormatInt(n, 10) }

// in is a conversation.
func in(r *nextcloudtest.Room) wit.Conversation {
	return wit.Conversation{Kind: wit.ConversationKindGroup, ID: r.Token}
}

// said are the bot's texts in a conversation.
func (a *account) said(r *nextcloudtest.Room) (texts []string) {
	for _, m := range a.server.From(r, a.bot) {
		texts = append(texts, m.Text)
	}
	return texts
}

// texts are those of the messages that came.
func (a *account) texts() (list []string) {
	for _, m := range a.Inbox() {
		list = append(list, m.Text)
	}
	return list
}
