package telegram_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/wit"
)

// refuse has the server refuse a method for ever.
func refuse(method, why string) botapitest.Fault {
	return botapitest.Fault{Method: method, Code: 400, Description: "Bad Request: " + why, Times: -1}
}

func TestAFileGoesAnotherWay(t *testing.T) {
	const rights = "not enough rights to send voice notes to the chat"
	for name, test := range map[string]struct {
		kind   wit.AttachmentKind
		text   string
		faults []botapitest.Fault
		want   string // methods and their texts
	}{
		"picture too large":    {wit.AttachmentKindImage, "**the plan**", []botapitest.Fault{refuse("sendPhoto", "PHOTO_INVALID_DIMENSIONS")}, "sendDocument the plan"},
		"picture unreadable":   {wit.AttachmentKindImage, "", []botapitest.Fault{refuse("sendPhoto", "IMAGE_PROCESS_FAILED")}, "sendDocument "},
		"picture too heavy":    {wit.AttachmentKindImage, "a", []botapitest.Fault{{Method: "sendPhoto", Code: 413, Description: "Request Entity Too Large"}}, "sendDocument a"},
		"voice, by the person": {wit.AttachmentKindVoice, "hello", []botapitest.Fault{refuse("sendVoice", "VOICE_MESSAGES_FORBIDDEN")}, "sendAudio hello"},
		"voice, no sounds": {wit.AttachmentKindVoice, "hello", []botapitest.Fault{refuse("sendVoice", rights), refuse("sendAudio", "not enough rights to send music to the chat")},
			"sendDocument hello"},
		"no files at all": {wit.AttachmentKindVideo, "hello", []botapitest.Fault{refuse("sendVideo", "CHAT_SEND_MEDIA_FORBIDDEN"), refuse("sendDocument", "CHAT_SEND_MEDIA_FORBIDDEN")},
			"sendMessage hello\n\n[f.bin could not be sent]"},
		"a long text is nobody's caption": {wit.AttachmentKindImage, strings.Repeat("plan ", 250) + "end", []botapitest.Fault{refuse("sendPhoto", "PHOTO_INVALID_DIMENSIONS")},
			"sendDocument |sendMessage " + strings.Repeat("plan ", 250) + "end"},
	} {
		s, g := sender(t, botapitest.Config{}, config)
		g.Host.Files["m"] = []byte("bytes")
		s.Fail(test.faults...)
		g.mustSend(wit.ChannelSend{To: toAda, Text: test.text, Attachments: []wit.Attachment{{Kind: test.kind, Media: new("m"), Name: new("f.bin")}}})
		var got []string
		for _, sent := range s.Sent() {
			got = append(got, sent.Method+" "+sent.Message.Text+sent.Message.Caption)
		}
		if is := strings.Join(got, "|"); is != test.want {
			t.Errorf("%s:\n got  %q\n want %q", name, is, test.want)
		}
	}
}

// TestAFileThatNobodyTakesFails: where nothing was written to it there is nothing to be sent instead.
func TestAFileThatNobodyTakesFails(t *testing.T) {
	s, g := sender(t, botapitest.Config{}, config)
	g.Host.Files["m"] = []byte("bytes")
	s.Fail(refuse("sendDocument", "CHAT_SEND_MEDIA_FORBIDDEN"))
	_, err := g.send(wit.ChannelSend{To: toAda, Attachments: []wit.Attachment{{Kind: wit.AttachmentKindDocument, Media: new("m"), Name: new("f")}}})
	if wit.CodeOf(err) != wit.CodeForbidden || len(s.Sent()) != 0 {
		t.Errorf("%v, %d sent", err, len(s.Sent()))
	}
}

// TestAPassingFailureIsNoReasonForAnotherWay: the same file is sent again in the same form.
func TestAPassingFailureIsNoReasonForAnotherWay(t *testing.T) {
	for _, fault := range []botapitest.Fault{{Method: "sendPhoto", Code: 502}, {Method: "sendPhoto", Code: 429, RetryAfter: 5}, {Method: "sendPhoto", Cut: true}} {
		s, g := sender(t, botapitest.Config{}, config)
		g.Host.Files["m"] = []byte("bytes")
		s.Fail(fault)
		_, err := g.send(wit.ChannelSend{To: toAda, Text: "x", Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage, Media: new("m"), Name: new("f")}}})
		if e := wit.AsError(err); e == nil || !e.Retryable || len(s.Sent()) != 0 {
			t.Errorf("%+v: %v, %d sent", fault, err, len(s.Sent()))
		}
	}
}

func TestALongCaptionOfItsOwnFollows(t *testing.T) {
	s, g := sender(t, botapitest.Config{}, config)
	g.Host.Files["m"] = []byte("bytes")
	file := wit.Attachment{Kind: wit.AttachmentKindDocument, Media: new("m"), Name: new("f"), Caption: new(strings.Repeat("x", 1500))}
	g.mustSend(wit.ChannelSend{To: toAda, Text: "text", Attachments: []wit.Attachment{file}})
	if list := s.Sent(); len(list) != 3 || list[0].Message.Caption != "" || len(list[1].Message.Text) != 1500 || list[2].Message.Text != "text" {
		t.Errorf("sent %+v", list)
	}
}

func TestTextsOfWhichNothingIsLeft(t *testing.T) {
	for in, want := range map[string]string{
		"||||": "||||", "~~~~": "~~~~", ">": ">", "[]()": "[]()", "```\n```": "```\n```", "```sh\n\n```": "```sh\n\n```", "> >\n>": "> >\n>",
		"![]( )": "![]( )", "a": "a",
		" \n\t": "", "\u200b": "", "\u2800": "", "": "",
	} {
		s, g := sender(t, botapitest.Config{}, config)
		sent := g.mustSend(wit.ChannelSend{To: toAda, Text: in})
		got := ""
		for _, m := range s.Sent() {
			got += m.Message.Text
		}
		if got != want || len(sent.IDs) != len(s.Sent()) {
			t.Errorf("%q is sent as %q, want %q", in, got, want)
		}
	}
}

// TestADeletedTopicIsFoundOnce: the parts after the one that finds it go to the chat at once.
func TestADeletedTopicIsFoundOnce(t *testing.T) {
	s, g := sender(t, botapitest.Config{}, config)
	g.Host.Files["m"] = []byte("bytes")
	inTopic := map[string]string{"message_thread_id": "*"}
	s.Fail(botapitest.Fault{Code: 400, Description: "Bad Request: message thread not found", Where: inTopic, Times: -1})
	g.mustSend(wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-1007", Thread: new("5")}, Text: strings.Repeat("long ", 300),
		Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage, Media: new("m"), Name: new("f.png")}}})
	if calls := s.Calls(); len(calls) != 3 || len(s.Sent()) != 2 {
		t.Errorf("%d calls, %d messages, want 3 and 2", len(calls), len(s.Sent()))
	}
}

// TestAMoveIsToldByASend, and nothing is sent before it is known: an answer to what is seen there must find it known.
func TestAMoveIsToldByASend(t *testing.T) {
	s, g := sender(t, botapitest.Config{}, config)
	g.Host.Files["m"] = []byte("bytes")
	s.AddChat(botapitest.Chat{ID: -5, Type: "group", Title: "old"})
	s.Migrate(-5, -1005)
	send := wit.ChannelSend{
		To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-5"}, Text: "x", ReplyTo: new("-5:1"),
		Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage, Media: new("m"), Name: new("f.png")}},
	}
	sent := g.mustSend(send)
	if sent.Moved == nil || sent.Moved.ID != "-1005" || sent.Moved.Kind != send.To.Kind || len(sent.IDs) != 0 || len(s.Sent()) != 0 {
		t.Errorf("%+v, %d sent", sent, len(s.Sent()))
	}
	send.To = *sent.Moved
	if sent := g.mustSend(send); sent.Moved != nil || len(sent.IDs) != 1 || sent.IDs[0] != "-1005:2" {
		t.Errorf("%+v", sent)
	}
	// The message that it answered is the old group's; in the new one another has its number.
	if list := s.Sent(); len(list) != 1 || list[0].Message.ReplyToMessage != nil {
		t.Errorf("sent %+v", list)
	}
}
