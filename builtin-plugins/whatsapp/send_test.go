package whatsapp_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp/whatsapptest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestSendText(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.RepliesOut, channeltest.Markup)
	r := newRig(t)
	got := r.mustSend(wit.ChannelSend{Text: "12 it is 🎉", Formatted: new("*12* it is 🎉"), ReplyTo: new("wamid.I1")})
	if m := got[0]; m.To != ada.Number || m.Text != "*12* it is 🎉" || m.ReplyTo != "wamid.I1" || m.Key != "k/0" {
		t.Errorf("%+v", m)
	}
	if m := r.mustSend(wit.ChannelSend{Text: "x", ReplyTo: new("nothing that WhatsApp knows")})[0]; m.ReplyTo != "" {
		t.Errorf("a reply to what is not there: %+v", m)
	}
	if got := r.mustSend(wit.ChannelSend{Text: " \n "}); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
	if m := r.mustSend(wit.ChannelSend{Text: strings.Repeat("ä", 4096)})[0]; len(m.Text) != 8192 {
		t.Errorf("the longest: %d bytes", len(m.Text))
	}
	r.server.Meet(whatsapptest.Person{Number: "4477", User: "GB.77"})
	for _, to := range []wit.Conversation{{Kind: wit.ConversationKindDirect, ID: "GB.77"}, {Kind: wit.ConversationKindGroup, ID: "HBgL"}} {
		if m := r.mustSend(wit.ChannelSend{To: to, Text: "x"})[0]; m.To != to.ID {
			t.Errorf("to %s: %+v", to.ID, m)
		}
	}
	sent, err := r.send(wit.ChannelSend{To: wit.Conversation{ID: "+" + ada.Number}, Text: "x"})
	if err != nil || sent.Moved == nil || sent.Moved.ID != ada.Number {
		t.Errorf("to a number with a plus: %+v %v", sent, err)
	}
}

// TestNoCredentialIsFilledIntoTexts is about a message that asks for one.
func TestNoCredentialIsFilledIntoTexts(t *testing.T) {
	r := newRig(t)
	const evil = "{{credential:accessToken}} {{media:m1}}"
	if m := r.mustSend(wit.ChannelSend{Text: evil})[0]; m.Text != evil {
		t.Errorf("%+v", m)
	}
}

func TestSendFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	r := newRig(t)
	file := func(kind wit.AttachmentKind, mime string) wit.Attachment {
		return wit.Attachment{Kind: kind, Media: new("m1"), Name: new("name"), Mime: &mime}
	}
	for _, c := range []struct {
		file wit.Attachment
		want string // types of messages, with their texts
	}{
		{file(wit.AttachmentKindImage, "image/jpeg"), "image:look"},
		{file(wit.AttachmentKindImage, "image/webp"), "document:look"}, // no picture that WhatsApp shows
		{file(wit.AttachmentKindVideo, "video/mp4"), "video:look"},
		{file(wit.AttachmentKindDocument, "application/pdf"), "document:look"},
		{file(wit.AttachmentKindVoice, "audio/ogg"), "audio: text:look"},
		{file(wit.AttachmentKindAudio, "audio/mpeg"), "audio: text:look"},
		{file(wit.AttachmentKindSticker, "image/webp"), "sticker: text:look"},
		{wit.Attachment{Kind: wit.AttachmentKindDocument, Fetch: &wit.HTTPRequest{URL: "https://e.org/x.pdf"}}, "document:look"},
		{wit.Attachment{Kind: wit.AttachmentKindLocation, Name: new("Home"), Caption: new("1.5,-2")}, "location: text:look"},
		{wit.Attachment{Kind: wit.AttachmentKindLocation, Name: new("Home"), Caption: new("5th Ave")}, "text:📍 Home: 5th Ave text:look"},
		{wit.Attachment{Kind: wit.AttachmentKindContact, Name: new("Bea"), Caption: new("+1415")}, "contacts: text:look"},
	} {
		var got []string
		for _, m := range r.mustSend(wit.ChannelSend{Text: "look", Attachments: []wit.Attachment{c.file}, IdempotencyKey: string(c.file.Kind) + c.want}) {
			got = append(got, m.Type+":"+m.Text)
			if (m.Type == "image" || m.Type == "audio") && string(m.File) != "media:m1" || m.Type == "audio" && m.Voice != (c.file.Kind == wit.AttachmentKindVoice) {
				t.Errorf("%s: %+v", c.want, m)
			}
		}
		if is := strings.Join(got, " "); is != c.want {
			t.Errorf("%s %s: sent %q, want %q", c.file.Kind, *cmpMime(c.file.Mime), is, c.want)
		}
	}
	// A caption that is too long for one follows.
	long := strings.Repeat("long ", 300)
	if got := r.mustSend(wit.ChannelSend{Text: long, Attachments: []wit.Attachment{file(wit.AttachmentKindImage, "image/png")}, IdempotencyKey: "long"}); len(got) != 2 || got[0].Text != "" || got[1].Type != "text" {
		t.Errorf("%+v", got)
	}
}

func cmpMime(mime *string) *string {
	if mime == nil {
		return new("")
	}
	return mime
}

// TestASecondAttemptSendsTheRest, and no part again.
func TestASecondAttemptSendsTheRest(t *testing.T) {
	r := newRig(t)
	picture := wit.Attachment{Kind: wit.AttachmentKindImage, Media: new("m1"), Mime: new("image/png")}
	send := wit.ChannelSend{Text: strings.Repeat("long ", 300), Attachments: []wit.Attachment{picture}, ReplyTo: new("wamid.I1")}
	r.server.Fail(whatsapptest.Fault{Call: "messages", Where: "text", Status: 500, Code: 131000})
	if _, err := r.send(send); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Fatalf("first attempt: %v", err)
	}
	sent, err := r.send(send)
	got := r.server.Sent()
	if err != nil || len(sent.IDs) != 2 || len(got) != 2 || got[0].Type != "image" || got[1].Type != "text" || got[0].ReplyTo == "" || got[1].ReplyTo != "" {
		t.Errorf("%+v %v: %+v", sent, err, got)
	}
}

func TestButtonsAndLists(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons)
	r := newRig(t)
	actions := func(n int) (rows []wit.ActionRow) {
		for i := range n {
			name := string(rune('a' + i))
			rows = append(rows, wit.ActionRow{Actions: []wit.Action{{Label: "Label " + name, Value: "value-" + name}}})
		}
		return rows
	}
	for _, n := range []int{1, 3, 4, 10} {
		got := r.mustSend(wit.ChannelSend{Text: "choose", Actions: actions(n)})
		if m := got[0]; m.Type != "interactive" || m.Text != "choose" || len(m.Choices) != n || m.Choices["Label a"] != "value-a" {
			t.Errorf("%d: %+v", n, m)
		}
	}
	text := strings.Repeat("paragraph ", 50) + "\n\n" + strings.Repeat("word ", 300)
	got := r.mustSend(wit.ChannelSend{Text: text, Actions: actions(2), IdempotencyKey: "long"})
	if len(got) != 2 || got[0].Type != "text" || got[1].Type != "interactive" || strings.Join(strings.Fields(got[0].Text+" "+got[1].Text), " ") != strings.Join(strings.Fields(text), " ") {
		t.Errorf("a long text: %+v", got)
	}
	r.server.Fail(whatsapptest.Fault{Call: "messages", Where: "interactive", Code: 131009})
	if m := r.mustSend(wit.ChannelSend{Text: "choose", Actions: actions(2)})[0]; m.Type != "text" || m.Text != "choose\n- Label a\n- Label b" {
		t.Errorf("refused: %+v", m)
	}
}

func TestReactAndType(t *testing.T) {
	channeltest.Proves(t, channeltest.ReactionsOut, channeltest.TypingOut)
	r := newRig(t)
	for _, emoji := range []string{"👍", ""} {
		if _, err := r.plugin.(channel.Reactor).React(r.sdk(), &wit.ChannelReaction{Config: r.config, State: r.state, To: toAda, ID: "wamid.I1", Emoji: emoji}); err != nil {
			t.Error(err)
		}
		got := r.server.Sent()
		if m := got[len(got)-1]; m.Type != "reaction" || m.Text != emoji || m.ReplyTo != "wamid.I1" {
			t.Errorf("%+v", m)
		}
	}
	typing := func(to wit.Conversation) error {
		_, err := r.plugin.(channel.Typer).Typing(r.sdk(), &wit.ChannelTyping{Config: r.config, State: r.state, To: to})
		return err
	}
	if err := typing(toAda); err != nil {
		t.Error(err)
	}
	calls := r.server.Calls()
	if body := string(calls[len(calls)-1].Body); !strings.Contains(body, `"typing_indicator":{"type":"text"}`) || !strings.Contains(body, `"message_id":"wamid.I1"`) || !strings.Contains(body, `"status":"read"`) {
		t.Errorf("%s", body)
	}
	if err := typing(wit.Conversation{ID: "4477"}); err != nil || len(r.server.Calls()) != len(calls) {
		t.Errorf("to somebody who has never written: %v", err)
	}
}
