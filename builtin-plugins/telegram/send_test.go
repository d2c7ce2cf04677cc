package telegram_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel/service/delivery/text"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// sender is a gateway that only sends, to a chat that exists.
func sender(t *testing.T, cfg botapitest.Config, config string) (*botapitest.Server, *gateway) {
	t.Helper()
	s := botapitest.New(cfg)
	g := newGateway(t, s, config)
	s.DM(ada, "hi")
	s.AddChat(group)
	return s, g
}

var toAda = wit.Conversation{Kind: wit.ConversationKindDirect, ID: "7"}

func (g *gateway) send(send wit.ChannelSend) (*wit.Sent, error) {
	send.Account, send.Config = "default", g.Config
	send.Text, send.Formatted = shown(g.t, send.Text)
	return g.Plugin.Send(g.Host.SDK(), &send)
}

// shown is a text in Markdown as the gateway hands it to the plugin.
func shown(t *testing.T, markdown string) (plain string, formatted *string) {
	t.Helper()
	data, err := os.ReadFile("plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	var m wit.Manifest
	if err := wit.UnmarshalStrict(data, &m); err != nil {
		t.Fatal(err)
	}
	return text.Shown(markdown, m.Provides.Channel)
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
	channeltest.Proves(t, channeltest.TextOut, channeltest.RepliesOut)
	s, g := sender(t, botapitest.Config{}, config)
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
	channeltest.Proves(t, channeltest.Threads)
	s, g := sender(t, botapitest.Config{}, config)
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
	s, g := sender(t, botapitest.Config{}, config)
	s.Fail(botapitest.Fault{Method: "sendMessage", Code: 400, Description: "Bad Request: can't parse entities: Unsupported start tag"})
	g.mustSend(wit.ChannelSend{To: toAda, Text: "**x**"})
	if m := s.Sent()[0].Message; m.Text != "x" {
		t.Errorf("sent %+v", m)
	}
}

func TestSendPlainWithoutPreview(t *testing.T) {
	s, g := sender(t, botapitest.Config{}, `{"apiRoot":"ROOT","parseMode":"plain","linkPreview":false}`)
	g.mustSend(wit.ChannelSend{To: toAda, Text: "**x** https://e.org"})
	calls := s.Calls()
	if p := calls[0].Params; p["text"] != "x https://e.org" || p["parse_mode"] != "" || p["link_preview_options"] != `{"is_disabled":true}` {
		t.Errorf("called with %v", p)
	}
}

// TestNoCredentialIsFilledIntoTexts is about a message that asks for one.
func TestNoCredentialIsFilledIntoTexts(t *testing.T) {
	s, g := sender(t, botapitest.Config{}, config)
	g.Host.Files["m1"] = []byte("x")
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
	s, g := sender(t, botapitest.Config{ChatInterval: time.Hour}, config)
	s.AddChat(botapitest.Chat{ID: 8, Type: "private"})
	s.Block(8, "bot was blocked by the user")
	to := func(id string) wit.ChannelSend {
		return wit.ChannelSend{To: wit.Conversation{ID: id}, Text: "x"}
	}
	g.mustSend(to("7"))
	for name, test := range map[string]struct {
		fault      *botapitest.Fault
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
		"server error":   {fault: &botapitest.Fault{Code: 502}, send: to("7"), code: wit.CodeUnavailable, retryable: true},
		"garbage":        {fault: &botapitest.Fault{Body: "<html>"}, send: to("7"), code: wit.CodeUnavailable, retryable: true},
		"cut":            {fault: &botapitest.Fault{Cut: true}, send: to("7"), code: wit.CodeUnavailable, retryable: true},
		"token revoked":  {fault: &botapitest.Fault{Code: 401, Description: "Unauthorized"}, send: to("7"), code: wit.CodeUnauthorized, retryable: true},
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
	channeltest.Proves(t, channeltest.MediaOut)
	s, g := sender(t, botapitest.Config{}, config)
	g.Host.Files["m1"], g.Host.Files["m2"] = []byte("jpeg"), []byte("ogg")
	send := wit.ChannelSend{
		To: toAda, Text: "*caption*", IdempotencyKey: "k1", ReplyTo: new("7:1"),
		Attachments: []wit.Attachment{
			{Kind: wit.AttachmentKindImage, Media: new("m1"), Name: new("a.jpg"), Mime: new("image/jpeg")},
			{Kind: wit.AttachmentKindVoice, Media: new("m2"), Name: new("v.ogg"), Mime: new("audio/ogg")},
			{Kind: wit.AttachmentKindDocument, Fetch: &wit.HTTPRequest{URL: "https://e.org/x.pdf"}},
		},
	}
	// The second part fails at first; the second attempt sends only what is missing.
	s.Fail(botapitest.Fault{Method: "sendVoice", Code: 502})
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
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut, channeltest.ReactionsOut, channeltest.TypingOut)
	s, g := sender(t, botapitest.Config{}, config)
	id := g.mustSend(wit.ChannelSend{To: toAda, Text: "one"}).IDs[0]
	p := g.Plugin
	edit := func(id, text string) error {
		text, formatted := shown(t, text)
		_, err := p.(channel.Editor).Edit(g.Host.SDK(), &wit.ChannelEdit{Config: g.Config, To: toAda, ID: id, Text: text, Formatted: formatted})
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
		_, err := p.(channel.Reactor).React(g.Host.SDK(), &wit.ChannelReaction{Config: g.Config, To: toAda, ID: "7:1", Emoji: emoji})
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
	if _, err := p.(channel.Typer).Typing(g.Host.SDK(), &wit.ChannelTyping{Config: g.Config, To: toAda}); err != nil {
		t.Error(err)
	}
	shown := func(kind wit.ConversationKind, text, key string) error {
		_, err := p.(channel.Previewer).Preview(g.Host.SDK(), &wit.ChannelPreview{Config: g.Config, To: wit.Conversation{Kind: kind, ID: "7"}, Text: text, Formatted: new("<b>" + text + "</b>"), Key: key})
		return err
	}
	for _, key := range []string{"a", "a", "b"} {
		if err := shown(wit.ConversationKindDirect, "so far", key); err != nil {
			t.Error(err)
		}
	}
	if d := s.Drafts(); len(d) != 3 || d[0] != d[1] || d[0].ID == d[2].ID || d[0].Text != "so far" {
		t.Errorf("shown %+v", d)
	}
	if err := shown(wit.ConversationKindGroup, "so far", "c"); wit.CodeOf(err) != wit.CodeInvalid || len(s.Drafts()) != 3 {
		t.Errorf("in a group: %v", err)
	}
	s.Fail(botapitest.Fault{Method: "sendMessageDraft", Code: 404, Description: "Not Found"})
	if err := shown(wit.ConversationKindDirect, "so far", "c"); wit.CodeOf(err) != wit.CodeInvalid || wit.AsError(err).Retryable {
		t.Errorf("on a server without previews: %v", err)
	}
	for range 2 { // the second finds nothing
		if _, err := p.(channel.Deleter).Delete(g.Host.SDK(), &wit.ChannelDelete{Config: g.Config, To: toAda, ID: id}); err != nil {
			t.Error(err)
		}
	}
	if list := s.Messages(7); len(list) != 1 {
		t.Errorf("the chat shows %+v", list)
	}
}
