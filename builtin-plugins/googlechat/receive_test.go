package googlechat_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/googlechat/googlechattest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestWhatPeopleSay(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.RepliesIn, channeltest.Direct, channeltest.Groups, channeltest.Threads, channeltest.Mentions, channeltest.Commands)
	g := newGateway(t)
	dm := g.server.Meet(ada)
	name := g.server.Say(ada, dm, "", googlechattest.Text(dm, "héllo 🎉 <b>\n"+strings.Repeat("long ", 4000)))
	m := g.Last(1)
	if m.ID != name || !strings.HasPrefix(m.Text, "héllo 🎉 <b>\nlong") || len(m.Text) < 20_000 || !m.Mentioned || m.Conversation.Kind != wit.ConversationKindDirect ||
		m.Conversation.ID != dm.Name || *m.Conversation.Name != "Ada" || m.Conversation.Thread != nil || m.Sender.ID != "users/1" || *m.Sender.Username != "ada@example.org" || m.Time < 1_700_000_000_000 {
		t.Errorf("%.300s", wit.Marshal(&m))
	}
	thread := club.Name + "/threads/t"
	g.server.Say(ada, club, thread, googlechattest.Text(club, "what is up?"))
	if m := g.Last(2); m.Text != "what is up?" || !m.Mentioned || m.Conversation.Kind != wit.ConversationKindGroup || *m.Conversation.Name != "Club" || *m.Conversation.Thread != thread {
		t.Errorf("%s", wit.Marshal(&m))
	}
	g.server.Say(ada, club, thread, map[string]any{"text": "/status now", "argumentText": " now", "slashCommand": map[string]any{"commandId": "1"}})
	if m := g.Last(3); m.Text != "/status now" || !m.Mentioned {
		t.Errorf("%s", wit.Marshal(&m))
	}
	quoting := googlechattest.Text(dm, "why?")
	quoting["quotedMessageMetadata"] = map[string]any{"name": dm.Name + "/messages/q"}
	g.server.Say(ada, dm, "", quoting)
	if m := g.Last(4); m.ReplyTo == nil || m.ReplyTo.ID != dm.Name+"/messages/q" {
		t.Errorf("%s", wit.Marshal(&m))
	}
	g.server.Repeat(1)
	g.server.Say(ada, dm, "", googlechattest.Text(dm, "twice"))
	g.Last(5)
	g.Until("it came again", func() bool { return g.Repeats() == 1 })
	g.server.Do("ADDED_TO_SPACE", ada, club, nil)
	g.server.Do("REMOVED_FROM_SPACE", ada, club, nil)
	g.Until("it came and went", func() bool { return len(g.Receipts()) == 2 })
	if list := g.Receipts(); list[0].Kind != wit.ReceiptKindJoined || list[1].Kind != wit.ReceiptKindLeft {
		t.Errorf("%+v", list)
	}
}

func TestFilesThatCome(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn)
	g := newGateway(t)
	dm := g.server.Meet(ada)
	g.server.Say(ada, dm, "", map[string]any{"text": "look", "attachment": []any{
		map[string]any{"contentName": "p.png", "contentType": "image/png", "source": "UPLOADED_CONTENT", "attachmentDataRef": map[string]any{"resourceName": "Clx/a={{credential:accessToken}}?x"}},
		map[string]any{"contentName": "plan", "contentType": "application/vnd.google-apps.document", "source": "DRIVE_FILE", "driveDataRef": map[string]any{"driveFileId": "D1"}},
	}})
	m := g.Last(1)
	if len(m.Attachments) != 1 || m.Text != "look\n[a file that cannot be read here: plan: https://drive.google.com/open?id=D1]" {
		t.Fatalf("%s", wit.Marshal(&m))
	}
	a := m.Attachments[0]
	if a.Kind != wit.AttachmentKindImage || *a.Name != "p.png" || *a.Mime != "image/png" || a.Fetch.URL != g.server.Root()+"/v1/media/Clx/a%3D%7B%7Bcredential%3AaccessToken%7D%7D%3Fx?alt=media" || len(a.Fetch.Headers) != 1 {
		t.Errorf("%s", wit.Marshal(&a))
	}
}

func TestWhatIsPassedOver(t *testing.T) {
	g := newGateway(t)
	for _, text := range []string{
		"", "{", "[]", "7", `{"type":"MESSAGE"}`, `{"type":"MESSAGE","space":{"name":"spaces/x"},"message":{"name":"m"}}`, `{"type":"WIDGET_UPDATED","space":{"name":"spaces/x"}}`,
		`{"type":"MESSAGE","space":{"name":"spaces/x"},"message":{"name":"m","sender":{"name":"users/b","type":"BOT"}}}`, `{"chat":{"messagePayload":{}}}`,
		`{"type":"MESSAGE","space":{"name":"` + strings.Repeat("x", 1000) + `"},"message":{"name":"m","sender":{"name":"users/b"}}}`, `{"type":"CARD_CLICKED","space":{"name":"spaces/x"},"message":{"name":"m"}}`,
	} {
		if reply := g.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Text: &text}); reply.Status != 200 {
			t.Errorf("%q: %+v", text, reply)
		}
	}
	if n := len(g.Inbox()); n != 0 {
		t.Errorf("%d messages", n)
	}
}
