package ntfy_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy"
	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy/ntfytest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig/dial"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// account is one with a server, which is not connected yet.
type account struct {
	*rig.Rig
	server *ntfytest.Server
	host   *sdktest.Host
	plugin channel.Channel
}

// newAccount sets up an account whose configuration is more than the server's address.
func newAccount(t *testing.T, c ntfytest.Config, more string) *account {
	t.Helper()
	s := ntfytest.New(c)
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	host := &sdktest.Host{HTTP: s, Credentials: map[string]string{}, KV: map[string]string{}}
	if c.Token != "" {
		host.Credentials["token"] = c.Token
	}
	r := rig.New(t, ntfy.New(), host, `{"server":"`+root+`",`+more+`}`)
	r.Server, r.Dial = s, dial.Websocket
	return &account{r, s, host, ntfy.New()}
}

// toHome is where people write to in most tests.
var toHome = wit.Conversation{Kind: wit.ConversationKindDirect, ID: "home"}

// published sends to home, and returns what the server has of it.
func (a *account) published(s wit.ChannelSend) []ntfytest.Message {
	before := len(a.server.Published(""))
	if s.To.ID == "" {
		s.To = toHome
	}
	if s.IdempotencyKey == "" {
		s.IdempotencyKey = "k" + strings.Repeat("x", before)
	}
	a.Send(s)
	return a.server.Published("")[before:]
}
