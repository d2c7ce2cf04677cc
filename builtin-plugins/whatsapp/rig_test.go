package whatsapp_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp"
	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp/whatsapptest"
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// rig is the plugin with a server of the Cloud API, as much of a gateway as sends need.
type rig struct {
	t      *testing.T
	server *whatsapptest.Server
	host   *sdktest.Host
	plugin channel.Channel
	config wit.JSON
	state  wit.JSON
}

var (
	ada   = whatsapptest.Person{Number: "16505551234", User: "US.1", Name: "Ada"}
	toAda = wit.Conversation{Kind: wit.ConversationKindDirect, ID: ada.Number}
)

// newRig is a gateway to which Ada has just written.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, server: whatsapptest.New(whatsapptest.Config{}), plugin: whatsapp.New(), config: wit.JSON(`{"phoneNumberId":"106540352242922"}`)}
	t.Cleanup(func() { _ = r.server.Close() })
	r.host = &sdktest.Host{HTTP: r.server, Credentials: r.server.Secrets()}
	r.server.Say(ada, "hi")
	r.state = wit.JSON(`{"generation":1,"people":[{"id":"16505551234","last":"wamid.I1"}]}`)
	return r
}

func (r *rig) sdk() *sdk.Host { return r.host.SDK() }

// send sends to Ada, unless the message says where it goes.
func (r *rig) send(s wit.ChannelSend) (*wit.Sent, error) {
	if s.To.ID == "" {
		s.To = toAda
	}
	if s.IdempotencyKey == "" {
		s.IdempotencyKey = "k"
	}
	s.Config, s.State = r.config, r.state
	return r.plugin.Send(r.sdk(), &s)
}

// mustSend returns what reached WhatsApp.
func (r *rig) mustSend(s wit.ChannelSend) []whatsapptest.Sent {
	r.t.Helper()
	before := len(r.server.Sent())
	sent, err := r.send(s)
	if err != nil {
		r.t.Fatalf("send: %v", err)
	}
	got := r.server.Sent()[before:]
	if len(sent.IDs) != len(got) {
		r.t.Errorf("ids %v of %d messages", sent.IDs, len(got))
	}
	for i := range min(len(got), len(sent.IDs)) {
		if sent.IDs[i] != got[i].ID {
			r.t.Errorf("ids %v of %+v", sent.IDs, got)
		}
	}
	return got
}
