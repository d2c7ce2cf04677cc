package line_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/line"
	"github.com/carapace-gateway/carapace/builtin-plugins/line/linetest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	ada   = "Uada"
	group = "Cfriends"
)

var (
	toAda   = wit.Conversation{Kind: wit.ConversationKindDirect, ID: ada}
	toGroup = wit.Conversation{Kind: wit.ConversationKindGroup, ID: group}
)

// account is one in as much of a kernel as it takes, with a platform whose calls need no proof.
type account struct {
	*rig.Rig
	server *linetest.Server
}

func newAccount(t *testing.T, cfg linetest.Config) *account {
	t.Helper()
	return newAccountWith(t, cfg, `{"channelId":"1"}`)
}

// newAccountWith is newAccount with a configuration.
func newAccountWith(t *testing.T, cfg linetest.Config, config string) *account {
	t.Helper()
	s := linetest.New(cfg)
	host := &sdktest.Host{HTTP: s, KV: map[string]string{}, Credentials: map[string]string{"channelToken": linetest.Token}, Public: "https://gateway.example"}
	a := &account{rig.New(t, line.New(), host, config), s}
	a.Server = s
	t.Cleanup(func() { _ = s.Close() })
	s.Meet(ada, "Ada")
	s.Group(group, "Friends")
	a.Connected()
	s.Direct(func(body string) bool {
		reply := a.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Text: &body})
		return reply != nil && reply.Status == 200
	})
	return a
}

// send sends to Ada, unless the message says where it goes, and returns what reached the platform.
func (a *account) send(s wit.ChannelSend) ([]linetest.Sent, error) {
	if s.To.ID == "" {
		s.To = toAda
	}
	if s.IdempotencyKey == "" {
		s.IdempotencyKey = "k"
	}
	before := len(a.server.Sent())
	_, err := a.TrySend(s)
	return a.server.Sent()[before:], err
}

func (a *account) mustSend(t *testing.T, s wit.ChannelSend) []linetest.Sent {
	t.Helper()
	got, err := a.send(s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
