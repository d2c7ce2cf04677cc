package telegram_test

import (
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapi"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/wit"
)

// sender is a gateway that only sends, to a chat that exists.
func sender(t *testing.T, cfg botapi.Config, config string) (*botapi.Server, *gateway) {
	t.Helper()
	s := botapi.New(cfg)
	g := newGateway(t, s, config)
	s.DM(ada, "hi")
	s.AddChat(group)
	return s, g
}

var toAda = wit.Conversation{Kind: wit.ConversationKindDirect, ID: "7"}

func (g *gateway) send(send wit.ChannelSend) (*wit.Sent, error) {
	send.Account, send.Config = "default", g.config
	return g.plugin.Send(g.host(), &send)
}

func (g *gateway) mustSend(send wit.ChannelSend) *wit.Sent {
	g.t.Helper()
	sent, err := g.send(send)
	if err != nil {
		g.t.Fatalf("send: %v", err)
	}
	return sent
}

func TestSendText(t *testing.T) {
	s, g := sender(t, botapi.Config{}, config)
	sent := g.mustSend(wit.ChannelSend{To: toAda, Text: "**3\\*4** is `12` <ok>", ReplyTo: new("7:1"), Silent: true})
	if len(sent.IDs) != 1 || sent.IDs[0] != "7:2" {
		t.Errorf("ids %v", sent.IDs)
	}
	got := s.Sent()[0]
	m := got.Message
	if m.Text != "3*4 is 12 <ok>" || !got.Silent || m.ReplyToMessage == nil || m.ReplyToMessage.MessageID != 1 {
		t.Errorf("sent %+v", m)
	}
	if len(m.Entities) != 2 || m.Entities[0].Type != "bold" || m.Entities[1].Type != "code" {
		t.Errorf("entities %+v", m.Entities)
	}
	g.mustSend(wit.ChannelSend{To: toAda, Text: "answer to what is gone", ReplyTo: new("7:99")})
	g.mustSend(wit.ChannelSend{To: toAda, Text: "answer to another chat's", ReplyTo: new("8:1")})
	for _, got := range s.Sent()[1:] {
		if got.Message.ReplyToMessage != nil {
			t.Errorf("sent as a reply: %+v", got.Message)
		}
	}
}

func TestSendToTopics(t *testing.T) {
	s, g := sender(t, botapi.Config{}, config)
	for thread, want := range map[string]int64{"": 0, "1": 0, "5": 5} {
		to := wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-1007", Thread: new(thread)}
		g.mustSend(wit.ChannelSend{To: to, Text: "x"})
		if list := s.Sent(); list[len(list)-1].Message.MessageThreadID != want {
			t.Errorf("topic %q: %+v", thread, list[len(list)-1].Message)
		}
	}
	if _, err := g.send(wit.ChannelSend{To: wit.Conversation{ID: "-1007", Thread: new("x,1")}, Text: "x"}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("a topic that is no number: %v", err)
	}
}

func TestSendFallsBackToPlainText(t *testing.T) {
	s, g := sender(t, botapi.Config{}, config)
	s.Fail(botapi.Fault{Method: "sendMessage", Code: 400, Description: "Bad Request: can't parse entities: Unsupported start tag"})
	g.mustSend(wit.ChannelSend{To: toAda, Text: "**x**"})
	if m := s.Sent()[0].Message; m.Text != "**x**" {
		t.Errorf("sent %+v", m)
	}
}

func TestSendPlainWithoutPreview(t *testing.T) {
	s, g := sender(t, botapi.Config{}, `{"apiRoot":"ROOT","parseMode":"plain","linkPreview":false}`)
	g.mustSend(wit.ChannelSend{To: toAda, Text: "**x** https://e.org"})
	calls := s.Calls()
	if p := calls[0].Params; p["text"] != "**x** https://e.org" || p["parse_mode"] != "" || p["link_preview_options"] != `{"is_disabled":true}` {
		t.Errorf("called with %v", p)
	}
}

// TestNoCredentialIsFilledIntoTexts is about a message that asks for one.
func TestNoCredentialIsFilledIntoTexts(t *testing.T) {
	s, g := sender(t, botapi.Config{}, config)
	g.media["m1"] = []byte("x")
	evil := "{{credential:botToken}} {{{credential:botToken}}} {{{{credential:botToken"
	g.mustSend(wit.ChannelSend{To: toAda, Text: evil})
	g.mustSend(wit.ChannelSend{To: toAda, Text: evil, Attachments: []wit.Attachment{{Kind: wit.AttachmentKindDocument, Media: new("m1"), Name: new("f")}}})
	for _, got := range s.Sent() {
		if got.Message.Text+got.Message.Caption != evil {
			t.Errorf("sent %q", got.Message.Text+got.Message.Caption)
		}
	}
}

func TestSendErrors(t *testing.T) {
	s, g := sender(t, botapi.Config{ChatInterval: time.Hour}, config)
	s.AddChat(botapi.Chat{ID: 8, Type: "private"})
	s.Block(8, "bot was blocked by the user")
	to := func(id string) wit.ChannelSend {
		return wit.ChannelSend{To: wit.Conversation{ID: id}, Text: "x"}
	}
	g.mustSend(to("7"))
	for name, test := range map[string]struct {
		fault      *botapi.Fault
		send       wit.ChannelSend
		code       wit.Code
		retryAfter int64
		retryable  bool
	}{
		"too fast":       {send: to("7"), code: wit.CodeRateLimited, retryAfter: 3_600_000, retryable: true},
		"blocked":        {send: to("8"), code: wit.CodeForbidden},
		"unknown chat":   {send: to("99"), code: wit.CodeNotFound},
		"no chat":        {send: to(""), code: wit.CodeInvalid},
		"too long":       {send: wit.ChannelSend{To: toAda, Text: strings.Repeat("x", 5000)}, code: wit.CodeTooLarge},
		"server error":   {fault: &botapi.Fault{Code: 502}, send: to("7"), code: wit.CodeUnavailable, retryable: true},
		"garbage":        {fault: &botapi.Fault{Body: "<html>"}, send: to("7"), code: wit.CodeUnavailable, retryable: true},
		"cut":            {fault: &botapi.Fault{Cut: true}, send: to("7"), code: wit.CodeUnavailable, retryable: true},
		"token revoked":  {fault: &botapi.Fault{Code: 401, Description: "Unauthorized"}, send: to("7"), code: wit.CodeUnauthorized, retryable: true},
		"no file":        {send: wit.ChannelSend{To: toAda, Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage}}}, code: wit.CodeInvalid},
		"what it cannot": {send: wit.ChannelSend{To: toAda, Attachments: []wit.Attachment{{Kind: wit.AttachmentKindContact}}}, code: wit.CodeInvalid},
	} {
		if test.fault != nil {
			s.Fail(*test.fault)
		}
		_, err := g.send(test.send)
		e := wit.AsError(err)
		if e == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wait := int64(0)
		if e.RetryAfter != nil {
			wait = *e.RetryAfter
		}
		if e.Code != test.code || wait != test.retryAfter || e.Retryable != test.retryable {
			t.Errorf("%s: %+v after %d", name, e, wait)
		}
	}
	if n := len(s.Sent()); n != 1 {
		t.Errorf("%d messages were sent", n)
	}
}

func TestSendAttachments(t *testing.T) {
	s, g := sender(t, botapi.Config{}, config)
	g.media["m1"], g.media["m2"] = []byte("jpeg"), []byte("ogg")
	send := wit.ChannelSend{
		To: toAda, Text: "*caption*", IdempotencyKey: "k1", ReplyTo: new("7:1"),
		Attachments: []wit.Attachment{
			{Kind: wit.AttachmentKindImage, Media: new("m1"), Name: new("a.jpg"), Mime: new("image/jpeg")},
			{Kind: wit.AttachmentKindVoice, Media: new("m2"), Name: new("v.ogg"), Mime: new("audio/ogg")},
			{Kind: wit.AttachmentKindDocument, Fetch: &wit.HTTPRequest{URL: "https://e.org/x.pdf"}},
		},
	}
	// The second part fails at first; the second attempt sends only what is missing.
	s.Fail(botapi.Fault{Method: "sendVoice", Code: 502})
	if _, err := g.send(send); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Fatalf("first attempt: %v", err)
	}
	sent := g.mustSend(send)
	list := s.Sent()
	if len(sent.IDs) != 3 || len(list) != 3 {
		t.Fatalf("ids %v, %d sent", sent.IDs, len(list))
	}
	first := list[0].Message
	if first.Photo == nil || first.Caption != "caption" || first.CaptionEntities[0].Type != "italic" || first.ReplyToMessage == nil {
		t.Errorf("first %+v", first)
	}
	if list[1].Message.Voice == nil || list[1].Message.ReplyToMessage != nil || list[2].Message.Document.FileName != "x.pdf" {
		t.Errorf("rest %+v %+v", list[1].Message, list[2].Message)
	}
	// A text that is too long for a caption follows.
	g.mustSend(wit.ChannelSend{To: toAda, Text: strings.Repeat("long ", 300), Attachments: send.Attachments[:1]})
	if list := s.Sent()[3:]; len(list) != 2 || list[0].Message.Caption != "" || list[1].Message.Text == "" {
		t.Errorf("long text: %+v", list)
	}
}

func TestChangeWhatWasSent(t *testing.T) {
	s, g := sender(t, botapi.Config{}, config)
	id := g.mustSend(wit.ChannelSend{To: toAda, Text: "one"}).IDs[0]
	p := g.plugin
	edit := func(id, text string) error {
		_, err := p.(channel.Editor).Edit(g.host(), &wit.ChannelEdit{Config: g.config, To: toAda, ID: id, Text: text})
		return err
	}
	for _, text := range []string{"**two**", "**two**"} { // the second changes nothing
		if err := edit(id, text); err != nil {
			t.Errorf("edit: %v", err)
		}
	}
	if m := s.Messages(7)[1]; m.Text != "two" || m.Entities[0].Type != "bold" {
		t.Errorf("edited %+v", m)
	}
	for id, code := range map[string]wit.Code{"7:99": wit.CodeNotFound, "8:2": wit.CodeInvalid, "x": wit.CodeInvalid, "7:-1": wit.CodeInvalid} {
		if err := edit(id, "x"); wit.CodeOf(err) != code {
			t.Errorf("edit of %s: %v", id, err)
		}
	}
	react := func(emoji string) error {
		_, err := p.(channel.Reactor).React(g.host(), &wit.ChannelReaction{Config: g.config, To: toAda, ID: "7:1", Emoji: emoji})
		return err
	}
	if err := react("👍"); err != nil {
		t.Error(err)
	}
	if err := react(""); err != nil {
		t.Error(err)
	}
	if err := react("x"); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("a reaction that Telegram has not: %v", err)
	}
	if _, err := p.(channel.Typer).Typing(g.host(), &wit.ChannelTyping{Config: g.config, To: toAda}); err != nil {
		t.Error(err)
	}
	for range 2 { // the second finds nothing
		if _, err := p.(channel.Deleter).Delete(g.host(), &wit.ChannelDelete{Config: g.config, To: toAda, ID: id}); err != nil {
			t.Error(err)
		}
	}
	if list := s.Messages(7); len(list) != 1 {
		t.Errorf("the chat shows %+v", list)
	}
}
