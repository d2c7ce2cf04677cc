package feishu_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/feishu/feishutest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestDirectMessages(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Direct, channeltest.RepliesIn)
	a := newAccount(t)
	first := a.server.Say(ada, "hello 🎉 <b>")
	m := a.Last(1)
	if m.ID != first || m.Text != "hello 🎉 <b>" || m.Conversation.Kind != wit.ConversationKindDirect || m.Conversation.ID != ada || m.Sender.ID != ada || !m.Mentioned || m.Time == 0 {
		t.Errorf("%+v", m)
	}
	a.Until("her name is known", func() bool { return strings.Contains(string(a.State()), `"name":"Ada"`) })
	a.server.Write(feishutest.Said{From: ada, Content: map[string]any{"text": strings.Repeat("long ", 20_000)}, More: map[string]any{"parent_id": first, "root_id": first}})
	m = a.Last(2)
	if m.Sender.Name == nil || *m.Sender.Name != "Ada" || len(m.Text) != 99_999 || m.ReplyTo == nil || m.ReplyTo.ID != first || m.Conversation.Thread != nil {
		t.Errorf("%+v", m.Sender)
	}
	a.server.Repeat(1)
	a.server.Say(ada, "twice")
	a.Until("it came again", func() bool { return a.Repeats() == 1 })
	a.Messages(3)
}

func TestGroups(t *testing.T) {
	channeltest.Proves(t, channeltest.Groups, channeltest.Mentions, channeltest.Threads)
	a := newAccount(t)
	group := a.server.Group("Friends")
	for i, c := range []struct {
		text, want string
		mentioned  bool
		more       map[string]any
	}{
		{"just talk", "just talk", false, nil},
		{"@_user_1 /new", "/new", true, nil},
		{"ask @_user_1 or @_user_10", "ask @Carapace or @Bea", true, map[string]any{"mentions": []any{
			map[string]any{"key": "@_user_1", "id": map[string]any{"open_id": feishutest.DefaultBot}, "name": "Carapace"},
			map[string]any{"key": "@_user_10", "id": map[string]any{"open_id": "ou_bea"}, "name": "Bea"},
		}}},
		{"@_user_1 hi", "@Bea hi", false, map[string]any{"mentions": []any{map[string]any{"key": "@_user_1", "id": map[string]any{"open_id": "ou_bea"}, "name": "Bea"}}}},
		{"@_all look", "@all look", true, nil},
	} {
		if c.more == nil && strings.Contains(c.text, "@_user") {
			a.server.Mention(ada, group, c.text)
		} else {
			a.server.Write(feishutest.Said{From: ada, Chat: group, Content: map[string]any{"text": c.text}, More: c.more})
		}
		if m := a.Last(i + 1); m.Text != c.want || m.Mentioned != c.mentioned || m.Conversation.ID != group || m.Conversation.Kind != wit.ConversationKindGroup {
			t.Errorf("%q: %+v", c.text, m)
		}
	}
	a.Until("the group's name is known", func() bool { return strings.Contains(string(a.State()), `"name":"Friends"`) })
	root := a.server.Write(feishutest.Said{From: ada, Chat: group, Content: map[string]any{"text": "a topic"}, More: map[string]any{"thread_id": "omt_1"}})
	a.server.Write(feishutest.Said{From: ada, Chat: group, Content: map[string]any{"text": "in it"}, More: map[string]any{"thread_id": "omt_1", "root_id": root, "parent_id": root}})
	got := a.Messages(7)
	if name := got[6].Conversation.Name; name == nil || *name != "Friends" {
		t.Errorf("%+v", got[6].Conversation)
	}
	for _, m := range got[5:] {
		if m.Conversation.Thread == nil || *m.Conversation.Thread != root || m.ReplyTo != nil {
			t.Errorf("%+v", m)
		}
	}
	a.server.Happen("im.chat.updated_v1", map[string]any{"chat_id": group, "after_change": map[string]any{"name": "Enemies"}})
	a.Until("the new name is known", func() bool { return strings.Contains(string(a.State()), `"name":"Enemies"`) })
	a.server.Happen("im.chat.member.bot.added_v1", map[string]any{"chat_id": "oc_new", "name": "New", "operator_id": map[string]any{"open_id": ada}})
	if m := a.Last(8); m.Kind != wit.MessageKindService || *m.Conversation.Name != "New" || m.Sender.ID != ada {
		t.Errorf("%+v", m)
	}
	a.server.Happen("im.chat.member.bot.deleted_v1", map[string]any{"chat_id": "oc_new"})
	a.Until("it is told that the bot left", func() bool { r := a.Receipts(); return len(r) == 1 && r[0].Kind == wit.ReceiptKindLeft })
}

func TestChanges(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsIn, channeltest.DeletionsIn, channeltest.ReactionsIn, channeltest.Unreactions)
	a := newAccount(t)
	id := a.server.Say(ada, "helo")
	a.server.Rewrite(id, "hello")
	if m := a.Last(2); m.Kind != wit.MessageKindEdited || m.Text != "hello" || *m.Target != id || m.ID == id {
		t.Errorf("%+v", m)
	}
	a.server.Fail(feishutest.Fault{Call: "get", Status: 500, Code: 190002})
	a.server.React(ada, id, "THUMBSUP", true)
	if m := a.Last(3); m.Kind != wit.MessageKindReaction || m.Text != "👍" || *m.Target != id || m.Conversation.ID != ada || m.Sender.ID != ada {
		t.Errorf("%+v", m)
	}
	a.server.React(ada, id, "THUMBSUP", false)
	if m := a.Last(4); m.Kind != wit.MessageKindReaction || m.Text != "" || *m.Target != id {
		t.Errorf("%+v", m)
	}
	a.server.React(ada, "om_gone", "HEART", true)
	a.server.Recall(id)
	if m := a.Last(5); m.Kind != wit.MessageKindDeleted || *m.Target != id || m.Conversation.ID != ada || m.Sender.ID != ada {
		t.Errorf("%+v", m)
	}
	a.Until("nothing is left to find out", func() bool { return !strings.Contains(string(a.State()), "waiting") })
	a.server.Happen("im.message.message_read_v1", map[string]any{"reader": map[string]any{"reader_id": map[string]any{"open_id": ada}}, "message_id_list": []any{"om_1", "om_2"}})
	a.Until("it was read", func() bool {
		r := a.Receipts()
		return len(r) == 2 && r[1].Kind == wit.ReceiptKindRead && *r[1].ID == "om_2"
	})
}

// TestMenu: what somebody picks in the bot's menu is said in his chat: as a command where the gateway has it.
func TestMenu(t *testing.T) {
	channeltest.Proves(t, channeltest.Commands)
	a := newAccount(t)
	for i, c := range []struct{ key, want string }{{"new", "/new"}, {"/model fast", "/model fast"}, {"What is up today?", "What is up today?"}, {" status ", "/status"}} {
		a.server.Happen("application.bot.menu_v6", map[string]any{
			"event_key": c.key, "timestamp": 1764000000, "operator": map[string]any{"operator_name": "Ada", "operator_id": map[string]any{"open_id": ada}},
		})
		if m := a.Last(i + 1); m.Text != c.want || m.Kind != wit.MessageKindText || m.Conversation.Kind != wit.ConversationKindDirect || m.Conversation.ID != ada ||
			m.Sender.ID != ada || !m.Mentioned || m.ID == "" || m.Time < 1_700_000_000_000 {
			t.Errorf("%q: %+v", c.key, m)
		}
	}
	a.server.Happen("application.bot.menu_v6", map[string]any{"event_key": "new"})
	a.server.Happen("application.bot.menu_v6", map[string]any{"event_key": "", "operator": map[string]any{"operator_id": map[string]any{"open_id": ada}}})
	a.server.Say(ada, "last")
	if m := a.Last(5); m.Text != "last" {
		t.Errorf("%+v", m)
	}
}

// TestAReactionOutlivesACrash: what was still to be found out is asked again.
func TestAReactionOutlivesACrash(t *testing.T) {
	a := newAccount(t)
	id := a.server.Say(ada, "x")
	a.Messages(1)
	a.Until("her name is known", func() bool { return strings.Contains(string(a.State()), `"name":"Ada"`) }) // and nothing is under way
	a.Keeps = func(wit.JSON) bool { return true }                                                            // as soon as the kernel writes it
	a.Holds = func(timer string) bool { return timer == "place" }
	a.server.Fail(feishutest.Fault{Call: "get", Status: 500, Code: 190002})
	a.server.React(ada, id, "DONE", true)
	a.Until("it waits", func() bool { return strings.Contains(string(a.State()), `"waiting"`) })
	a.Crash()
	a.server.Mend() // the call may not have been made yet
	a.Start()
	if m := a.Last(2); m.Text != "✅" || *m.Target != id {
		t.Errorf("%+v", m)
	}
}

func TestContents(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn)
	a := newAccount(t)
	for i, c := range []struct {
		kind    string
		content map[string]any
		file    string
		text    string
		want    wit.AttachmentKind
	}{
		{"image", nil, "a picture", "", wit.AttachmentKindImage},
		{"file", map[string]any{"file_name": "a.pdf"}, "a document", "", wit.AttachmentKindDocument},
		{"audio", map[string]any{"duration": 2000}, "a voice", "", wit.AttachmentKindVoice},
		{"media", map[string]any{"file_name": "v.mp4", "duration": 3000}, "a video", "", wit.AttachmentKindVideo},
		{"location", map[string]any{"name": "Home", "latitude": "1.5", "longitude": "-2"}, "", "", wit.AttachmentKindLocation},
		{"sticker", map[string]any{"file_key": "x"}, "", "[a sticker]", ""},
		{"share_chat", map[string]any{"chat_id": "oc_9"}, "", "[the card of the group oc_9]", ""},
		{"share_user", map[string]any{"user_id": "ou_9"}, "", "[the card of ou_9]", ""},
		{"merge_forward", nil, "", "[forwarded messages, which Feishu does not hand on]", ""},
		{"vote_2", nil, "", "[a message of a kind that cannot be read here: vote 2]", ""},
		{"interactive", map[string]any{"title": "A card", "elements": []any{[]any{map[string]any{"tag": "text", "text": "says"}, map[string]any{"tag": "a", "href": "https://e.org", "text": "this"}}}}, "", "A card\nsays[this](https://e.org)", ""},
		{"interactive", map[string]any{}, "", "[a card]", ""},
		{"post", map[string]any{"title": "T", "content": []any{
			[]any{map[string]any{"tag": "text", "text": "one "}, map[string]any{"tag": "at", "user_id": "@_all"}, map[string]any{"tag": "emotion", "emoji_type": "OK"}},
			[]any{map[string]any{"tag": "code_block", "language": "GO", "text": "x\n"}}, []any{map[string]any{"tag": "hr"}},
			[]any{map[string]any{"tag": "at", "user_id": "ou_z", "user_name": "Zoe"}, map[string]any{"tag": "a", "href": "https://e.org", "text": "https://e.org"}},
			[]any{map[string]any{"tag": "img", "image_key": "img_1"}},
		}}, "", "T\none @all👌\n```go\nx\n```\n---\n@Zoehttps://e.org", wit.AttachmentKindImage},
	} {
		said := feishutest.Said{From: ada, Type: c.kind, Content: c.content}
		if c.file != "" {
			said.File = []byte(c.file)
		}
		a.server.Write(said)
		m := a.Last(i + 1)
		if m.Text != c.text || (len(m.Attachments) == 1) != (c.want != "") {
			t.Errorf("%s: %+v", c.kind, m)
			continue
		}
		if c.want == "" {
			continue
		}
		got := m.Attachments[0]
		if got.Kind != c.want {
			t.Errorf("%s: %+v", c.kind, got)
		}
		if c.file == "" {
			continue
		}
		if res, err := a.Host.Do(got.Fetch); err != nil || res.Text == nil || *res.Text != c.file {
			t.Errorf("%s: %+v %v", c.kind, res, err)
		}
	}
}

func TestChoices(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons)
	a := newAccount(t)
	group := a.server.Group("Friends")
	for i, to := range []wit.Conversation{toAda, {Kind: wit.ConversationKindGroup, ID: group}} {
		got := a.mustSend(t, wit.ChannelSend{To: to, Text: "sure?", IdempotencyKey: to.ID, Actions: []wit.ActionRow{{Actions: []wit.Action{{Label: "Yes", Value: "v.0", Style: wit.ActionStylePrimary}, {Label: "No", Value: "v.1", Style: wit.ActionStyleDanger}}}, {Actions: []wit.Action{{Label: "Hm", Value: "v.2"}}}}})
		if m := got[0]; m.Text != "sure?" || len(m.Choices) != 3 {
			t.Fatalf("%+v", m)
		}
		a.server.Choose(ada, got[0].ID, "No")
		if m := a.Last(i + 1); m.Kind != wit.MessageKindAction || m.Text != "v.1" || *m.Target != got[0].ID || m.Sender.ID != ada || m.Conversation.ID != to.ID || m.Conversation.Kind != to.Kind {
			t.Errorf("%+v", m)
		}
		if err := a.edit(wit.ChannelEdit{ID: got[0].ID, To: to}); err != nil {
			t.Error(err)
		}
		if m := a.server.Get(got[0].ID); m.Text != "sure?" || len(m.Choices) != 0 {
			t.Errorf("%+v", m)
		}
	}
	if err := a.edit(wit.ChannelEdit{ID: "om_unknown"}); wit.CodeOf(err) != wit.CodeNotFound {
		t.Error(err)
	}
}

// TestCallsThatSayNothing are answered, and come to nothing.
func TestCallsThatSayNothing(t *testing.T) {
	a := newAccount(t)
	before := string(a.State())
	for _, body := range []string{
		`x`, `{}`, `7`, `{"header":{"event_id":"e","event_type":"im.message.receive_v1"}}`, `{"header":{"event_id":"e","event_type":"other"}}`,
		`{"header":{"event_id":"e","app_id":"cli_other","event_type":"im.message.receive_v1"},"event":{"sender":{"sender_id":{"open_id":"ou_1"}},"message":{"message_id":"om","chat_id":"oc"}}}`,
		`{"header":{"event_id":"e","event_type":"im.message.receive_v1"},"event":{"sender":{"sender_id":{"open_id":"` + feishutest.DefaultBot + `"}},"message":{"message_id":"om","chat_id":"oc"}}}`,
		`{"header":{"event_id":"e","event_type":"im.message.recalled_v1"},"event":{}}`, `{"header":{"event_id":"e","event_type":"card.action.trigger"},"event":{"action":{"value":"x"}}}`,
		`{"header":{"event_id":"e","event_type":"im.message.reaction.created_v1"},"event":{"operator_type":"app","message_id":"om"}}`,
		`{"header":{"event_id":"e","event_type":"im.chat.member.bot.added_v1"},"event":{}}`, `{"header":{"event_id":"e","event_type":"im.message.message_read_v1"},"event":{}}`,
	} {
		if reply := a.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Text: &body}); reply == nil || reply.Status != 200 || *reply.Text != "{}" {
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
