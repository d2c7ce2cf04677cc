package line_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/line/linetest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func text(s string) map[string]any { return map[string]any{"type": "text", "text": s} }

func TestDirectMessages(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Direct, channeltest.RepliesIn, channeltest.DeletionsIn)
	a := newAccount(t, linetest.Config{})
	first := a.server.Say(ada, "hello 🎉 (moon)")
	m := a.Last(1)
	if m.ID != first || m.Text != "hello 🎉 (moon)" || m.Conversation.Kind != wit.ConversationKindDirect || m.Conversation.ID != ada || m.Sender.ID != ada || !m.Mentioned || m.Time == 0 {
		t.Errorf("%+v", m)
	}
	a.Until("her name is known", func() bool { return strings.Contains(string(a.State()), `"name":"Ada"`) })
	a.server.Write(ada, "", map[string]any{"type": "text", "text": strings.Repeat("long ", 2000), "quotedMessageId": first}, nil)
	m = a.Last(2)
	if m.Sender.Name == nil || *m.Sender.Name != "Ada" || *m.Conversation.Name != "Ada" || len(m.Text) != 10_000 || m.ReplyTo == nil || m.ReplyTo.ID != first {
		t.Errorf("%+v", m.Sender)
	}
	a.server.Repeat(1)
	a.server.Say(ada, "twice")
	a.Until("it came again", func() bool { return a.Repeats() == 1 })
	a.server.Happen(ada, "", "unsend", map[string]any{"unsend": map[string]any{"messageId": first}})
	if m := a.Last(4); m.Kind != wit.MessageKindDeleted || *m.Target != first || m.Sender.ID != ada {
		t.Errorf("%+v", m)
	}
}

func TestGroups(t *testing.T) {
	channeltest.Proves(t, channeltest.Groups, channeltest.Mentions)
	a := newAccount(t, linetest.Config{})
	mention := func(more ...map[string]any) map[string]any { return map[string]any{"mentionees": more} }
	self := func(index, length int) map[string]any {
		return map[string]any{"index": index, "length": length, "type": "user", "userId": linetest.DefaultBot, "isSelf": true}
	}
	for i, c := range []struct {
		text, want string
		mention    map[string]any
		mentioned  bool
	}{
		{"just talk", "just talk", nil, false},
		{"@Carapace /new", "/new", mention(self(0, 9)), true},
		{"🎉 @Carapace hi", "🎉 @Carapace hi", mention(self(3, 9)), true},
		{"@Bär🎉 x", "x", mention(self(0, 6)), true},
		{"@Bea hi", "@Bea hi", mention(map[string]any{"index": 0, "length": 4, "type": "user", "userId": "Ubea"}), false},
		{"@All look", "@All look", mention(map[string]any{"index": 0, "length": 4, "type": "all"}), true},
		{"@Carapace", "", mention(self(0, 99)), true},
	} {
		m := text(c.text)
		if c.mention != nil {
			m["mention"] = c.mention
		}
		a.server.Write(ada, group, m, nil)
		if got := a.Last(i + 1); got.Text != c.want || got.Mentioned != c.mentioned || got.Conversation.ID != group || got.Conversation.Kind != wit.ConversationKindGroup || got.Sender.ID != ada {
			t.Errorf("%q: %+v", c.text, got)
		}
	}
	a.Until("names are known", func() bool {
		return strings.Contains(string(a.State()), `"name":"Friends"`) && strings.Contains(string(a.State()), `"name":"Ada"`)
	})
	a.server.Write("", "Rroom", text("by somebody who has not agreed to be told of"), nil)
	if m := a.Last(8); m.Conversation.ID != "Rroom" || m.Sender.ID != "" {
		t.Errorf("%+v", m)
	}
	a.server.Happen("", group, "join", nil)
	if m := a.Last(9); m.Kind != wit.MessageKindService || *m.Conversation.Name != "Friends" {
		t.Errorf("%+v", m)
	}
	a.server.Happen("", group, "memberJoined", map[string]any{"joined": map[string]any{"members": []any{map[string]any{"type": "user", "userId": ada}}}})
	a.server.Happen("", group, "memberLeft", map[string]any{"left": map[string]any{"members": []any{map[string]any{"type": "user", "userId": ada}}}})
	a.server.Happen("", group, "leave", nil)
	a.server.Happen(ada, "", "unfollow", nil)
	a.Until("who comes and goes is told", func() bool { return len(a.Receipts()) == 4 })
	want := []wit.ReceiptKind{wit.ReceiptKindJoined, wit.ReceiptKindLeft, wit.ReceiptKindLeft, wit.ReceiptKindLeft}
	for i, r := range a.Receipts() {
		if r.Kind != want[i] || r.Sender == nil || r.Sender.ID == "" {
			t.Errorf("%d: %+v", i, r)
		}
	}
	a.server.Happen(ada, "", "follow", nil)
	if m := a.Last(10); m.Kind != wit.MessageKindService || m.Sender.ID != ada {
		t.Errorf("%+v", m)
	}
}

func TestContents(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn)
	a := newAccount(t, linetest.Config{})
	for i, c := range []struct {
		message map[string]any
		file    string
		text    string
		want    wit.AttachmentKind
	}{
		{map[string]any{"type": "image"}, "a picture", "", wit.AttachmentKindImage},
		{map[string]any{"type": "video", "duration": 3000}, "a video", "", wit.AttachmentKindVideo},
		{map[string]any{"type": "audio", "duration": 2000}, "a voice", "", wit.AttachmentKindVoice},
		{map[string]any{"type": "file", "fileName": "a.pdf", "fileSize": 10}, "a document", "", wit.AttachmentKindDocument},
		{map[string]any{"type": "location", "title": "Home", "address": "1-3 Kioicho", "latitude": 35.67, "longitude": 139.73}, "", "", wit.AttachmentKindLocation},
		{map[string]any{"type": "sticker", "packageId": "1", "stickerId": "2", "keywords": []any{"happy", "moon"}, "text": "Yes"}, "", "[a sticker: Yes, happy, moon]", ""},
		{map[string]any{"type": "sticker"}, "", "[a sticker]", ""},
		{map[string]any{"type": "image", "contentProvider": map[string]any{"type": "external", "originalContentUrl": "https://e.org/x.jpg"}}, "", "[image: https://e.org/x.jpg]", ""},
		{map[string]any{"type": "hologram"}, "", "[a message of a kind that cannot be read here: hologram]", ""},
	} {
		var file []byte
		if c.file != "" {
			file = []byte(c.file)
		}
		a.server.Write(ada, "", c.message, file)
		m := a.Last(i + 1)
		if m.Text != c.text || (len(m.Attachments) == 1) != (c.want != "") {
			t.Errorf("%v: %+v", c.message, m)
			continue
		}
		if c.want == "" {
			continue
		}
		got := m.Attachments[0]
		if got.Kind != c.want {
			t.Errorf("%v: %+v", c.message, got)
		}
		if c.file == "" {
			continue
		}
		if res, err := a.Host.Do(got.Fetch); err != nil || res.Text == nil || *res.Text != c.file || !strings.HasPrefix(got.Fetch.URL, "https://api-data.line.me/") {
			t.Errorf("%v: %+v %v", c.message, res, err)
		}
	}
}

func TestChoices(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons)
	a := newAccount(t, linetest.Config{})
	rows := []wit.ActionRow{{Actions: []wit.Action{{Label: "Yes", Value: "v.0", Style: wit.ActionStylePrimary}, {Label: "No", Value: "v.1", Style: wit.ActionStyleDanger}}}, {Actions: []wit.Action{{Label: "Hm", Value: "v.2"}}}}
	for i, c := range []struct {
		text, kind string
		to         wit.Conversation
		in         string
	}{{"sure?", "flex", toAda, ""}, {strings.Repeat("very long ", 200), "text", toAda, ""}, {"sure?", "flex", toGroup, group}, {"", "flex", toAda, ""}} {
		got := a.mustSend(t, wit.ChannelSend{To: c.to, Text: c.text, Actions: rows, IdempotencyKey: "choice" + c.kind + c.in + c.text})
		if len(got) != 1 || got[0].Type != c.kind || c.text != "" && got[0].Text != c.text || len(got[0].Choices) != 3 {
			t.Fatalf("%+v", got)
		}
		a.server.Press(ada, c.in, got[0], "No")
		if m := a.Last(i + 1); m.Kind != wit.MessageKindAction || m.Text != "v.1" || m.Sender.ID != ada || m.Conversation.ID != c.to.ID {
			t.Errorf("%+v", m)
		}
	}
	a.server.Happen(ada, "", "postback", map[string]any{"postback": map[string]any{"data": "menu=2"}})
	if m := a.Last(5); m.Kind != wit.MessageKindText || m.Text != "[chose of the menu: menu=2]" {
		t.Errorf("of the owner's own menu: %+v", m)
	}
}

// TestListedCommands: a list of commands has quick replies that say them, in a direct chat; a text that names some has none.
func TestListedCommands(t *testing.T) {
	a := newAccount(t, linetest.Config{})
	const list = "Commands:\n/new – begin\n/stop – stop\n/nothing – none\n/new again\n/status – what is going on"
	for _, c := range []struct {
		to   wit.Conversation
		text string
		says int
	}{{toAda, list, 3}, {toGroup, list, 0}, {toAda, "say /new\n/stop\n/status", 0}} {
		if got := a.mustSend(t, wit.ChannelSend{To: c.to, Text: c.text, IdempotencyKey: "list" + c.to.ID + c.text}); len(got) != 1 || len(got[0].Says) != c.says {
			t.Errorf("%q to %s: %+v", c.text, c.to.ID, got)
		}
	}
}

// TestCallsThatSayNothing are answered, and come to nothing.
func TestCallsThatSayNothing(t *testing.T) {
	a := newAccount(t, linetest.Config{})
	before := string(a.State())
	for _, body := range []string{
		`x`, `{}`, `7`, `{"destination":"Ubot","events":[]}`,
		`{"destination":"Uother","events":[{"type":"message","webhookEventId":"e","source":{"type":"user","userId":"U1"},"message":{"id":"1","type":"text","text":"x"}}]}`,
		`{"events":[7,{"type":"message"},{"type":"message","webhookEventId":"e","source":{"type":"user","userId":"U1"},"mode":"standby","message":{"id":"1","type":"text","text":"x"}}]}`,
		`{"events":[{"type":"message","webhookEventId":"e","source":{"type":"user","userId":"U1"}},{"type":"other","webhookEventId":"e","source":{"type":"user","userId":"U1"}}]}`,
		`{"events":[{"type":"unsend","webhookEventId":"e","source":{"type":"user","userId":"U1"}},{"type":"postback","webhookEventId":"e","source":{"type":"user","userId":"U1"}}]}`,
	} {
		if reply := a.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Text: &body}); reply == nil || reply.Status != 200 {
			t.Errorf("%s: %+v", body, reply)
		}
	}
	if reply := a.Call(&wit.WebhookRequest{Method: "POST", Bytes: []byte{0xff}}); reply.Status != 200 {
		t.Errorf("%+v", reply)
	}
	if len(a.Inbox()) != 0 || string(a.State()) != before {
		t.Errorf("%+v %s", a.Inbox(), a.State())
	}
}
