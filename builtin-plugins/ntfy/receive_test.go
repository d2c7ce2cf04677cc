package ntfy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy/ntfytest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestWhatComes(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.EditsIn, channeltest.DeletionsIn, channeltest.MediaIn, channeltest.Direct)
	a := newAccount(t, ntfytest.Config{Token: "tk_secret"}, `"topic":"home, alerts"`)
	a.Connected()
	s := a.server
	first := s.Publish(ntfytest.Message{Topic: "home", Message: "hello 🎉"})
	if m := a.Last(1); m.Text != "hello 🎉" || m.ID != first || m.Conversation.ID != "home" || m.Sender.ID != "home" || m.Time == 0 || !m.Mentioned {
		t.Errorf("%+v", m)
	}
	s.Publish(ntfytest.Message{Topic: "alerts", Title: "Disk", Message: "90 % full", Tags: []string{"warning", "backup"}, Priority: 5, Click: "https://example.org/disk"})
	if m := a.Last(2); m.Text != "Disk\n90 % full\nhttps://example.org/disk\n[tags: warning, backup; priority 5 of 5]" || m.Conversation.ID != "alerts" {
		t.Errorf("%+v", m)
	}
	s.Publish(ntfytest.Message{Topic: "home", SequenceID: first, Message: "hello again"})
	if m := a.Last(3); m.Kind != wit.MessageKindEdited || *m.Target != first || m.Text != "hello again" {
		t.Errorf("%+v", m)
	}
	s.Publish(ntfytest.Message{Topic: "home", SequenceID: "backup-1", Message: "10 %"})
	s.Publish(ntfytest.Message{Topic: "home", SequenceID: "backup-1", Message: "90 %"})
	if m := a.Messages(5); m[3].Kind != wit.MessageKindText || m[4].Kind != wit.MessageKindEdited || *m[4].Target != m[3].ID {
		t.Errorf("%+v", m[3:])
	}
	s.Publish(ntfytest.Message{Topic: "home", SequenceID: "backup-1", Event: "message_delete"})
	if m := a.Last(6); m.Kind != wit.MessageKindDeleted || *m.Target != a.Inbox()[3].ID {
		t.Errorf("%+v", m)
	}
	file := s.Attach("cat.png", "image/png", []byte("a picture"))
	s.Publish(ntfytest.Message{Topic: "home", Message: "You received a file: cat.png", Attachment: file})
	if m := a.Last(7); m.Text != "" || len(m.Attachments) != 1 || m.Attachments[0].Kind != wit.AttachmentKindImage || *m.Attachments[0].Name != "cat.png" || *m.Attachments[0].Size != 9 {
		t.Errorf("%+v", m)
	}
	got, err := a.host.Do(a.Last(7).Attachments[0].Fetch)
	if err != nil || got.Text == nil || *got.Text != "a picture" {
		t.Errorf("%+v %v", got, err)
	}
	s.Publish(ntfytest.Message{Topic: "home", Message: "look", Attachment: &ntfytest.Attachment{Name: "x.jpg", URL: "https://example.org/x.jpg"}})
	if m := a.Last(8); m.Text != "look\nx.jpg https://example.org/x.jpg" || len(m.Attachments) != 0 {
		t.Errorf("a file elsewhere: %+v", m)
	}
	// What the account has published, what is of no topic of its, and what is no message are none.
	s.Publish(ntfytest.Message{Topic: "home", Message: "mine", Tags: []string{"robot"}})
	s.Publish(ntfytest.Message{Topic: "home", SequenceID: "cp-0123456789abcdef", Event: "message_clear"})
	s.Publish(ntfytest.Message{Topic: "home", Event: "keepalive"})
	s.Publish(ntfytest.Message{Topic: "home", Message: "end"})
	if m := a.Last(9); m.Text != "end" {
		t.Errorf("%+v", m)
	}
	if r := a.Receipts(); len(r) != 1 || r[0].Kind != wit.ReceiptKindRead || *r[0].ID != "cp-0123456789abcdef" {
		t.Errorf("%+v", r)
	}
}

// TestNothingIsLost: a broken connection, a crash, and a message that was published for later.
func TestNothingIsLost(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	a := newAccount(t, ntfytest.Config{}, `"topic":"home"`)
	s := a.server
	s.Publish(ntfytest.Message{Topic: "home", Message: "of before the account", Time: time.Now().Unix() - 30})
	a.Connected()
	s.Publish(ntfytest.Message{Topic: "home", Message: "1"})
	a.Messages(1)
	s.Break()
	s.Publish(ntfytest.Message{Topic: "home", Message: "2"})
	a.Messages(2)
	a.Crash()
	a.Until("the connection has ended", func() bool { return !s.Listening("home") })
	s.Deliver(ntfytest.Message{Topic: "home", Message: "3"})
	s.Publish(ntfytest.Message{Topic: "home", Message: "4"})
	a.Connected()
	if list := a.Messages(4); list[2].Text != "3" || list[3].Text != "4" {
		t.Errorf("%+v", list)
	}
	if a.Repeats() == 0 {
		t.Error("nothing came again: the time that is asked for does not reach back")
	}
	s.Fail(ntfytest.Fault{Call: "ws", Status: 503, Times: 2})
	s.Break()
	s.Publish(ntfytest.Message{Topic: "home", Message: "5"})
	if m := a.Last(5); m.Text != "5" {
		t.Errorf("%+v", m)
	}
}

// TestHealth: what is wrong is said, with what to do.
func TestHealth(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	a := newAccount(t, ntfytest.Config{Token: "tk_right"}, `"topic":"home"`)
	a.host.Credentials["token"] = "tk_wrong"
	a.Start()
	a.Says(wit.ConnectionStateNeedsLogin, "ntfy token add")
	delete(a.host.Credentials, "token")
	a.Command("login")
	a.Says(wit.ConnectionStateNeedsLogin, "ntfy access")
	a.host.Credentials["token"] = "tk_right"
	a.Command("login")
	a.Says(wit.ConnectionStateConnected, "")
	a.server.SetToken("tk_changed")
	a.server.Break()
	a.Says(wit.ConnectionStateNeedsLogin, "access token")
	a.host.Credentials["token"] = "tk_changed"
	a.Command("probe")
	a.Says(wit.ConnectionStateConnected, "")
	a.Command("logout")
	a.Says(wit.ConnectionStateDisconnected, "log in again")
	a.Until("the connection has ended", func() bool { return !a.server.Listening("home") })
	for topic, words := range map[string]string{"": "topic is not set", strings.Repeat("x", 65): "64 letters"} {
		b := newAccount(t, ntfytest.Config{}, `"topic":"`+topic+`"`)
		b.Start()
		b.Says(wit.ConnectionStateFailed, words)
	}
	c := newAccount(t, ntfytest.Config{}, `"topic":"home"`)
	c.server.Fail(ntfytest.Fault{Call: "check", Body: "<html>", Times: -1})
	c.Start()
	c.Says(wit.ConnectionStateDisconnected, "is server right?")
}

func TestChoices(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons)
	a := newAccount(t, ntfytest.Config{Token: "tk_secret", Public: []string{"home"}}, `"topic":"home>answers","buttons":true`)
	a.Connected()
	actions := []wit.ActionRow{{Actions: []wit.Action{{Label: "Allow once", Value: "abc.0"}, {Label: "Nö", Value: "abc.1"}}}}
	got := a.published(wit.ChannelSend{Text: "May I?", Actions: actions})
	if len(got) != 1 || got[0].Topic != "answers" || len(got[0].Actions) != 2 || got[0].Message != "May I?" {
		t.Fatalf("%+v", got)
	}
	if status := a.server.Tap(got[0], "Nö"); status != 200 {
		t.Errorf("the button answers %d", status)
	}
	if m := a.Last(1); m.Kind != wit.MessageKindAction || m.Text != "abc.1" || *m.Target != got[0].SequenceID || m.Conversation.ID != "home" {
		t.Errorf("%+v", m)
	}
	if list := a.server.Published("home"); list[len(list)-1].Title != "Nö" || list[len(list)-1].Priority != 1 {
		t.Errorf("the choice as people see it: %+v", list)
	}
	// Where not everybody may write, they are chosen in words.
	b := newAccount(t, ntfytest.Config{Token: "tk_secret"}, `"topic":"home"`)
	b.Connected()
	got = b.published(wit.ChannelSend{Text: "May I?", Actions: actions})
	if len(got) != 1 || len(got[0].Actions) != 0 || got[0].Message != "May I?\n\nAllow once: /choose abc.0\nNö: /choose abc.1" {
		t.Errorf("%+v", got)
	}
	b.server.Publish(ntfytest.Message{Topic: "home", Message: "/choose abc.0"})
	if m := b.Last(1); m.Kind != wit.MessageKindAction || m.Text != "abc.0" {
		t.Errorf("%+v", m)
	}
}
