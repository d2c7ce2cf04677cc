package matrix_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/matrix/matrixtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

type content = matrixtest.Content

// said is the content of a text with more fields.
func said(body string, more content) content {
	c := content{"msgtype": "m.text", "body": body}
	for name, value := range more {
		c[name] = value
	}
	return c
}

func TestTexts(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Direct, channeltest.EditsIn, channeltest.DeletionsIn, channeltest.ReactionsIn, channeltest.Unreactions)
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	long := strings.Repeat("a🦀 ", 9000)
	first := ann.Say(room, "hello **you**")
	g.Last(1)
	ann.Say(room, long)
	ann.Send(room, "m.room.message", content{"msgtype": "m.emote", "body": "waves"})
	ann.Send(room, "m.room.message", content{"msgtype": "m.notice", "body": "I am a program"})
	ann.Send(room, "m.room.message", content{"msgtype": "m.new", "body": "something newer"})
	ann.Send(room, "m.room.message", content{}) // taken back before it was read
	ann.Send(room, "m.room.message", said("* hello all", content{"m.new_content": said("hello all", nil), "m.relates_to": content{"rel_type": "m.replace", "event_id": first}}))
	thumb := ann.Send(room, "m.reaction", content{"m.relates_to": content{"rel_type": "m.annotation", "event_id": first, "key": "👍"}})
	g.Messages(7) // a reaction that was taken back before it is read is none
	ann.Redact(room, thumb)
	ann.Redact(room, first)
	ann.Send(room, "m.poll.start", content{"m.poll": content{"question": content{"m.text": []content{{"body": "Tea?"}}}, "answers": []content{{"m.text": []content{{"body": "yes"}}}}}})
	got := g.Messages(10)
	for i, want := range []struct {
		kind wit.MessageKind
		text string
	}{
		{wit.MessageKindText, "hello **you**"}, {wit.MessageKindText, long}, {wit.MessageKindText, "* Ann waves"}, {wit.MessageKindService, "I am a program"},
		{wit.MessageKindText, "something newer"}, {wit.MessageKindEdited, "hello all"}, {wit.MessageKindReaction, "👍"}, {wit.MessageKindReaction, ""}, {wit.MessageKindDeleted, ""},
		{wit.MessageKindText, "[poll] Tea?\n- yes"},
	} {
		m := got[i]
		if m.Kind != want.kind && (m.Kind != "" || want.kind != wit.MessageKindText) || m.Text != want.text {
			t.Errorf("message %d: %s %.100q, want %s %.100q", i, m.Kind, m.Text, want.kind, want.text)
		}
		if m.Conversation.Kind != wit.ConversationKindDirect || m.Conversation.ID != room || m.Sender.ID != ann.ID || m.Sender.Name == nil || *m.Sender.Name != "Ann" || m.Time == 0 {
			t.Errorf("message %d: %+v", i, m)
		}
	}
	for _, i := range []int{5, 6, 7, 8} {
		if got[i].Target == nil || *got[i].Target != first {
			t.Errorf("message %d is about %v", i, got[i].Target)
		}
	}
	if got[0].ID != first || !got[3].Sender.Bot {
		t.Errorf("%+v, %+v", got[0], got[3])
	}
	g.Until("it was read", func() bool { return strings.HasPrefix(g.server.HasRead(room, g.bot.ID), "$") })
}

func TestRepliesAndThreads(t *testing.T) {
	channeltest.Proves(t, channeltest.RepliesIn, channeltest.Threads)
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	mine := g.bot.Say(room, "tea is **ready**")
	answers := func(to string) content { return content{"m.in_reply_to": content{"event_id": to}} }
	for i, c := range []struct {
		content content
		text    string
		quoted  string // "" for no reply
		said    string
		by      string
		thread  string
	}{
		{said("> <@bot:test.local> tea is **ready**\n> really\n\nthanks", content{"m.relates_to": answers(mine)}), "thanks", mine, "tea is **ready**\nreally", g.bot.ID, ""},
		{said("thanks", content{"m.relates_to": answers(mine)}), "thanks", mine, "tea is **ready**", g.bot.ID, ""},
		{said("and you?", content{"m.relates_to": answers("$gone")}), "and you?", "$gone", "", "", ""},
		{said("> a quotation\n\nof nobody", nil), "> a quotation\n\nof nobody", "", "", "", ""},
		{said("in a thread", content{"m.relates_to": content{"rel_type": "m.thread", "event_id": mine, "is_falling_back": true, "m.in_reply_to": content{"event_id": mine}}}), "in a thread", "", "", "", mine},
		{said("an answer in it", content{"m.relates_to": content{"rel_type": "m.thread", "event_id": mine, "m.in_reply_to": content{"event_id": mine}}}), "an answer in it", mine, "tea is **ready**", g.bot.ID, mine},
	} {
		ann.Send(room, "m.room.message", c.content)
		m := g.Last(i + 1)
		thread := ""
		if m.Conversation.Thread != nil {
			thread = *m.Conversation.Thread
		}
		if m.Text != c.text || thread != c.thread || (m.ReplyTo == nil) != (c.quoted == "") {
			t.Errorf("%d: %+v", i, m)
			continue
		}
		if q := m.ReplyTo; q != nil && (q.ID != c.quoted || (q.Text == nil) != (c.said == "") || q.Text != nil && *q.Text != c.said || (q.Sender == nil) != (c.by == "") || q.Sender != nil && q.Sender.ID != c.by) {
			t.Errorf("%d answers %+v", i, q)
		}
		if m.Mentioned != (c.by == g.bot.ID) {
			t.Errorf("%d: mentioned is %t", i, m.Mentioned)
		}
	}
	if g.Repeats() > 0 {
		t.Errorf("%d messages were taken before what they answer was known", g.Repeats())
	}
}

func TestMentions(t *testing.T) {
	channeltest.Proves(t, channeltest.Groups, channeltest.Mentions)
	t.Parallel()
	g, ann, _ := connected(t, matrixtest.Config{})
	bob := g.server.Register("bob", "Bob")
	room := ann.CreateRoom(matrixtest.RoomOptions{Name: "Kitchen", Invite: []string{bob.ID, g.bot.ID}})
	bob.Join(room)
	g.Until("it comes", func() bool { return slices.Contains(g.server.Members(room), g.bot.ID) })
	nobody := content{"m.mentions": content{}}
	for i, c := range []struct {
		content content
		want    bool
	}{
		{said("hello", nil), false},
		{said("hello", content{"m.mentions": content{"user_ids": []string{g.bot.ID}}}), true},
		{said("hello", content{"m.mentions": content{"user_ids": []string{bob.ID}}}), false},
		{said("Carapace: hello", content{"formatted_body": `<a href="https://matrix.to/#/@bot:test.local">Carapace</a>: hello`}), true},
		{said("C: hello", content{"formatted_body": `<a href='https://matrix.to/#/%40bot%3Atest.local'>C</a>: hello`}), true},
		{said("C: hello", content{"formatted_body": `<a href="https://matrix.to/#/@bot:test.local.example">C</a>: hello`}), false},
		{said("C: hello", content{"formatted_body": `<a href="matrix:u/bot:test.local">C</a>: hello`}), true},
		{said("@bot:test.local hello", nobody), true},
		{said("is @bot:test.localhost there?", nobody), false},
		{said("carapace, hello", nil), true},
		{said("carapace, hello", nobody), false},
		{said("a carapaceous animal", nil), false},
		{said("bot hello", nil), true},
		{said("robot hello", nil), false},
	} {
		bob.Send(room, "m.room.message", c.content)
		m := g.Last(i + 1)
		if m.Mentioned != c.want || m.Conversation.Kind != wit.ConversationKindGroup || m.Conversation.Name == nil || *m.Conversation.Name != "Kitchen" {
			t.Errorf("%d %v: %+v", i, c.content, m)
		}
	}
}

func TestFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn)
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	uri := g.server.AddFile("p.png", "image/png", []byte("PNG!"))
	picture := content{"mimetype": "image/png", "size": 4, "w": 640, "h": 480}
	for i, c := range []struct {
		content content
		text    string
		want    wit.Attachment
		fetched string
	}{
		{content{"msgtype": "m.image", "body": "p.png", "url": uri, "info": picture}, "",
			wit.Attachment{Kind: wit.AttachmentKindImage, Name: new("p.png"), Mime: new("image/png"), Size: new(int64(4)), Width: new(uint32(640)), Height: new(uint32(480))}, "PNG!"},
		{content{"msgtype": "m.image", "body": "look", "filename": "p.png", "url": uri}, "look", wit.Attachment{Kind: wit.AttachmentKindImage, Name: new("p.png")}, "PNG!"},
		{content{"msgtype": "m.audio", "body": "v.ogg", "url": uri, "info": content{"duration": 6500, "mimetype": "audio/ogg"}, "org.matrix.msc3245.voice": content{}}, "",
			wit.Attachment{Kind: wit.AttachmentKindVoice, Name: new("v.ogg"), Mime: new("audio/ogg"), Duration: new(int64(6500))}, "PNG!"},
		{content{"msgtype": "m.audio", "body": "song.mp3", "url": uri}, "", wit.Attachment{Kind: wit.AttachmentKindAudio, Name: new("song.mp3")}, "PNG!"},
		{content{"msgtype": "m.video", "body": "v.mp4", "url": uri}, "", wit.Attachment{Kind: wit.AttachmentKindVideo, Name: new("v.mp4")}, "PNG!"},
		{content{"msgtype": "m.file", "body": "f.pdf", "url": "https://elsewhere.example/f"}, "", wit.Attachment{Kind: wit.AttachmentKindDocument, Name: new("f.pdf")}, ""},
		{content{"msgtype": "m.file", "body": "f.pdf", "file": content{"url": uri, "key": content{}}}, "", wit.Attachment{Kind: wit.AttachmentKindDocument, Name: new("f.pdf")}, ""},
		{content{"msgtype": "m.location", "body": "Here", "geo_uri": "geo:52.5,13.4;u=35"}, "", wit.Attachment{Kind: wit.AttachmentKindLocation, Name: new("Here"), Caption: new("52.5,13.4")}, ""},
	} {
		ann.Send(room, "m.room.message", c.content)
		m := g.Last(i + 1)
		if len(m.Attachments) != 1 || m.Text != c.text {
			t.Errorf("%d: %+v", i, m)
			continue
		}
		a := m.Attachments[0]
		fetch := a.Fetch
		if a.Fetch = nil; string(wit.Marshal(&a)) != string(wit.Marshal(&c.want)) {
			t.Errorf("%d: %s, want %s", i, wit.Marshal(&a), wit.Marshal(&c.want))
		}
		got := ""
		if fetch != nil {
			if res, err := g.Host.Do(fetch); err == nil && res.Status == 200 {
				got = *res.Text
			}
		}
		if got != c.fetched {
			t.Errorf("%d: fetched %q by %+v", i, got, fetch)
		}
	}
}

// TestFilesOfAnOldServer are at the addresses that it knows.
func TestFilesOfAnOldServer(t *testing.T) {
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{Versions: []string{"r0.6.1", "v1.6"}})
	ann.Send(room, "m.room.message", content{"msgtype": "m.image", "body": "p.png", "url": g.server.AddFile("p.png", "image/png", []byte("PNG!"))})
	if res, err := g.Host.Do(g.Last(1).Attachments[0].Fetch); err != nil || res.Status != 200 || *res.Text != "PNG!" {
		t.Errorf("%+v", res)
	}
}

func TestSignsOfLife(t *testing.T) {
	channeltest.Proves(t, channeltest.TypingIn)
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	bob := g.server.Register("bob", "Bob")
	ann.Type(room, true)
	ann.Read(room, g.bot.Say(room, "read this"))
	ann.Invite(room, bob.ID)
	bob.Join(room)
	bob.Leave(room)
	has := func(kind wit.ReceiptKind, who string) func() bool {
		return func() bool {
			return slices.ContainsFunc(g.Receipts(), func(r wit.Receipt) bool {
				return r.Kind == kind && r.Sender != nil && r.Sender.ID == who && r.Conversation.ID == room
			})
		}
	}
	g.Until("Ann types", has(wit.ReceiptKindTyping, ann.ID))
	g.Until("Ann has read", has(wit.ReceiptKindRead, ann.ID))
	g.Until("Bob came", has(wit.ReceiptKindJoined, bob.ID))
	g.Until("Bob went", has(wit.ReceiptKindLeft, bob.ID))
	ann.Kick(room, g.bot.ID)
	g.Until("the account is gone", has(wit.ReceiptKindLeft, g.bot.ID))
}

// TestMoreThanASyncHolds: what a sync leaves out is fetched, in order and once; of a room that is new only what was said since
// the invitation.
func TestMoreThanASyncHolds(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{Timeline: 4})
	g.Crash()
	const lines = 250
	var want []string
	for i := range lines {
		want = append(want, fmt.Sprint("line ", i))
		ann.Say(room, want[i])
	}
	second := ann.CreateRoom(matrixtest.RoomOptions{Name: "Second"})
	ann.Say(second, "before you came")
	ann.Invite(second, g.bot.ID)
	for i := range 30 {
		ann.Say(second, fmt.Sprint("since then ", i))
	}
	g.Start()
	var got, other []string
	g.Until("all was read", func() bool {
		got, other = nil, nil
		for _, m := range g.Inbox() {
			if m.Conversation.ID == room {
				got = append(got, m.Text)
			} else {
				other = append(other, m.Text)
			}
		}
		return len(got) >= lines && len(other) > 0 && other[len(other)-1] == "since then 29"
	})
	if !slices.Equal(got, want) {
		t.Errorf("%d lines came: %q", len(got), got)
	}
	if slices.Contains(other, "before you came") || !slices.IsSorted(other[len(other)-4:]) {
		t.Errorf("of the second room %q", other)
	}
	if len(g.server.Calls("messages")) < 3 {
		t.Errorf("%d pages were asked for", len(g.server.Calls("messages")))
	}
}

// TestWhatWasSaidWhileItCame: it was invited and has come while nobody remembers it, as after a crash, and much was said between.
func TestWhatWasSaidWhileItCame(t *testing.T) {
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{Timeline: 4})
	ann.Say(room, "one")
	g.Last(1)
	g.Crash()
	other := ann.CreateRoom(matrixtest.RoomOptions{})
	ann.Say(other, "to myself")
	ann.Invite(other, g.bot.ID)
	var want []string
	for i := range 22 {
		want = append(want, fmt.Sprint("line ", i))
		ann.Say(other, want[i])
		if i == 19 {
			g.bot.Join(other)
		}
	}
	g.Start()
	var got []string
	for _, m := range g.Messages(len(want) + 1)[1:] {
		got = append(got, m.Text)
	}
	if !slices.Equal(got, want) {
		t.Errorf("it was told %q", got)
	}
}

// TestMuchWasSaidAroundItsOwnWords: that the server tells who it is, as of everybody who has said something, does not make it new
// there; nor does a server that tells of a room anew.
func TestMuchWasSaidAroundItsOwnWords(t *testing.T) {
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{Timeline: 4})
	ann.Say(room, "one")
	g.Last(1)
	want := []string{"one"}
	for _, fault := range []matrixtest.Fault{{Call: "sync", Status: 503}, {Call: "sync", Rewind: 1000}} {
		g.Crash()
		g.server.Fail(fault)
		for range 10 {
			want = append(want, fmt.Sprint("line ", len(want)))
			ann.Say(room, want[len(want)-1])
			if len(want)%10 == 8 {
				g.bot.Say(room, "something of its own")
			}
		}
		g.Start()
		g.Messages(len(want))
	}
	for i, m := range g.Messages(len(want)) {
		if m.Text != want[i] {
			t.Errorf("message %d is %q, want %q", i, m.Text, want[i])
		}
	}
}

// TestWhatWasSaidBefore is not for it: neither before its first start, nor before it was invited.
func TestWhatWasSaidBefore(t *testing.T) {
	t.Parallel()
	g := newAccount(t, matrixtest.Config{}, everybody)
	ann := g.server.Register("ann", "")
	room := ann.CreateRoom(matrixtest.RoomOptions{Invite: []string{g.bot.ID}})
	g.bot.Join(room)
	ann.Say(room, "long ago")
	g.Start()
	g.Until("it reads", g.reads)
	ann.Say(room, "now")
	if m := g.Last(1); m.Text != "now" || m.Sender.Name != nil || m.Conversation.Kind != wit.ConversationKindDirect {
		t.Errorf("%+v", m)
	}
	other := ann.CreateRoom(matrixtest.RoomOptions{Name: "Other"})
	ann.Say(other, "to myself")
	ann.Invite(other, g.bot.ID)
	ann.Say(other, "to you") // before it has come
	if m := g.Last(2); m.Text != "to you" {
		t.Errorf("%+v", m)
	}
}

// TestCrashes has the gateway end and begin again at any time, and answers break off: nothing is lost, and all in order.
func TestCrashes(t *testing.T) {
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{Timeline: 5})
	const lines = 60
	for i := range lines {
		ann.Say(room, fmt.Sprintf("line %02d", i))
		switch i % 6 {
		case 1:
			g.server.Fail(matrixtest.Fault{Call: "sync", Cut: true}, matrixtest.Fault{Call: "messages", CutAfter: true})
		case 3:
			g.Crash()
			g.Start()
		case 5:
			g.server.Fail(matrixtest.Fault{Call: "sync", Rewind: 7}, matrixtest.Fault{Call: "sync", Status: 502, Body: "<html>"})
		}
	}
	g.Until("all came", func() bool { return len(g.Inbox()) >= lines })
	for i, m := range g.Messages(lines) {
		if m.Text != fmt.Sprintf("line %02d", i) {
			t.Fatalf("message %d is %q", i, m.Text)
		}
	}
}

// TestAnEncryptedRoom: what cannot be read is said once, to the owner, to the people there and to the model.
func TestAnEncryptedRoom(t *testing.T) {
	t.Parallel()
	g, ann, _ := connected(t, matrixtest.Config{})
	room := ann.CreateRoom(matrixtest.RoomOptions{Name: "Secret", Encrypted: true, Invite: []string{g.bot.ID}})
	g.Until("it comes", func() bool { return slices.Contains(g.server.Members(room), g.bot.ID) })
	for range 3 {
		ann.Send(room, "m.room.encrypted", content{"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA"})
	}
	if m := g.Last(1); m.Kind != wit.MessageKindService || !strings.Contains(m.Text, "encrypted") {
		t.Errorf("%+v", m)
	}
	g.Says(wit.ConnectionStateConnected, "Secret ("+room+") is encrypted")
	g.Until("people are told", func() bool { return len(notices(g, room)) > 0 })
	g.Crash()
	g.Start()
	g.Until("it reads", g.reads)
	ann.Say(room, "and this is not")
	g.Last(2)
	if list := notices(g, room); len(list) != 1 || !strings.Contains(list[0], "encryption off") {
		t.Errorf("people are told %q", list)
	}
}

// notices are the texts that the bot has sent to a room.
func notices(g *account, room string) (texts []string) {
	for _, e := range g.server.Events(room, "m.room.message") {
		if e.Sender == g.bot.ID {
			texts = append(texts, e.Content["body"].(string))
		}
	}
	return texts
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config string
		comes  bool
		says   string
	}{
		"all":           {`{"homeserver":"ROOT","autoJoin":"all"}`, true, ""},
		"of the owner":  {`{"homeserver":"ROOT","inviters":"@ann:test.local"}`, true, ""},
		"of its server": {`{"homeserver":"ROOT","inviters":"@bob:test.local, *:test.local"}`, true, ""},
		"of others":     {`{"homeserver":"ROOT","inviters":"@bob:test.local"}`, false, "add @ann:test.local to inviters"},
		"off":           {`{"homeserver":"ROOT","autoJoin":"off","inviters":"@ann:test.local"}`, false, "@ann:test.local has invited the bot"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newAccount(t, matrixtest.Config{}, c.config)
			ann := g.server.Register("ann", "Ann")
			g.Start()
			g.Until("it reads", g.reads)
			g.server.Fail(matrixtest.Fault{Call: "join", Status: 429, Errcode: "M_LIMIT_EXCEEDED", RetryAfter: 1000}, matrixtest.Fault{Call: "join", CutAfter: true})
			room := ann.CreateRoom(matrixtest.RoomOptions{Invite: []string{g.bot.ID}})
			if !c.comes {
				g.Says(wit.ConnectionStateConnected, c.says)
				if slices.Contains(g.server.Members(room), g.bot.ID) || len(g.server.Calls("join")) > 0 {
					t.Error("it has come")
				}
				return
			}
			ann.Say(room, "hello?")
			g.Last(1)
		})
	}
}

// TestARoomThatIsUpgraded goes on as the new one, whether it is open or the account has to be invited first.
func TestARoomThatIsUpgraded(t *testing.T) {
	channeltest.Proves(t, channeltest.Moves)
	t.Parallel()
	for name, public := range map[string]bool{"open": true, "by invitation": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, ann, _ := connected(t, matrixtest.Config{})
			bob := g.server.Register("bob", "Bob")
			room := ann.CreateRoom(matrixtest.RoomOptions{Name: "Kitchen", Public: true, Invite: []string{bob.ID, g.bot.ID}})
			bob.Join(room)
			g.Until("it comes", func() bool { return slices.Contains(g.server.Members(room), g.bot.ID) })
			ann.Say(room, "before")
			g.Last(1)
			next := ann.Upgrade(room, public)
			if !public {
				g.Says(wit.ConnectionStateConnected, "invite it to "+next)
				ann.Invite(next, g.bot.ID)
			}
			g.Until("it is there", func() bool { return slices.Contains(g.server.Members(next), g.bot.ID) })
			ann.Say(next, "after")
			g.Last(2)
			moved := g.Moved()
			if len(moved) != 1 || moved[0].From != room || moved[0].To.ID != next || moved[0].To.Kind != wit.ConversationKindGroup {
				t.Errorf("moved %+v", moved)
			}
			sent, err := g.TrySend(wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: room}, Text: "late", IdempotencyKey: "k"})
			if err != nil || sent.Moved == nil || sent.Moved.ID != next || len(sent.IDs) > 0 {
				t.Errorf("sent to the old room: %+v, %v", sent, err)
			}
		})
	}
}

// TestAForgottenRoom is asked about before what is said in it is taken: whether others can read it decides what it is.
func TestAForgottenRoom(t *testing.T) {
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	ann.Say(room, "one")
	g.Last(1)
	g.Crash()
	g.SetState(wit.JSON(strings.Replace(string(g.State()), `"rooms":`, `"forgotten":`, 1)))
	g.server.Fail(matrixtest.Fault{Call: "sync", Path: "sync", Status: 503, Body: "{}"})
	g.Start()
	g.Until("it reads", g.reads)
	ann.Say(room, "two")
	if m := g.Last(2); m.Text != "two" || m.Conversation.Kind != wit.ConversationKindDirect {
		t.Errorf("%+v", m)
	}
}
