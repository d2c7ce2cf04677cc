package twilio_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/twilio/twiliotest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestWhatComes(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.MediaIn, channeltest.Direct)
	a := newAccount(t, twiliotest.Config{}, webhook)
	a.Connected()
	id := a.server.Say(ada, "grüße & 🎉 + 100%")
	if m := a.Last(1); m.ID != id || m.Text != "grüße & 🎉 + 100%" || m.Sender.ID != ada || m.Conversation.ID != ada || m.Time == 0 {
		t.Errorf("%+v", m)
	}
	a.server.Repeat(1)
	a.server.Say(ada, "", "image/jpeg", "text/vcard")
	m := a.Last(2)
	if len(m.Attachments) != 2 || m.Attachments[0].Kind != wit.AttachmentKindImage || m.Attachments[1].Kind != wit.AttachmentKindContact {
		t.Fatalf("%+v", m)
	}
	if got, err := a.host.Do(m.Attachments[0].Fetch); err != nil || got.Text == nil || *got.Text != "the bytes of image/jpeg" {
		t.Errorf("%+v %v", got, err)
	}
	a.server.Say(ada, "Stop")
	a.server.Say(ada, "START")
	if list := a.Messages(4); list[2].Kind != wit.MessageKindService || !strings.Contains(list[2].Text, "unsubscribed with Stop") || list[3].Kind != wit.MessageKindService {
		t.Errorf("%+v", list[2:])
	}
	a.Until("the calls are answered", func() bool { return len(a.server.Calls()) >= 5 })
	for _, c := range a.server.Calls() {
		if c.Status != 200 {
			t.Errorf("%+v", c)
		}
	}
	// What is of another account or number is passed over.
	for _, form := range []string{"MessageSid=SM1&AccountSid=AC1&To=%2B15005550006&From=%2B1&Body=x", "MessageSid=SM1&AccountSid=" + twiliotest.DefaultAccountSID + "&To=%2B1&From=%2B1&Body=x", "%%%", ""} {
		if reply := a.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Text: &form}); reply == nil || reply.Status != 200 || len(a.Inbox()) != 4 {
			t.Errorf("%q: %+v, %d messages", form, reply, len(a.Inbox()))
		}
	}
}

// TestNothingIsLost: Twilio calls once, and what it has called in vain is in the list: in order, over several pages, with files.
func TestNothingIsLost(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	a := newAccount(t, twiliotest.Config{}, webhook+`,"pollInterval":3`)
	a.Connected()
	a.server.Missed(ada, "missed")
	if m := a.Last(1); m.Text != "missed" {
		t.Errorf("%+v", m)
	}
	a.Crash()
	for i := range 25 {
		a.server.Missed(ada, fmt.Sprint("while away ", i))
	}
	a.server.Missed(ada, "a picture", "image/png")
	a.Start()
	list := a.Messages(27)
	for i := range 25 {
		if list[i+1].Text != fmt.Sprint("while away ", i) {
			t.Errorf("%d: %+v", i, list[i+1])
		}
	}
	if m := list[26]; len(m.Attachments) != 1 || *m.Attachments[0].Mime != "image/png" {
		t.Errorf("%+v", m)
	}
	// A call that comes while the list is read does not overtake what is in it.
	a.Crash()
	a.server.Missed(ada, "first")
	a.server.Fail(twiliotest.Fault{Call: "list", Status: 503, Code: 20503})
	a.Start()
	a.server.Say(ada, "second")
	if list := a.Messages(29); list[27].Text != "first" || list[28].Text != "second" {
		t.Errorf("%+v", list[27:])
	}
}

// TestHealth: what is wrong is said, with what to do.
func TestHealth(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	a := newAccount(t, twiliotest.Config{}, plain)
	a.host.Credentials["authToken"] = "wrong"
	a.Start()
	a.Says(wit.ConnectionStateNeedsLogin, "accountSid and authToken")
	a.host.Credentials["authToken"] = twiliotest.DefaultAuthToken
	a.server.Fail(twiliotest.Fault{Call: "list", Body: "<html>"})
	a.Command("login")
	a.Says(wit.ConnectionStateDisconnected, "is apiRoot right?")
	a.Says(wit.ConnectionStateConnected, "")
	a.Command("logout")
	a.Says(wit.ConnectionStateDisconnected, "log in again")
	b := newAccount(t, twiliotest.Config{}, "")
	b.Start()
	b.Says(wit.ConnectionStateFailed, "accountSid and from")
	key := newAccount(t, twiliotest.Config{KeySID: "SK1", KeySecret: "of the key"}, plain+`,"apiKeySid":"SK1"`)
	key.Connected()
	if r := key.server.Requests(); r[0].Login != "SK1" {
		t.Errorf("%+v", r)
	}
}
