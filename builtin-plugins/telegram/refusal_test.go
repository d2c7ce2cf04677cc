package telegram_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestRefusedSends lists how Telegram refuses what is sent, in its own words, and what becomes of the message: it goes
// another way, it is tried again, or it ends with an error that says why. What is not tried again was not sent, so that
// nobody reads it twice.
func TestRefusedSends(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	const (
		again = "" // the text as it was
		ends  = false
		tries = true
	)
	forbidden := func(why string) botapitest.Fault {
		return botapitest.Fault{Code: 403, Description: "Forbidden: " + why}
	}
	bad := func(why string) botapitest.Fault {
		return botapitest.Fault{Code: 400, Description: "Bad Request: " + why}
	}
	in := func(f botapitest.Fault, parameter string) botapitest.Fault {
		f.Where = map[string]string{parameter: "*"}
		return f
	}
	for _, c := range []struct {
		fault botapitest.Fault
		code  wit.Code // "" where it is sent
		tries bool
		sent  string
	}{
		// The person, or the group, does not let the bot write there.
		{forbidden("bot was blocked by the user"), wit.CodeForbidden, ends, ""},
		{forbidden("user is deactivated"), wit.CodeForbidden, ends, ""},
		{forbidden("bot can't initiate conversation with a user"), wit.CodeForbidden, ends, ""},
		{forbidden("bots can't send messages to bots"), wit.CodeForbidden, ends, ""},
		{forbidden("bot was kicked from the group chat"), wit.CodeForbidden, ends, ""},
		{forbidden("bot was kicked from the supergroup chat"), wit.CodeForbidden, ends, ""},
		{forbidden("bot is not a member of the channel chat"), wit.CodeForbidden, ends, ""},
		{forbidden("the group chat was deleted"), wit.CodeForbidden, ends, ""},
		{bad("have no rights to send a message"), wit.CodeForbidden, ends, ""},
		{bad("not enough rights to send text messages to the chat"), wit.CodeForbidden, ends, ""},
		{bad("need administrator rights in the channel chat"), wit.CodeForbidden, ends, ""},
		{bad("CHAT_WRITE_FORBIDDEN"), wit.CodeForbidden, ends, ""},
		{bad("CHAT_SEND_PLAIN_FORBIDDEN"), wit.CodeForbidden, ends, ""},
		{bad("CHAT_ADMIN_REQUIRED"), wit.CodeForbidden, ends, ""},
		{bad("CHAT_RESTRICTED"), wit.CodeForbidden, ends, ""},
		{bad("CHANNEL_PRIVATE"), wit.CodeForbidden, ends, ""},
		{bad("USER_BANNED_IN_CHANNEL"), wit.CodeForbidden, ends, ""},
		{bad("PEER_ID_INVALID"), wit.CodeForbidden, ends, ""},
		{bad("TOPIC_CLOSED"), wit.CodeForbidden, ends, ""},
		{botapitest.Fault{Code: 500, Description: "Internal Server Error: sent message was immediately deleted and can't be returned"}, wit.CodeForbidden, ends, ""},

		// There is no such chat, or nothing that could be sent.
		{bad("chat not found"), wit.CodeNotFound, ends, ""},
		{bad("private chat not found"), wit.CodeNotFound, ends, ""},
		{bad("chat_id is empty"), wit.CodeInvalid, ends, ""},
		{bad("message text is empty"), wit.CodeInvalid, ends, ""},
		{bad("message is too long"), wit.CodeTooLarge, ends, ""},
		{bad("BUTTON_DATA_INVALID"), wit.CodeInvalid, ends, ""},
		{bad("what nobody has heard of yet"), wit.CodeInvalid, ends, ""},

		// It may be taken later.
		{botapitest.Fault{Code: 429, RetryAfter: 3, Description: "Too Many Requests: retry after 3"}, wit.CodeRateLimited, tries, ""},
		{botapitest.Fault{Code: 500, Description: "Internal Server Error: restart"}, wit.CodeUnavailable, tries, ""},
		{botapitest.Fault{Code: 502}, wit.CodeUnavailable, tries, ""},
		{botapitest.Fault{Cut: true}, wit.CodeUnavailable, tries, ""},
		{botapitest.Fault{Body: "<html>"}, wit.CodeUnavailable, tries, ""},
		{botapitest.Fault{Code: 401, Description: "Unauthorized"}, wit.CodeUnauthorized, tries, ""},
		{botapitest.Fault{Code: 404, Description: "Not Found"}, wit.CodeUnauthorized, tries, ""},

		// It is taken another way.
		{in(bad("can't parse entities: Unsupported start tag"), "parse_mode"), again, ends, "b"},
		{in(bad("ENTITIES_TOO_LONG"), "parse_mode"), again, ends, "b"},
		{in(bad("message is too long"), "parse_mode"), again, ends, "b"},
		{in(bad("message to be replied not found"), "reply_parameters"), again, ends, "b"},
		{in(bad("reply message not found"), "reply_parameters"), again, ends, "b"},
		{in(bad("REPLY_MESSAGE_ID_INVALID"), "reply_parameters"), again, ends, "b"},
		{in(bad("message thread not found"), "message_thread_id"), again, ends, "b"},
		{in(bad("TOPIC_DELETED"), "message_thread_id"), again, ends, "b"},
		{in(bad("TOPIC_CLOSED"), "message_thread_id"), again, ends, "[for a closed topic]\n\nb"},
		{in(bad("TOPIC_CLOSED"), "reply_parameters"), again, ends, "[for a closed topic]\n\nb"}, // the message's own topic
	} {
		name := c.fault.Description + c.fault.Body
		s, g := sender(t, botapitest.Config{}, config)
		c.fault.Times = -1
		s.Fail(c.fault)
		to := wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-1007", Thread: new("5")}
		sent, err := g.send(wit.ChannelSend{To: to, Text: "**b**", ReplyTo: new("-1007:1")})
		texts := []string{}
		for _, m := range s.Sent() {
			texts = append(texts, m.Message.Text)
		}
		if c.code == "" {
			if err != nil || fmt.Sprint(texts) != fmt.Sprint([]string{c.sent}) || len(sent.IDs) != 1 {
				t.Errorf("%s: sent %q, %v, %v; want %q", name, texts, sent, err, c.sent)
			}
			continue
		}
		if e := wit.AsError(err); e == nil || e.Code != c.code || e.Retryable != c.tries || len(texts) != 0 {
			t.Errorf("%s: %+v, sent %q; want %s, tried again %t", name, e, texts, c.code, c.tries)
		}
	}
}

// TestATopicThatIsLost: what was meant for a topic that was closed or deleted goes to General, with each thing that a message
// can have, and a word about it where people can still see the topic; where General is closed too, the error says what the owner can do.
func TestATopicThatIsLost(t *testing.T) {
	inTopic := wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-1007", Thread: new("5")}
	photo := wit.Attachment{Kind: wit.AttachmentKindImage, Media: new("m"), Name: new("f.png")}
	for name, c := range map[string]struct {
		lose func(*botapitest.Server)
		send wit.ChannelSend
		want string
	}{
		"closed":  {func(s *botapitest.Server) { s.CloseTopic(-1007, 5) }, wit.ChannelSend{To: inTopic, Text: "x"}, "[for a closed topic]\n\nx"},
		"deleted": {func(s *botapitest.Server) { s.DeleteTopic(-1007, 5) }, wit.ChannelSend{To: inTopic, Text: "x"}, "x"},
		"closed, an answer": {func(s *botapitest.Server) { s.CloseTopic(-1007, 5) },
			wit.ChannelSend{To: inTopic, Text: "x", ReplyTo: new("-1007:1")}, "[for a closed topic]\n\nx"},
		"closed, an answer to a message in it": {func(s *botapitest.Server) { s.CloseTopic(-1007, 5) },
			wit.ChannelSend{To: wit.Conversation{Kind: inTopic.Kind, ID: inTopic.ID}, Text: "x", ReplyTo: new("-1007:1")}, "[for a closed topic]\n\nx"},
		"closed, a picture": {func(s *botapitest.Server) { s.CloseTopic(-1007, 5) },
			wit.ChannelSend{To: inTopic, Attachments: []wit.Attachment{photo}}, "[for a closed topic]"},
		"closed, a picture that goes another way": {func(s *botapitest.Server) {
			s.CloseTopic(-1007, 5)
			s.Fail(refuse("sendPhoto", "PHOTO_INVALID_DIMENSIONS"))
		}, wit.ChannelSend{To: inTopic, Text: "x", Attachments: []wit.Attachment{photo}}, "[for a closed topic]\n\nx"},
		"closed, a picture and a long text": {func(s *botapitest.Server) { s.CloseTopic(-1007, 5) },
			wit.ChannelSend{To: inTopic, Text: strings.Repeat("x", 1500), Attachments: []wit.Attachment{photo}}, "[for a closed topic]|" + strings.Repeat("x", 1500)},
		"closed, as long as can be": {func(s *botapitest.Server) { s.CloseTopic(-1007, 5) },
			wit.ChannelSend{To: inTopic, Text: strings.Repeat("x", 1000), Attachments: []wit.Attachment{photo}}, "[for a closed topic]\n\n" + strings.Repeat("x", 1000)},
		"closed, the longest text": {func(s *botapitest.Server) { s.CloseTopic(-1007, 5) },
			wit.ChannelSend{To: inTopic, Text: strings.Repeat("x", 4000)}, "[for a closed topic]\n\n" + strings.Repeat("x", 4000)},
		"General closed": {func(s *botapitest.Server) { s.CloseTopic(-1007, 0) }, wit.ChannelSend{To: inTopic, Text: "x"}, "x"},
	} {
		s, g := sender(t, botapitest.Config{}, config)
		g.Host.Files["m"] = []byte("bytes")
		s.Say(botapitest.Message{From: &ada, Chat: group, MessageThreadID: 5, IsTopicMessage: true, Text: "in the topic"})
		c.lose(s)
		if _, err := g.send(c.send); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, m := range s.Sent() {
			got = append(got, m.Message.Text+m.Message.Caption)
			if general := m.Message.MessageThreadID == 0; general != (name != "General closed") {
				t.Errorf("%s: it is in topic %d", name, m.Message.MessageThreadID)
			}
		}
		if is := strings.Join(got, "|"); is != c.want {
			t.Errorf("%s: sent %.200q, want %.200q", name, is, c.want)
		}
		if _, err := g.Plugin.(channel.Typer).Typing(g.Host.SDK(), &wit.ChannelTyping{Config: g.Config, To: inTopic}); err != nil {
			t.Errorf("%s: typing: %v", name, err)
		}
		s.CloseTopic(-1007, 0)
		s.CloseTopic(-1007, 5)
		if _, err := g.send(wit.ChannelSend{To: inTopic, Text: "x"}); wit.CodeOf(err) != wit.CodeForbidden || !strings.Contains(err.Error(), "open the topic") {
			t.Errorf("%s: with General closed: %v", name, err)
		}
	}
}

// TestNothingIsDoneToAnotherChatsMessage: a group that became a supergroup counts its messages anew, so that what is
// said of one of them must not follow.
func TestNothingIsDoneToAnotherChatsMessage(t *testing.T) {
	s, g := sender(t, botapitest.Config{}, config)
	s.AddChat(botapitest.Chat{ID: -5, Type: "group", Title: "old"})
	id := g.mustSend(wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-5"}, Text: "ours"}).IDs[0]
	_, supergroup := s.Upgrade(-5, -1005)
	for range 5 {
		s.Say(botapitest.Message{From: &ada, Chat: supergroup, Text: "hers"})
	}
	to := wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-5"}
	if _, err := g.Plugin.(channel.Deleter).Delete(g.Host.SDK(), &wit.ChannelDelete{Config: g.Config, To: to, ID: id}); err == nil {
		t.Error("deleted")
	}
	if _, err := g.Plugin.(channel.Reactor).React(g.Host.SDK(), &wit.ChannelReaction{Config: g.Config, To: to, ID: id, Emoji: "👍"}); err == nil {
		t.Error("reacted")
	}
	if n := len(s.Messages(-1005)); n != 5 {
		t.Errorf("the supergroup has %d messages, not 5", n)
	}
	if moved, err := g.Plugin.(channel.Typer).Typing(g.Host.SDK(), &wit.ChannelTyping{Config: g.Config, To: to}); err != nil || moved.Moved == nil {
		t.Errorf("typing: %v, %v", moved, err)
	}
}
