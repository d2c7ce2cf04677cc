package telegram_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// choice is two buttons beside each other and one below them.
var choice = []wit.ActionRow{
	{Actions: []wit.Action{{Label: "Yes", Value: "v1", Style: wit.ActionStylePrimary}, {Label: "No \"never\"", Value: "v2", Style: wit.ActionStyleDanger}}},
	{Actions: []wit.Action{{Label: "Later", Value: strings.Repeat("v", 64)}}},
}

// TestButtons: they stand at the last part of a message, and go when it is edited, with its text or without.
func TestButtons(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons)
	s, g := sender(t, botapitest.Config{}, config)
	sent := g.mustSend(wit.ChannelSend{To: toAda, Text: strings.Repeat("long ", 300), Actions: choice, IdempotencyKey: "k",
		Attachments: []wit.Attachment{{Kind: wit.AttachmentKindLocation, Caption: new("52.5,13.4")}}})
	list := s.Sent()
	last := list[len(list)-1].Message
	want := [][]botapitest.Button{
		{{Text: "Yes", CallbackData: "v1", Style: "primary"}, {Text: "No \"never\"", CallbackData: "v2", Style: "danger"}},
		{{Text: "Later", CallbackData: strings.Repeat("v", 64)}},
	}
	if got := last.Buttons(); len(sent.IDs) != 2 || !slices.EqualFunc(got, want, slices.Equal[[]botapitest.Button]) {
		t.Errorf("%d parts, buttons %+v", len(sent.IDs), got)
	}
	if first := list[0].Message; len(first.Buttons()) != 0 {
		t.Errorf("the first part has buttons: %s", first.ReplyMarkup)
	}
	edit := wit.ChannelEdit{Account: "default", Config: g.Config, To: toAda, ID: sent.IDs[1]}
	for range 2 { // what is so already is no error
		if _, err := g.Plugin.(channel.Editor).Edit(g.Host.SDK(), &edit); err != nil {
			t.Fatal(err)
		}
	}
	shown := func() botapitest.Message { list := s.Messages(7); return list[len(list)-1] }
	if m := shown(); len(m.Buttons()) != 0 || m.Text != last.Text {
		t.Errorf("after the buttons were taken away: %s, %q", m.ReplyMarkup, m.Text)
	}
	edit.Text, edit.Actions = "new", choice
	if _, err := g.Plugin.(channel.Editor).Edit(g.Host.SDK(), &edit); err != nil {
		t.Fatal(err)
	}
	if m := shown(); len(m.Buttons()) != 2 || m.Text != "new" {
		t.Errorf("after an edit: %s, %q", m.ReplyMarkup, m.Text)
	}
	long := choice[1]
	long.Actions = []wit.Action{{Label: "x", Value: strings.Repeat("v", 65)}}
	if _, err := g.send(wit.ChannelSend{To: toAda, Text: "x", Actions: []wit.ActionRow{long}}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("a value that is too long: %v", err)
	}
}

// TestPresses: those of messages that are too old for Telegram to show come too, each is acknowledged, and a refused
// acknowledgement stops nothing.
func TestPresses(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons)
	s := botapitest.New(botapitest.Config{})
	g := newGateway(t, s, config)
	s.DM(ada, "hi")
	g.Start()
	s.Fail(botapitest.Fault{Method: "answerCallbackQuery", Code: 400, Description: "Bad Request: query is too old and response timeout expired or query ID is invalid"})
	for _, m := range []*botapitest.Message{{MessageID: 5, Chat: botapitest.Chat{ID: 7, Type: "private"}}, nil, {MessageID: 6, Chat: group, MessageThreadID: 3, IsTopicMessage: true}} {
		s.Inject("callback_query", botapitest.CallbackQuery{ID: "q", From: ada, Message: m, Data: "v1"})
	}
	s.DM(ada, "bye")
	got := g.Messages(4)
	for i, want := range []string{"", "7:5", "-1007:6", ""} {
		if m := got[i]; deref(m.Target) != want || want != "" && (m.Kind != wit.MessageKindAction || m.Text != "v1" || m.Sender.ID != "7") {
			t.Errorf("message %d: %+v", i, m)
		}
	}
	if thread := deref(got[2].Conversation.Thread); thread != "3" {
		t.Errorf("pressed in topic %q", thread)
	}
	if err := s.Wait(t.Context(), func() bool { return s.Stats()["answercallbackquery"] == 3 }); err != nil {
		t.Error(err)
	}
}
