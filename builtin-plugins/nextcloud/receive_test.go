package nextcloud_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/nextcloud"
	"github.com/carapace-gateway/carapace/builtin-plugins/nextcloud/nextcloudtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTexts(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Direct, channeltest.EditsIn, channeltest.DeletionsIn, channeltest.ReactionsIn, channeltest.Unreactions)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{})
	long := strings.Repeat("a🦀 ", 9000)
	first := a.ann.Say(a.direct, "hello **you** {and} {you", 0)
	a.ann.Say(a.direct, long, 0)
	a.Messages(2)
	a.ann.Edit(a.direct, first, "hello all")
	a.ann.React(a.direct, first, "👍")
	a.ann.Unreact(a.direct, first)
	a.ann.Post(a.direct, nextcloudtest.Message{Type: "system", System: "call_tried", Text: "{actor} tried to call"})
	a.ann.Post(a.direct, nextcloudtest.Message{Kind: "bots", Sender: "bot-1", Text: "I am a program"})
	a.ann.Post(a.direct, nextcloudtest.Message{Text: "{object}", Parameters: map[string]any{"object": map[string]any{"type": "geo-location", "name": "Here", "latitude": "52.5", "longitude": "13.4"}}})
	a.Messages(7)
	a.ann.Delete(a.direct, first)
	got := a.Messages(8)
	for i, want := range []struct {
		kind wit.MessageKind
		text string
	}{
		{wit.MessageKindText, "hello **you** {and} {you"}, {wit.MessageKindText, strings.TrimSpace(long)}, {wit.MessageKindEdited, "hello all"}, {wit.MessageKindReaction, "👍"},
		{wit.MessageKindReaction, ""},
		{wit.MessageKindText, "I am a program"}, {wit.MessageKindText, ""}, {wit.MessageKindDeleted, ""},
	} {
		m := got[i]
		if m.Kind != want.kind || m.Text != want.text {
			t.Errorf("message %d: %s %.100q, want %s %.100q", i, m.Kind, m.Text, want.kind, want.text)
		}
		if m.Conversation.Kind != wit.ConversationKindDirect || m.Conversation.ID != a.direct.Token || *m.Conversation.Name != "Ann" || m.Time == 0 || m.Sender.Bot != (i == 5) {
			t.Errorf("message %d: %+v", i, m)
		}
		if about := i == 2 || i == 3 || i == 4 || i == 7; about != (m.Target != nil && *m.Target == id(first)) {
			t.Errorf("message %d is about %v", i, m.Target)
		}
	}
	if s := got[0].Sender; got[0].ID != id(first) || s.ID != "users/ann" || *s.Name != "Ann" || *s.Username != "ann" {
		t.Errorf("%+v", got[0])
	}
	if f := got[6].Attachments; len(f) != 1 || f[0].Kind != wit.AttachmentKindLocation || *f[0].Caption != "52.5,13.4" {
		t.Errorf("%+v", f)
	}
	a.Until("it was read", func() bool { return a.server.ReadBy(a.direct, a.bot) > first })
}

func TestGroups(t *testing.T) {
	channeltest.Proves(t, channeltest.Groups, channeltest.Mentions, channeltest.RepliesIn)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{})
	bob := a.server.Register("bob", "Bob")
	group := a.ann.NewGroup("Kitchen", bob)
	a.ann.Say(group, "before the bot came", 0)
	a.ann.Invite(group, a.bot)
	a.ann.Say(group, "hello", 0)
	if got := a.Messages(2); got[0].Kind != wit.MessageKindService || got[0].Text != "Ann added Carapace" || got[1].Text != "hello" || got[1].Mentioned || got[1].Conversation.Kind != wit.ConversationKindGroup || *got[1].Conversation.Name != "Kitchen" {
		t.Fatalf("%+v", got)
	}
	mine := a.bot.Say(group, "tea is **ready**", 0)
	theirs := bob.Say(group, "coffee too", 0)
	for i, c := range []struct {
		said      string
		to        int64
		text      string
		mentioned bool
	}{
		{"@carapace hello", 0, "@Carapace hello", true},
		{`hello @"carapace"`, 0, "hello @Carapace", true},
		{"@bob hello", 0, "@Bob hello", false},
		{"@all hello", 0, "@everybody hello", false},
		{"thanks", mine, "thanks", true},
		{"thanks", theirs, "thanks", false},
	} {
		a.ann.Say(group, c.said, c.to)
		m := a.Last(4 + i)
		if m.Text != c.text || m.Mentioned != c.mentioned || (m.ReplyTo != nil) != (c.to > 0) {
			t.Errorf("%d: %+v", i, m)
		}
		if c.to == mine && (m.ReplyTo.ID != id(mine) || *m.ReplyTo.Text != "tea is **ready**" || m.ReplyTo.Sender.ID != "users/carapace") {
			t.Errorf("%d answers %+v", i, m.ReplyTo)
		}
	}
	a.ann.Remove(group, a.bot)
	a.ann.Say(group, "not for the bot", 0)
	a.ann.Say(a.direct, "still there?", 0)
	if m := a.Last(10); m.Text != "still there?" {
		t.Errorf("%+v", m)
	}
}

func TestFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{})
	for i, c := range []struct {
		caption, kind string
		file          nextcloudtest.File
		text          string
		want          wit.AttachmentKind
	}{
		{"", "", nextcloudtest.File{Name: "a b#.png", Type: "image/png", Data: []byte("PNG!")}, "", wit.AttachmentKindImage},
		{"look at {this}", "", nextcloudtest.File{Name: "f.pdf", Type: "application/pdf", Data: []byte("PDF!")}, "look at {this}", wit.AttachmentKindDocument},
		{"", "voice-message", nextcloudtest.File{Name: "v.mp3", Type: "audio/mpeg", Data: []byte("MP3!")}, "", wit.AttachmentKindVoice},
	} {
		if c.caption != "" {
			c.caption += " {file}"
		}
		a.ann.Share(a.direct, c.caption, c.kind, c.file)
		m := a.Last(i + 1)
		if len(m.Attachments) != 1 || m.Text != c.text {
			t.Fatalf("%d: %+v", i, m)
		}
		f := m.Attachments[0]
		if f.Kind != c.want || *f.Name != c.file.Name || *f.Mime != c.file.Type || *f.Size != 4 {
			t.Errorf("%d: %s", i, wit.Marshal(&f))
		}
		if res, err := a.Host.DoContext(t.Context(), f.Fetch); err != nil || res.Status != 200 || *res.Text != string(c.file.Data) {
			t.Errorf("%d: fetched %+v, %v by %s", i, res, err, f.Fetch.URL)
		}
	}
}

// TestManyRooms: what is said in twenty conversations at once is read in each in order, once, by few requests at a time.
func TestManyRooms(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{})
	const people, each = 20, 130 // two pages
	want := map[string][]string{}
	for p := range people {
		u := a.server.Register(fmt.Sprint("p", p), fmt.Sprint("P", p))
		r := u.With(a.bot)
		n := each
		if p > 1 {
			n = 3
		}
		for i := range n {
			want[r.Token] = append(want[r.Token], fmt.Sprint(p, ".", i))
			u.Say(r, fmt.Sprint(p, ".", i), 0)
		}
		if p%5 == 0 {
			a.Crash()
			a.Start()
		}
	}
	a.server.Fail(nextcloudtest.Fault{Call: "chat", Cut: true, Times: 2}, nextcloudtest.Fault{Call: "rooms", Status: 503, Body: "no"}, nextcloudtest.Fault{Call: "chat", Status: 429, RetryAfter: 1})
	a.Messages(2*each + 18*3)
	got := map[string][]string{}
	for _, m := range a.Inbox() {
		got[m.Conversation.ID] = append(got[m.Conversation.ID], m.Text)
	}
	for token, texts := range want {
		if !slices.Equal(got[token], texts) {
			t.Errorf("%s: %q", token, got[token])
		}
	}
	if n := a.server.Waiting(a.bot); n > 3 {
		t.Errorf("%d long polls wait", n)
	}
}

// TestACrashAtAnyPoint: the gateway stops while messages come, again and again.
func TestACrashAtAnyPoint(t *testing.T) {
	t.Parallel()
	a := newAccount(t, nextcloudtest.Config{})
	a.ann.Say(a.direct, "before the bot came", 0)
	a.Start()
	a.Until("it reads", a.reads)
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprint(i))
		a.ann.Say(a.direct, fmt.Sprint(i), 0)
		if i%5 == 0 {
			a.Crash()
			a.Start()
		}
	}
	a.Messages(40)
	if got := a.texts(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// hasSaid waits until the account has stood so, if only for a moment.
func (a *account) hasSaid(state wit.ConnectionState, words string) {
	a.Until(words, func() bool {
		return slices.ContainsFunc(a.Statuses(), func(s wit.AccountStatus) bool {
			return s.State == state && s.Message != nil && strings.Contains(*s.Message, words)
		})
	})
}

func TestLogins(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	t.Parallel()
	a := newAccount(t, nextcloudtest.Config{})
	right := a.bot.Password
	a.server.SetPassword(a.bot, "another one")
	a.Start()
	a.Says(wit.ConnectionStateNeedsLogin, "make an app password as the bot")
	a.server.SetPassword(a.bot, right)
	a.Connected()
	a.Until("it reads", a.reads)
	if self := a.Status().Self; self == nil || self.ID != "users/carapace" || *self.Name != "Carapace" {
		t.Errorf("%+v", self)
	}
	asked := len(a.server.Calls("user"))
	a.Command("probe")
	a.Until("it is asked", func() bool { return len(a.server.Calls("user")) > asked })
	a.server.Fail(nextcloudtest.Fault{Call: "user", Status: 200, Body: "<html>"})
	a.Command("login")
	a.hasSaid(wit.ConnectionStateDisconnected, "is server right?")
	a.Says(wit.ConnectionStateConnected, "")
	a.Command("logout")
	a.Says(wit.ConnectionStateDisconnected, "logged out")

	without := newAccount(t, nextcloudtest.Config{WithoutTalk: true})
	without.Start()
	without.Says(wit.ConnectionStateFailed, "install the app Talk")

	unset := newAccount(t, nextcloudtest.Config{})
	unset.Host.Credentials = nil
	unset.Start()
	unset.Says(wit.ConnectionStateNeedsLogin, "make an app password as the bot")
	unset.Config = wit.JSON(`{"server":"https://cloud.test"}`)
	unset.Command("login")
	unset.Says(wit.ConnectionStateFailed, "user is not set")
}

// TestTooLarge: what is too much to be handed to the plugin at once is asked for in smaller pages, and only what is too large alone
// is passed over.
func TestTooLarge(t *testing.T) {
	state := wit.JSON(`{"generation":3,"begun":true,"connected":true,"me":{"id":"c"},"rooms":[{"token":"t","kind":1,"last":40,"newest":90,"asked":1}]}`)
	var asked []string
	for range 8 {
		out, err := nextcloud.New().Event((&sdktest.Host{}).SDK(), &wit.ChannelEvent{
			Kind: wit.EventKindResponse, Config: wit.JSON(`{"server":"https://cloud.test","user":"c"}`), State: state,
			Response: &wit.HTTPResponse{ID: "chat:3:t", Error: wit.NewError(wit.CodeTooLarge, "too large")},
		})
		if err != nil || len(out.Requests) != 1 {
			t.Fatalf("%+v %v", out, err)
		}
		_, query, _ := strings.Cut(out.Requests[0].URL, "lastKnownMessageId=")
		query, _, _ = strings.Cut(query, "&setReadMarker")
		asked, state = append(asked, query), out.State
	}
	if want := []string{"40&limit=50", "40&limit=25", "40&limit=12", "40&limit=6", "40&limit=3", "40&limit=1", "41&limit=1", "42&limit=1"}; !slices.Equal(asked, want) {
		t.Errorf("%q", asked)
	}
}

func TestSkip(t *testing.T) {
	body := `{"ocs":{"meta":{"status":"ok"},"data":[{"id":70}]}}`
	got, err := nextcloud.New().(channel.Skipper).Skip((&sdktest.Host{}).SDK(), &wit.ChannelEvent{
		Kind: wit.EventKindResponse, State: wit.JSON(`{"generation":3,"rooms":[{"token":"t","last":40,"asked":1}]}`),
		Response: &wit.HTTPResponse{ID: "chat:3:t", Status: 200, Text: &body, Headers: []wit.Header{{Name: "X-Chat-Last-Given", Value: "70"}}},
	})
	if err != nil || !strings.Contains(string(got.State), `"last":70`) || strings.Contains(string(got.State), "asked") {
		t.Errorf("%s %v", got.State, err)
	}
}

// FuzzAnswers feeds whatever a server may answer: the loop must go on, within its bounds.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"ocs":{"meta":{},"data":[{"id":9,"token":"t","actorType":"users","actorId":"ann","message":"{a} {mention-user1}","messageParameters":{"mention-user1":{"type":"user","id":"c","name":"C"}},"parent":{"id":3}}]}}`,
		`{"ocs":{"meta":{},"data":[{"id":9,"actorType":"users","actorId":"ann","systemMessage":"message_edited","parent":{"id":3,"message":"x"}},{"id":"10","systemMessage":"reaction","message":"x"}]}}`,
		`{"ocs":{"meta":{},"data":[{"token":"u","type":2,"displayName":"U","lastMessage":{"id":5},"lastReadMessage":-1,"lastActivity":7},{"token":""},7]}}`, `[]`, `{"ocs":`,
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, body string, list bool) {
		kind := "chat:3:t"
		if list {
			kind = "rooms:3:all"
		}
		event := &wit.ChannelEvent{
			Kind: wit.EventKindResponse, Config: wit.JSON(`{"server":"https://cloud.test","user":"c"}`),
			State:    wit.JSON(`{"generation":3,"begun":true,"me":{"id":"c","name":"C"},"rooms":[{"token":"t","kind":1,"last":2,"asked":2,"active":5}]}`),
			Response: &wit.HTTPResponse{ID: kind, Status: 200, Text: &body},
		}
		out, err := nextcloud.New().Event((&sdktest.Host{}).SDK(), event)
		if err != nil {
			t.Skip() // what is no text reaches no plugin
		}
		if len(out.Requests) == 0 && len(out.Timers) == 0 {
			t.Errorf("the loop ended: %s", wit.Marshal(out))
		}
		if err := out.Validate(); err != nil {
			t.Errorf("%s: %v", wit.Marshal(out), err)
		}
	})
}
