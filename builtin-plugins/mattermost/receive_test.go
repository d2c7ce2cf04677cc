package mattermost_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost/mattermosttest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// is is what matters of a message.
type is struct {
	kind      wit.MessageKind
	text      string
	place     wit.ConversationKind
	where     string // its name, and behind a slash the thread, as the post that it began with
	mentioned bool
	sender    string
	about     string // the post that it is about or answers
}

// look is a message as is; posts are called as what they say.
func look(m wit.Message, posts map[string]string) is {
	where := text(m.Conversation.Name)
	if m.Conversation.Thread != nil {
		where += "/" + posts[*m.Conversation.Thread]
	}
	about := posts[text(m.Target)]
	if m.ReplyTo != nil {
		about += posts[m.ReplyTo.ID]
	}
	return is{m.Kind, m.Text, m.Conversation.Kind, where, m.Mentioned, text(m.Sender.Name), about}
}

// expect waits for messages and compares them.
func (a *account) expect(posts map[string]string, wants []is) {
	t := a.t
	t.Helper()
	got := a.Messages(len(wants))
	for i, want := range wants {
		if is := look(got[i], posts); is != want {
			t.Errorf("message %d\n got  %+v\n want %+v", i, is, want)
		}
		if got[i].Time == 0 {
			t.Errorf("message %d has no time", i)
		}
	}
}

func TestReceiveKinds(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Direct, channeltest.Groups, channeltest.Mentions, channeltest.Threads, channeltest.EditsIn,
		channeltest.DeletionsIn, channeltest.ReactionsIn, channeltest.Unreactions, channeltest.RepliesIn)
	a := connected(t, mattermosttest.Config{}, "")
	if self := a.Status().Self; self == nil || self.ID != a.server.Bot().ID || !self.Bot {
		t.Errorf("self is %+v", self)
	}
	posts := map[string]string{}
	say := func(p mattermosttest.Post) mattermosttest.Post {
		p = a.server.Say(p)
		posts[p.ID] = p.Message
		return p
	}
	dm := a.server.DM(ada.ID, "hi :wave: **you**")
	posts[dm.ID] = "hi"
	first := say(mattermosttest.Post{ChannelID: club.ID, UserID: ada.ID, Message: "to nobody, @bob and a@carapace.org"})
	root := say(mattermosttest.Post{ChannelID: club.ID, UserID: bob.ID, Message: "help, @Carapace."})
	say(mattermosttest.Post{ChannelID: club.ID, UserID: ada.ID, Message: "me too", RootID: root.ID})
	say(mattermosttest.Post{ChannelID: club.ID, UserID: ada.ID, Message: "not you", RootID: first.ID})
	say(mattermosttest.Post{ChannelID: club.ID, UserID: ada.ID, Message: "@channel wake up"})
	say(mattermosttest.Post{ChannelID: trio.ID, UserID: ada.ID, Message: "all three, @carapace"})
	a.server.Pin(dm.ID)
	a.server.Edit(dm.ID, "changed")
	a.server.React(first.ID, bob.ID, "tada", true)
	a.server.React(first.ID, bob.ID, "thumbsup_medium_dark_skin_tone", true)
	a.server.React(first.ID, bob.ID, "tada", false)
	a.server.Delete(dm.ID)
	say(mattermosttest.Post{ChannelID: dm.ChannelID, UserID: ada.ID, Message: "what of this?", Metadata: &mattermosttest.Metadata{Embeds: []map[string]any{
		{"type": "permalink", "url": "https://x/y", "data": map[string]any{"post_id": first.ID, "channel_display_name": "The Club",
			"post": map[string]any{"id": first.ID, "user_id": ada.ID, "channel_id": club.ID, "message": first.Message}}}}}})
	say(mattermosttest.Post{ChannelID: club.ID, UserID: ada.ID, Message: "@ada joined the channel.", Type: "system_join_channel"})
	say(mattermosttest.Post{ChannelID: club.ID, UserID: bob.ID, Message: "from a webhook", Props: map[string]any{"from_webhook": "true"}})
	say(mattermosttest.Post{ChannelID: club.ID, UserID: a.server.Bot().ID, Message: "a question"})
	a.server.Rename(club.ID, "The Guild")
	say(mattermosttest.Post{ChannelID: dm.ChannelID, UserID: ada.ID, Message: ""})
	say(mattermosttest.Post{ChannelID: club.ID, UserID: ada.ID, Message: "bye"})
	a.expect(posts, []is{
		{"text", "hi 👋 **you**", "direct", "ada", true, "ada", ""},
		{"text", "to nobody, @bob and a@carapace.org", "channel", "The Club", false, "ada", ""},
		{"text", "help, @Carapace.", "channel", "The Club/help, @Carapace.", true, "bob", ""},
		{"text", "me too", "channel", "The Club/help, @Carapace.", true, "ada", "help, @Carapace."},
		{"text", "not you", "channel", "The Club/" + first.Message, false, "ada", first.Message},
		{"text", "@channel wake up", "channel", "The Club", false, "ada", ""},
		{"text", "all three, @carapace", "group", "ada, bob, carapace", true, "ada", ""},
		{"edited", "changed", "direct", "ada", true, "ada", "hi"},
		{"reaction", "🎉", "channel", "The Club", false, "bob", first.Message},
		{"reaction", "👍", "channel", "The Club", false, "bob", first.Message},
		{"reaction", "", "channel", "The Club", false, "bob", first.Message},
		{"deleted", "", "direct", "ada", true, "ada", "hi"},
		{"text", "what of this?", "direct", "ada", true, "ada", first.Message},
		{"service", "@ada joined the channel.", "channel", "The Club", false, "ada", ""},
		{"text", "[a message of a kind that cannot be read here]", "direct", "ada", true, "ada", ""},
		{"text", "bye", "channel", "The Guild", false, "ada", ""},
	})
}

// TestAThreadOfTheBotsOwn: who answers below a post of the bot's speaks to it, and with the setting @all does too; other bots are read if
// the owner wants it.
func TestAThreadOfTheBotsOwn(t *testing.T) {
	channeltest.Proves(t, channeltest.Mentions)
	a := connected(t, mattermosttest.Config{}, `,"replies":"channel","channelMentions":true,"allowBots":true`)
	mine := a.say(club.ID, a.server.Bot(), "a question")
	posts := map[string]string{mine.ID: "mine"}
	a.server.Say(mattermosttest.Post{ChannelID: club.ID, UserID: ada.ID, Message: "an answer", RootID: mine.ID})
	a.say(club.ID, ada, "@all here?")
	a.say(club.ID, ada, "@carapace you")
	a.server.Say(mattermosttest.Post{ChannelID: club.ID, UserID: bob.ID, Props: map[string]any{"from_webhook": "true", "override_username": "ci",
		"attachments": []map[string]any{{"fallback": "unused", "title": "Build 7", "text": "failed", "fields": []map[string]any{{"title": "step", "value": "test"}}}, {"fallback": "only this"}}}})
	a.expect(posts, []is{
		{"text", "an answer", "channel", "The Club/mine", true, "ada", "mine"},
		{"text", "@all here?", "channel", "The Club", true, "ada", ""},
		{"text", "@carapace you", "channel", "The Club", true, "ada", ""},
		{"text", "Build 7\nfailed\nstep: test\nonly this", "channel", "The Club", false, "ci", ""},
	})
	if m := a.Inbox()[3]; !m.Sender.Bot {
		t.Errorf("the webhook is %+v", m.Sender)
	}
}

func TestReceiveFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn)
	a := connected(t, mattermosttest.Config{}, "")
	f := a.server.AddFile(ada.ID, mattermosttest.File{Name: "cat.png", MimeType: "image/png", Data: []byte("PNG!"), Width: 4, Height: 3})
	other := a.server.AddFile(ada.ID, mattermosttest.File{Name: "note.ogg", MimeType: "audio/ogg", Data: []byte("Ogg")})
	a.server.Say(mattermosttest.Post{ChannelID: a.server.DirectChannel(ada.ID), UserID: ada.ID, Message: "look", FileIDs: []string{f.ID, other.ID}})
	m := a.Last(1)
	if len(m.Attachments) != 2 || m.Text != "look" {
		t.Fatalf("%s", wit.Marshal(&wit.ChannelAnswer{Messages: []wit.Message{m}}))
	}
	at := m.Attachments[0]
	if at.Kind != wit.AttachmentKindImage || text(at.Name) != "cat.png" || *at.Size != 4 || *at.Width != 4 || *at.Height != 3 || m.Attachments[1].Kind != wit.AttachmentKindAudio {
		t.Errorf("%+v", at)
	}
	response, err := a.Host.Do(at.Fetch)
	if err != nil || response.Status != http.StatusOK || text(response.Text) != "PNG!" {
		t.Errorf("the file is %+v, %v", response, err)
	}
	if strings.Contains(string(wit.Marshal(at.Fetch)), a.server.Token()) {
		t.Error("the token stands in the request")
	}
}

func TestSignsOfLife(t *testing.T) {
	channeltest.Proves(t, channeltest.TypingIn)
	a := connected(t, mattermosttest.Config{}, "")
	a.say(club.ID, ada, "hello")
	a.server.Type(ada.ID, club.ID, "")
	a.server.Type(a.server.Bot().ID, club.ID, "")
	a.server.Join(bob.ID, club.ID, true)
	a.server.Join(bob.ID, club.ID, false)
	a.Until("signs came", func() bool { return len(a.Receipts()) >= 3 })
	var kinds []string
	for _, r := range a.Receipts() {
		kinds = append(kinds, string(r.Kind)+" "+r.Sender.ID[:3]+" "+text(r.Conversation.Name))
	}
	if got := strings.Join(kinds, ", "); got != "typing ada The Club, joined bob The Club, left bob The Club" {
		t.Error(got)
	}
}

// TestNamesAreAskedFor: a reaction says neither who somebody is nor what the channel is called. What follows waits for it.
func TestNamesAreAskedFor(t *testing.T) {
	a := connected(t, mattermosttest.Config{}, "")
	p := a.say(club.ID, ada, "hello")
	a.Messages(1)
	clear(a.Host.KV)
	a.server.React(p.ID, bob.ID, "eyes", true)
	a.server.Edit(p.ID, "hello!")
	a.expect(map[string]string{p.ID: "p"}, []is{
		{"text", "hello", "channel", "The Club", false, "ada", ""},
		{"reaction", "👀", "channel", "The Club", false, "bob", "p"},
		{"edited", "hello!", "channel", "The Club", false, "ada", "p"},
	})
	if n := len(a.server.Calls("GET", "/channels/"+club.ID)); n != 1 {
		t.Errorf("the channel was asked for %d times", n)
	}
}
