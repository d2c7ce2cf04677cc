package teams_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/teams/teamstest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestWhatPeopleSay(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Direct, channeltest.Groups, channeltest.Threads, channeltest.Mentions)
	g := newGateway(t)
	chat := g.server.Meet(ada)
	id := g.server.Say(ada, chat, "", "héllo 🎉 <b>&amp;\n"+strings.Repeat("long ", 4000))
	m := g.Last(1)
	if m.ID != chat.ID+"/"+id || m.Kind != wit.MessageKindText || !strings.HasPrefix(m.Text, "héllo 🎉 <b>&amp;\nlong") || len(m.Text) < 20_000 || !m.Mentioned ||
		m.Conversation.Kind != wit.ConversationKindDirect || m.Conversation.ID != chat.ID || *m.Conversation.Name != "Ada" || m.Sender.ID != "29:ada" || *m.Sender.Name != "Ada" || m.Time < 1_700_000_000_000 {
		t.Errorf("%.200s", wit.Marshal(&m))
	}
	g.server.Mention(ada, club, "", "what is up?")
	if m := g.Last(2); m.Text != "what is up?" || !m.Mentioned || m.Conversation.Kind != wit.ConversationKindGroup || *m.Conversation.Name != "Club" {
		t.Errorf("%s", wit.Marshal(&m))
	}
	g.server.Do(ada, club, "", map[string]any{"text": "<at>Bea</at> are you there?", "entities": []any{map[string]any{"type": "mention", "text": "<at>Bea</at>", "mentioned": map[string]any{"id": "29:bea", "name": "Bea"}}}})
	if m := g.Last(3); m.Text != "@Bea are you there?" || m.Mentioned {
		t.Errorf("%s", wit.Marshal(&m))
	}
	root := g.server.Mention(ada, news, "", "a thread")
	if m := g.Last(4); m.Conversation.ID != news.ID || m.Conversation.Kind != wit.ConversationKindChannel || *m.Conversation.Thread != root || *m.Conversation.Name != "Engines / News" || m.ID != news.ID+";messageid="+root+"/"+root {
		t.Errorf("%s", wit.Marshal(&m))
	}
	g.server.Mention(ada, news, root, "more of it")
	if m := g.Last(5); *m.Conversation.Thread != root {
		t.Errorf("%s", wit.Marshal(&m))
	}
	g.server.Repeat(1)
	g.server.Say(ada, chat, "", "twice")
	g.Last(6)
	g.Until("it came again", func() bool { return g.Repeats() == 1 })
	if self := g.Status().Self; self.ID != g.server.Me() {
		t.Errorf("%+v", self)
	}
}

func TestChangesAndReactions(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsIn, channeltest.DeletionsIn, channeltest.ReactionsIn, channeltest.Unreactions, channeltest.RepliesIn, channeltest.TypingIn)
	g := newGateway(t)
	chat := g.server.Meet(ada)
	id := g.server.Say(ada, chat, "", "helo")
	g.Last(1)
	g.server.Do(ada, chat, "", map[string]any{"type": "messageUpdate", "id": id, "text": "hello", "channelData": map[string]any{"eventType": "editMessage"}})
	if m := g.Last(2); m.Kind != wit.MessageKindEdited || m.Text != "hello" || *m.Target != chat.ID+"/"+id || m.ID == *m.Target {
		t.Errorf("%s", wit.Marshal(&m))
	}
	g.server.Do(ada, chat, "", map[string]any{"type": "messageDelete", "id": id, "channelData": map[string]any{"eventType": "softDeleteMessage"}})
	if m := g.Last(3); m.Kind != wit.MessageKindDeleted || *m.Target != chat.ID+"/"+id {
		t.Errorf("%s", wit.Marshal(&m))
	}
	reactions := func(added, removed string) {
		more := map[string]any{"type": "messageReaction", "replyToId": "7"}
		if added != "" {
			more["reactionsAdded"] = []any{map[string]any{"type": added}}
		}
		if removed != "" {
			more["reactionsRemoved"] = []any{map[string]any{"type": removed}}
		}
		g.server.Do(ada, chat, "", more)
	}
	reactions("like", "")
	if m := g.Last(4); m.Kind != wit.MessageKindReaction || m.Text != "👍" || *m.Target != chat.ID+"/7" || m.Sender.ID != ada.ID {
		t.Errorf("%s", wit.Marshal(&m))
	}
	reactions("1f680_rocket", "like")
	if list := g.Messages(6); list[4].Text != "" || list[5].Text != "🚀" || list[4].ID == list[5].ID {
		t.Errorf("%+v", list[4:])
	}
	quote := `<blockquote itemscope itemtype="http://schema.skype.com/Reply" itemid="1700000000009"><strong itemprop="mri" itemid="28:x">Carapace</strong><span itemprop="time" itemid="17"></span><p itemprop="preview">one &amp; <b>two</b></p></blockquote><p>why?</p>`
	g.server.Do(ada, chat, "", map[string]any{"text": "why?", "attachments": []any{map[string]any{"contentType": "text/html", "content": quote}}})
	if m := g.Last(7); m.Text != "why?" || len(m.Attachments) != 0 || m.ReplyTo == nil || m.ReplyTo.ID != chat.ID+"/1700000000009" || *m.ReplyTo.Text != "one & two" || *m.ReplyTo.Sender.Name != "Carapace" || !m.ReplyTo.Sender.Bot {
		t.Errorf("%s", wit.Marshal(&m))
	}
	g.server.Do(ada, chat, "", map[string]any{"type": "typing"})
	g.server.Do(ada, club, "", map[string]any{"type": "conversationUpdate", "membersAdded": []any{map[string]any{"id": "29:bea", "name": "Bea"}}, "membersRemoved": []any{map[string]any{"id": "29:cy"}}})
	g.Until("receipts came", func() bool { return len(g.Receipts()) == 3 })
	for i, kind := range []wit.ReceiptKind{wit.ReceiptKindTyping, wit.ReceiptKindJoined, wit.ReceiptKindLeft} {
		if g.Receipts()[i].Kind != kind {
			t.Errorf("%+v", g.Receipts()[i])
		}
	}
}

func TestFilesThatCome(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn)
	g := newGateway(t)
	chat := g.server.Meet(ada)
	inline, shared := g.server.Service()+"v3/attachments/1/views/original", g.server.Share("application/pdf", []byte("pdf"))
	g.server.Do(ada, chat, "", map[string]any{"text": "look", "attachments": []any{
		map[string]any{"contentType": "image/*", "contentUrl": inline},
		map[string]any{"contentType": "application/vnd.microsoft.teams.file.download.info", "name": "a.pdf", "contentUrl": "https://x.sharepoint.com/a.pdf", "content": map[string]any{"downloadUrl": shared + "{{credential:accessToken}}", "fileType": "pdf"}},
		map[string]any{"contentType": "image/png", "contentUrl": "https://elsewhere.example/x.png"},
		map[string]any{"contentType": "application/vnd.microsoft.card.hero", "name": "a card"},
	}})
	m := g.Last(1)
	if len(m.Attachments) != 3 || m.Text != "look\n[an attachment that cannot be read here: a card]" {
		t.Fatalf("%s", wit.Marshal(&m))
	}
	picture, file, foreign := m.Attachments[0], m.Attachments[1], m.Attachments[2]
	if picture.Kind != wit.AttachmentKindImage || picture.Fetch.URL != inline || len(picture.Fetch.Headers) != 1 || picture.Mime != nil {
		t.Errorf("%s", wit.Marshal(&picture))
	}
	if file.Kind != wit.AttachmentKindDocument || *file.Name != "a.pdf" || strings.Contains(file.Fetch.URL, "{") || len(file.Fetch.Headers) != 0 {
		t.Errorf("%s", wit.Marshal(&file))
	}
	if len(foreign.Fetch.Headers) != 0 {
		t.Errorf("somebody else's server is shown the token: %s", wit.Marshal(&foreign))
	}
}

func TestWhatIsPassedOver(t *testing.T) {
	g := newGateway(t)
	chat := g.server.Meet(ada)
	odd := g.server.Activity(ada, chat, "", map[string]any{"channelId": "webchat", "text": "x"})
	own := g.server.Activity(teamstest.Person{ID: g.server.Me(), Name: "Carapace"}, chat, "", map[string]any{"text": "x"})
	nameless := g.server.Activity(teamstest.Person{}, chat, "", map[string]any{"text": "x"})
	long := g.server.Activity(ada, teamstest.Chat{ID: strings.Repeat("a", 600), Type: "personal"}, "", map[string]any{"text": "x"})
	for _, a := range []map[string]any{odd, own, nameless, long, {"type": "invoke", "name": "x", "channelId": "msteams", "conversation": map[string]any{"id": "c"}}} {
		g.server.Do(ada, chat, "", a)
	}
	g.server.Say(ada, chat, "", "at last")
	g.Until("all were taken", func() bool { return g.server.Pending() == 0 })
	if list := g.Messages(1); list[0].Text != "at last" {
		t.Errorf("%+v", list)
	}
	for _, text := range []string{"", "{", "[]", "7", `{"channelId":"msteams","conversation":{"id":7}}`} {
		if reply := g.Call(&wit.WebhookRequest{Method: "POST", Path: "/", Text: &text}); reply.Status != 200 {
			t.Errorf("%q: %+v", text, reply)
		}
	}
}
