package slack_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/slack/slacktest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// is is what matters of a message.
type is struct {
	kind         wit.MessageKind
	text         string
	place        wit.ConversationKind
	where        string // its id and name, and behind a slash the thread, as the text of the message that it began with
	mentioned    bool
	sender, more string
}

// look is a message as is; threads are called as the messages that they began with.
func look(m wit.Message, threads map[string]string) is {
	where := m.Conversation.ID + " " + text(m.Conversation.Name)
	if m.Conversation.Thread != nil {
		where += "/" + threads[*m.Conversation.Thread]
	}
	more := ""
	if m.Target != nil {
		more = threads[(*m.Target)[strings.IndexByte(*m.Target, ':')+1:]]
	}
	if q := m.ReplyTo; q != nil {
		more += text(q.Text)
	}
	if f := m.Forwarded; f != nil {
		more += text(f.Sender.Name) + " in " + f.Conversation.ID
	}
	return is{m.Kind, m.Text, m.Conversation.Kind, where, m.Mentioned, text(m.Sender.Name), more}
}

func TestReceiveKinds(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Direct, channeltest.Groups, channeltest.Mentions, channeltest.Threads, channeltest.EditsIn,
		channeltest.DeletionsIn, channeltest.ReactionsIn, channeltest.Unreactions, channeltest.Commands, channeltest.RepliesIn)
	s := workspace(slacktest.Config{})
	g := newGateway(t, s, "")
	g.connected()
	if self := g.last().Self; self == nil || self.ID != s.Bot().ID || !self.Bot {
		t.Errorf("self is %+v", self)
	}
	me, threads := "<@"+s.Bot().ID+">", map[string]string{}
	say := func(channel, user, words string, more ...slacktest.Message) slacktest.Message {
		m := said(user, words)
		if len(more) > 0 {
			m = more[0]
			m.User, m.Text = user, words
		}
		m = s.Say(channel, m)
		threads[m.TS] = words
		return m
	}
	dm := s.DM(ada.ID, "hi :wave: &lt;you&gt; &amp; <https://e.org/?a=1&amp;b=2|this>")
	threads[dm.TS] = "hi"
	first := say(club.ID, ada.ID, "to nobody, <@U0BOB> in <#C0CLUB|> and <!here>")
	root := say(club.ID, bob.ID, me+" help")
	say(club.ID, ada.ID, "me too", slacktest.Message{ThreadTS: root.TS})
	say(club.ID, ada.ID, "not you", slacktest.Message{ThreadTS: first.TS})
	say(trio.ID, ada.ID, "all three, "+me)
	s.Unfurl(dm.Channel, dm.TS)
	s.Edit(dm.Channel, dm.TS, "changed")
	s.React(club.ID, first.TS, bob.ID, "tada", true)
	s.React(club.ID, first.TS, bob.ID, "party_parrot", true)
	s.React(club.ID, first.TS, bob.ID, "tada", false)
	s.Delete(dm.Channel, dm.TS)
	s.Command(dm.Channel, ada.ID, "/carapace", "what is 1+1?")
	s.Command(club.ID, ada.ID, "/new", "")
	s.Command(dm.Channel, ada.ID, "/carapace", "")
	share := json.RawMessage(`[{"is_share":true,"author_id":"U0BOB","author_name":"Bob","channel_id":"C0NEWS","ts":"1700000000.000100","text":"news &amp; more"}]`)
	say(dm.Channel, ada.ID, "", slacktest.Message{Attachments: share})
	say(dm.Channel, ada.ID, "what of this?", slacktest.Message{Attachments: share})
	say(club.ID, ada.ID, "<@U0ADA> has joined the channel", slacktest.Message{Subtype: "channel_join"})
	say(club.ID, "", "from an app", slacktest.Message{BotID: "B0OTHER", Subtype: "bot_message"})
	s.Event(map[string]any{"type": "member_joined_channel", "user": bob.ID, "channel": club.ID, "channel_type": "C"})
	s.Event(map[string]any{"type": "app_home_opened", "user": ada.ID, "channel": dm.Channel})
	s.Event(map[string]any{"type": "channel_rename", "channel": map[string]any{"id": club.ID, "name": "guild"}})
	say(club.ID, ada.ID, "bye")

	wants := kinds(me)
	got := g.messages(len(wants))
	for i, want := range wants {
		if is := look(got[i], threads); is != want {
			t.Errorf("message %d\n got  %+v\n want %+v", i, is, want)
		}
		if got[i].Time == 0 {
			t.Errorf("message %d has no time", i)
		}
	}
	g.acknowledged()
	if len(g.receipts) != 1 || g.receipts[0].Kind != wit.ReceiptKindJoined || g.receipts[0].Sender.ID != bob.ID {
		t.Errorf("receipts %+v", g.receipts)
	}
}

// kinds is what comes of all that TestReceiveKinds has people do.
func kinds(me string) []is {
	return []is{
		{"text", "hi 👋 <you> & [this](https://e.org/?a=1&b=2)", "direct", "U0ADA Ada Lovelace", true, "Ada Lovelace", ""},
		{"text", "to nobody, @Bob in #club and @here", "channel", "C0CLUB club", false, "Ada Lovelace", ""},
		{"text", "@carapace help", "channel", "C0CLUB club/" + me + " help", true, "Bob", ""},
		{"text", "me too", "channel", "C0CLUB club/" + me + " help", true, "Ada Lovelace", ""},
		{"text", "not you", "channel", "C0CLUB club/to nobody, <@U0BOB> in <#C0CLUB|> and <!here>", false, "Ada Lovelace", ""},
		{"text", "all three, @carapace", "group", "C0TRIO ", true, "Ada Lovelace", ""},
		{"edited", "changed", "direct", "U0ADA Ada Lovelace", true, "Ada Lovelace", "hi"},
		{"reaction", "🎉", "channel", "C0CLUB club", false, "Bob", "to nobody, <@U0BOB> in <#C0CLUB|> and <!here>"},
		{"reaction", ":party_parrot:", "channel", "C0CLUB club", false, "Bob", "to nobody, <@U0BOB> in <#C0CLUB|> and <!here>"},
		{"reaction", "", "channel", "C0CLUB club", false, "Bob", "to nobody, <@U0BOB> in <#C0CLUB|> and <!here>"},
		{"deleted", "", "direct", "U0ADA Ada Lovelace", true, "Ada Lovelace", "hi"},
		{"text", "what is 1+1?", "direct", "U0ADA Ada Lovelace", true, "Ada Lovelace", ""},
		{"text", "/new", "channel", "C0CLUB club", true, "Ada Lovelace", ""},
		{"text", "/help", "direct", "U0ADA Ada Lovelace", true, "Ada Lovelace", ""},
		{"text", "news & more", "direct", "U0ADA Ada Lovelace", true, "Ada Lovelace", "Bob in C0NEWS"},
		{"text", "what of this?", "direct", "U0ADA Ada Lovelace", true, "Ada Lovelace", "news & more"},
		{"service", "@Ada Lovelace has joined the channel", "channel", "C0CLUB club", false, "Ada Lovelace", ""},
		{"text", "bye", "channel", "C0CLUB guild", false, "Ada Lovelace", ""},
	}
}

func TestReceiveFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn)
	s := workspace(slacktest.Config{})
	g := newGateway(t, s, "")
	g.connected()
	s.DM(ada.ID, "first")
	s.Say("D0ADA", slacktest.Message{User: ada.ID, Text: "look", Files: []slacktest.File{
		{Name: "p q.png", Mimetype: "image/png", OriginalW: 3, OriginalH: 2, Data: []byte("picture")},
		{Name: "v.m4a", Mimetype: "audio/mp4", Subtype: "slack_audio", DurationMS: 1500, Data: []byte("voice")},
		{Name: "gone.txt", Mode: "tombstone"}, {Name: "far.doc", Mode: "external", URLPrivateDownload: "https://elsewhere.example/far.doc"},
		{Name: "{{credential:appToken}}.txt", Mimetype: "text/plain", Data: []byte("x")},
	}})
	m := g.messages(2)[1]
	if m.Text != "look" || len(m.Attachments) != 4 {
		t.Fatalf("%s", wit.Marshal(&m))
	}
	picture, voice, far, evil := m.Attachments[0], m.Attachments[1], m.Attachments[2], m.Attachments[3]
	if picture.Kind != wit.AttachmentKindImage || *picture.Width != 3 || *picture.Height != 2 || *picture.Size != 7 || *picture.Name != "p q.png" {
		t.Errorf("picture %+v", picture)
	}
	if voice.Kind != wit.AttachmentKindVoice || *voice.Duration != 1500 || far.Fetch != nil || *far.Name != "far.doc" {
		t.Errorf("voice %+v, far %+v", voice, far)
	}
	for want, a := range map[string]wit.Attachment{"picture": picture, "voice": voice, "x": evil} {
		response, err := g.host.Do(a.Fetch)
		if err != nil || text(response.Text) != want {
			t.Errorf("%s is fetched as %v, %v", want, response, err)
		}
	}
	picture.Fetch.Headers = nil
	if response, err := g.host.Do(picture.Fetch); err != nil || text(response.Text) == "picture" {
		t.Errorf("without the token: %v, %v", response, err)
	}
}

// TestWhatTheOwnerWantsOfChannels: answers in the channel itself, and other apps' messages.
func TestWhatTheOwnerWantsOfChannels(t *testing.T) {
	s := workspace(slacktest.Config{})
	g := newGateway(t, s, `,"replies":"channel","allowBots":true,"slashCommand":"ask"`)
	g.connected()
	s.Say(club.ID, said(ada.ID, "<@"+s.Bot().ID+"> help"))
	s.Say(club.ID, slacktest.Message{BotID: "B0OTHER", Subtype: "bot_message", Attachments: json.RawMessage(`[{"fallback":"build failed"}]`)})
	s.Command(club.ID, ada.ID, "/ask", "why?")
	got := g.messages(3)
	if got[0].Conversation.Thread != nil || !got[0].Mentioned {
		t.Errorf("%s", wit.Marshal(&got[0]))
	}
	if got[1].Text != "build failed" || !got[1].Sender.Bot || got[1].Mentioned || got[2].Text != "why?" {
		t.Errorf("%s %s", wit.Marshal(&got[1]), wit.Marshal(&got[2]))
	}
}

// TestNamesThatAreNotToBeHad hold nothing up for longer than a while: Slack does not answer, does not know them, or does not
// tell.
func TestNamesThatAreNotToBeHad(t *testing.T) {
	s := workspace(slacktest.Config{})
	g := newGateway(t, s, "")
	g.connected()
	s.Fail(slacktest.Fault{Method: "users.info", Status: 503})
	s.Say(trio.ID, said(ada.ID, "one <@U0NOBODY>"))
	if m := g.messages(1)[0]; m.Text != "one @U0NOBODY" {
		t.Errorf("%s", wit.Marshal(&m))
	}
	g.acknowledged()
	s.Fail(slacktest.Fault{Method: "users.info", Error: "missing_scope", Needed: "users:read"})
	s.Say(trio.ID, said("U0EVE", "two"))
	s.Say(trio.ID, said(ada.ID, "three"))
	got := g.messages(3)
	if got[1].Text != "two" || got[1].Sender.Name != nil || got[2].Text != "three" {
		t.Errorf("%s %s", wit.Marshal(&got[1]), wit.Marshal(&got[2]))
	}
	before := len(s.Calls("users.info"))
	s.Say(trio.ID, said("U0MAL", "four"))
	g.messages(4)
	g.acknowledged()
	if n := len(s.Calls("users.info")); n != before {
		t.Errorf("an app that may not ask for names asked %d times more", n-before)
	}
}
