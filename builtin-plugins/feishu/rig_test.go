package feishu_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/feishu"
	"github.com/carapace-gateway/carapace/builtin-plugins/feishu/feishutest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

const ada = "ou_ada"

var toAda = wit.Conversation{Kind: wit.ConversationKindDirect, ID: ada}

// account is one in as much of a kernel as it takes, with a platform whose calls need no proof.
type account struct {
	*rig.Rig
	server *feishutest.Server
}

func newAccount(t *testing.T) *account {
	t.Helper()
	s := feishutest.New(feishutest.Config{})
	host := &sdktest.Host{HTTP: s, KV: map[string]string{}, Credentials: map[string]string{"tenantToken": feishutest.Token, "encryptKey": feishutest.DefaultEncryptKey}}
	a := &account{rig.New(t, feishu.New(), host, `{"apiRoot":"https://open.example.org","appId":"`+feishutest.DefaultAppID+`"}`), s}
	a.Server = s
	t.Cleanup(func() { _ = s.Close() })
	s.Meet(ada, "Ada")
	a.Connected()
	s.Direct(func(body string) bool {
		reply := a.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Text: &body})
		return reply != nil && reply.Status == 200
	})
	return a
}

// send sends to Ada, unless the message says where it goes, and returns what reached the platform.
func (a *account) send(s wit.ChannelSend) ([]feishutest.Message, error) {
	if s.To.ID == "" {
		s.To = toAda
	}
	if s.IdempotencyKey == "" {
		s.IdempotencyKey = "k"
	}
	sent, err := a.TrySend(s)
	if err != nil {
		return nil, err
	}
	var got []feishutest.Message
	for _, id := range sent.IDs {
		got = append(got, a.server.Get(id))
	}
	return got, nil
}

func (a *account) mustSend(t *testing.T, s wit.ChannelSend) []feishutest.Message {
	t.Helper()
	got, err := a.send(s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (a *account) edit(e wit.ChannelEdit) error {
	e.Config, e.To = a.Config, toAda
	_, err := a.Plugin.(channel.Editor).Edit(a.Host.SDK(), &e)
	return err
}
