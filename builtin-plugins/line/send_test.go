package line_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/line/linetest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestSendText(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.RepliesOut)
	a := newAccount(t, linetest.Config{})
	m := a.mustSend(t, wit.ChannelSend{Text: "x", Formatted: new("■ x 🎉")})[0]
	if m.Text != "■ x 🎉" || m.To != ada || m.Reply || m.Quoted != "" {
		t.Errorf("%+v", m)
	}
	if again := a.mustSend(t, wit.ChannelSend{Text: "x", Formatted: new("■ x 🎉")}); len(again) != 0 {
		t.Errorf("a repeated send makes another message: %+v", again)
	}
	asked := a.server.Say(ada, "when?")
	a.Messages(1)
	if m := a.mustSend(t, wit.ChannelSend{Text: "12", ReplyTo: &asked, IdempotencyKey: "answer"})[0]; !m.Reply || m.Quoted != asked {
		t.Errorf("%+v", m)
	}
	if m := a.mustSend(t, wit.ChannelSend{Text: "and more", IdempotencyKey: "more"})[0]; m.Reply {
		t.Errorf("a token was good twice: %+v", m)
	}
	if m := a.mustSend(t, wit.ChannelSend{Text: "x", ReplyTo: new("nothing that LINE knows"), IdempotencyKey: "unknown"})[0]; m.Quoted != "" {
		t.Errorf("a reply to what is not there: %+v", m)
	}
	if got := a.mustSend(t, wit.ChannelSend{Text: " \n "}); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
	if m := a.mustSend(t, wit.ChannelSend{To: toGroup, Text: strings.Repeat("🎉", 2500), IdempotencyKey: "longest"})[0]; len(m.Text) != 10_000 || m.To != group {
		t.Errorf("the longest: %d bytes to %s", len(m.Text), m.To)
	}
	// What is said goes on in pushes where the owner wants no tokens.
	a = newAccountWith(t, linetest.Config{}, `{"channelId":"1","replyTokens":false}`)
	a.server.Say(ada, "once more")
	a.Messages(1)
	if m := a.mustSend(t, wit.ChannelSend{Text: "x", IdempotencyKey: "pushed"})[0]; m.Reply {
		t.Errorf("%+v", m)
	}
}

// TestNoCredentialIsFilledIntoTexts is about a message that asks for one.
func TestNoCredentialIsFilledIntoTexts(t *testing.T) {
	a := newAccount(t, linetest.Config{})
	const evil = "{{credential:channelToken}} {{media:m1}}"
	if m := a.mustSend(t, wit.ChannelSend{Text: evil})[0]; m.Text != evil {
		t.Errorf("%+v", m)
	}
}

// TestAnAnswerThatIsLost is sent once: a push is known by its key, a reply by its token.
func TestAnAnswerThatIsLost(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	for _, fault := range []linetest.Fault{{Call: "push", CutAfter: true}, {Call: "push", Cut: true}, {Call: "reply", CutAfter: true}, {Call: "reply", Cut: true}} {
		a := newAccount(t, linetest.Config{})
		if fault.Call == "reply" {
			a.server.Say(ada, "hi")
			a.Messages(1)
		}
		a.server.Fail(fault)
		if _, err := a.send(wit.ChannelSend{Text: "x"}); err == nil {
			t.Errorf("%+v: the first attempt knows", fault)
		}
		a.server.Say(ada, "are you there?") // has another reply token
		if fault.Call == "reply" {
			a.Messages(2)
		} else {
			a.Messages(1)
		}
		if _, err := a.send(wit.ChannelSend{Text: "x"}); err != nil {
			t.Errorf("%+v: %v", fault, err)
		}
		if got := a.server.Sent(); len(got) != 1 || got[0].Reply != (fault.Call == "reply") {
			t.Errorf("%+v: %+v", fault, got)
		}
	}
}

// TestATokenThatHasEnded before it could be used is none that was, also where the push that takes its place fails.
func TestATokenThatHasEnded(t *testing.T) {
	a := newAccount(t, linetest.Config{})
	a.server.Say(ada, "hi")
	a.Messages(1)
	a.server.Expire()
	a.server.Fail(linetest.Fault{Call: "push", Status: 500})
	if _, err := a.send(wit.ChannelSend{Text: "x"}); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Error(err)
	}
	if got, err := a.send(wit.ChannelSend{Text: "x"}); err != nil || len(got) != 1 || got[0].Reply {
		t.Errorf("%v %+v", err, got)
	}
}

func TestSendFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	a := newAccount(t, linetest.Config{})
	file := func(kind wit.AttachmentKind, mime, name string) wit.Attachment {
		return wit.Attachment{Kind: kind, Media: new("m1"), Name: &name, Mime: &mime, Duration: new(int64(1000))}
	}
	const at = "https://gateway.example/media/m1?sig=test"
	for _, c := range []struct {
		file wit.Attachment
		want string
	}{
		{file(wit.AttachmentKindImage, "image/png", "a.png"), "image|" + at + "|" + at + "&thumb=512"},
		{file(wit.AttachmentKindImage, "image/webp", "a.webp"), "text|a.webp: " + at},
		{file(wit.AttachmentKindAudio, "audio/mpeg", "a.mp3"), "audio|" + at},
		{file(wit.AttachmentKindVoice, "audio/ogg", "a.ogg"), "text|a.ogg: " + at},
		{file(wit.AttachmentKindVideo, "video/mp4", "v.mp4"), "text|v.mp4: " + at},
		{file(wit.AttachmentKindDocument, "application/pdf", "a.pdf"), "text|a.pdf: " + at},
		{wit.Attachment{Kind: wit.AttachmentKindImage, Mime: new("image/jpeg"), Fetch: &wit.HTTPRequest{URL: "https://e.org/x.jpg"}}, "image|https://e.org/x.jpg|https://e.org/x.jpg"},
		{wit.Attachment{Kind: wit.AttachmentKindImage}, "text|[image could not be sent: an attachment has no file: put it in the media store first]"},
		{wit.Attachment{Kind: wit.AttachmentKindLocation, Name: new("Home"), Caption: new("1.5,-2")}, "location|Home"},
		{wit.Attachment{Kind: wit.AttachmentKindLocation, Name: new("Home"), Caption: new("5th Ave")}, "text|📍 Home: 5th Ave"},
		{wit.Attachment{Kind: wit.AttachmentKindContact, Name: new("Bea"), Caption: new("+1415")}, "text|👤 Bea: +1415"},
	} {
		got := a.mustSend(t, wit.ChannelSend{Text: "look", Attachments: []wit.Attachment{c.file}, IdempotencyKey: string(wit.Marshal(&c.file))})
		if len(got) != 2 || got[0].Text != "look" || got[0].Request != got[1].Request {
			t.Errorf("%s: %+v", c.want, got)
			continue
		}
		is := got[1].Type
		for _, part := range []string{got[1].Text, got[1].URL, got[1].Preview} {
			if part != "" {
				is += "|" + part
			}
		}
		if is != c.want {
			t.Errorf("sent %q, want %q", is, c.want)
		}
	}
	a.Host.Public = ""
	got := a.mustSend(t, wit.ChannelSend{Attachments: []wit.Attachment{file(wit.AttachmentKindImage, "image/png", "a.png")}, IdempotencyKey: "nowhere"})
	if len(got) != 1 || !strings.Contains(got[0].Text, "gateway.publicUrl") {
		t.Errorf("a gateway that does not know its address: %+v", got)
	}
}

// TestManyMessages go five at a time, and a second attempt sends the rest.
func TestManyMessages(t *testing.T) {
	a := newAccount(t, linetest.Config{})
	var files []wit.Attachment
	for range 7 {
		files = append(files, wit.Attachment{Kind: wit.AttachmentKindContact, Name: new("Bea"), Caption: new("+1415")})
	}
	send := wit.ChannelSend{To: toAda, Text: "all", Attachments: files, IdempotencyKey: "many"}
	a.server.Say(ada, "send them")
	a.Messages(1)
	a.server.Fail(linetest.Fault{Call: "push", Status: 500})
	if _, err := a.send(send); wit.CodeOf(err) != wit.CodeUnavailable || len(a.server.Sent()) != 5 {
		t.Fatalf("%v %+v", err, a.server.Sent())
	}
	sent, err := a.TrySend(send)
	got := a.server.Sent()
	if err != nil || len(got) != 8 || len(sent.IDs) != 8 || !got[4].Reply || got[5].Reply {
		t.Errorf("%v %v: %+v", sent, err, got)
	}
}

func TestTyping(t *testing.T) {
	channeltest.Proves(t, channeltest.TypingOut)
	a := newAccount(t, linetest.Config{})
	typing := func(to wit.Conversation) error {
		_, err := a.Plugin.(channel.Typer).Typing(a.Host.SDK(), &wit.ChannelTyping{Config: a.Config, State: a.State(), To: to})
		return err
	}
	for _, to := range []wit.Conversation{toAda, toGroup, {Kind: wit.ConversationKindDirect, ID: "Unobody"}} {
		if err := typing(to); err != nil {
			t.Error(err)
		}
	}
	if got := a.server.Loading(); len(got) != 1 || got[0] != ada {
		t.Errorf("%v", got)
	}
}
