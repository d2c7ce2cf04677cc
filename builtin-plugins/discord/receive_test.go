package discord_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/discord/discordtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

var ada, ben = discordtest.Person(1), discordtest.Person(2)

// place is a rig with a guild and a channel.
func place(t *testing.T, more string) (*rig, discordtest.Guild, discordtest.Channel) {
	t.Helper()
	r := connected(t, more)
	g := r.server.AddGuild("Friends")
	c := r.server.AddChannel(g.ID, "general")
	r.take()
	return r, g, c
}

func TestReceive(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Direct, channeltest.Groups, channeltest.Mentions, channeltest.RepliesIn)
	r, g, c := place(t, "")
	me := r.server.Bot()

	direct := r.server.DM(ada, "hello 👋")
	m := r.next(1)[0]
	if m.ID != direct.ChannelID+":"+direct.ID || m.Kind != wit.MessageKindText || m.Text != "hello 👋" || !m.Mentioned ||
		m.Conversation.Kind != wit.ConversationKindDirect || m.Conversation.ID != ada.ID || m.Sender.ID != ada.ID || text(m.Sender.Name) != "Person 1" || m.Time == 0 {
		t.Errorf("directly: %+v", m)
	}
	r.server.Write(ada, c.ID, "all")
	m = r.next(1)[0]
	if m.Mentioned || m.Conversation.Kind != wit.ConversationKindChannel || m.Conversation.ID != c.ID || text(m.Conversation.Name) != "#general" {
		t.Errorf("in a channel: %+v", m)
	}
	r.server.Write(ada, c.ID, "<@"+me.ID+"> in <#"+c.ID+"> with <@!"+ben.ID+"> <:cat:12> <a:dog:13> <t:1800000000:R> </ask:7> <b> <@&9> 1 < 2 <")
	m = r.next(1)[0]
	if want := "@Carapace in #general with <@!" + ben.ID + "> :cat: :dog: 2027-01-15 08:00 UTC /ask <b> @role 1 < 2 <"; m.Text != want || !m.Mentioned {
		t.Errorf("mentioned: %q, %t, want %q", m.Text, m.Mentioned, want)
	}
	r.server.Write(ada, c.ID, "<@"+me.ID+"> /new")
	if m = r.next(1)[0]; m.Text != "/new" || !m.Mentioned {
		t.Errorf("a command behind its name: %+v", m)
	}
	r.server.Write(ada, c.ID, "<@&"+g.Roles[1].ID+"> hi")
	if m = r.next(1)[0]; !m.Mentioned || m.Text != "@Carapace hi" {
		t.Errorf("mentioned by a role: %+v", m)
	}
	sent := r.mustSend(wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindChannel, ID: c.ID}, Text: "from me"})
	r.next(0) // what it says itself
	mine := r.server.FromBot(c.ID)[0]
	r.server.Reply(ben, mine, "what?")
	m = r.next(1)[0]
	if !m.Mentioned || m.ReplyTo == nil || m.ReplyTo.ID != sent.IDs[0] || text(m.ReplyTo.Text) != "from me" || m.ReplyTo.Sender.ID != me.ID {
		t.Errorf("answered: %+v %+v", m, m.ReplyTo)
	}
	long := strings.Repeat("x", 4000)
	r.server.Write(ada, c.ID, long)
	if m = r.next(1)[0]; m.Text != long {
		t.Errorf("a long text has %d bytes", len(m.Text))
	}
	r.server.Write(ada, c.ID, "")
	r.next(0)
}

func TestReceiveThreads(t *testing.T) {
	channeltest.Proves(t, channeltest.Threads)
	r, g, c := place(t, "")
	told, hidden := r.server.AddThread(c.ID, "told", true), r.server.AddThread(c.ID, "hidden", false)
	r.server.Write(ada, told.ID, "one")
	m := r.next(1)[0]
	if m.Conversation.ID != c.ID || text(m.Conversation.Thread) != told.ID || text(m.Conversation.Name) != "#general" || m.ID[:len(told.ID)] != told.ID {
		t.Errorf("a thread that it was told of: %+v", m)
	}
	for _, said := range []string{"1", "2"} {
		r.server.Write(ada, hidden.ID, said)
	}
	list := r.next(2)
	for i, m := range list {
		if m.Conversation.ID != c.ID || text(m.Conversation.Thread) != hidden.ID || m.Text != []string{"1", "2"}[i] {
			t.Errorf("a thread that it had to ask about: %+v", m)
		}
	}
	if n := len(r.server.CallsOf("GET /channels/{channel}")); n != 1 {
		t.Errorf("it asked %d times", n)
	}
	r.server.Write(ada, r.server.AddHiddenChannel(g.ID, "secret").ID, "x")
	if m := r.next(1)[0]; m.Conversation.Kind != wit.ConversationKindChannel || m.Conversation.Thread != nil {
		t.Errorf("a channel that it does not know: %+v", m)
	}
}

// TestAThreadIsWaitedFor while Discord does not say what it is: what is said in it keeps its order, what is said elsewhere goes on,
// and a restart loses nothing.
func TestAThreadIsWaitedFor(t *testing.T) {
	r, _, c := place(t, "")
	hidden := r.server.AddThread(c.ID, "hidden", false)
	r.server.Fail(discordtest.Fault{Route: "GET /channels/{channel}", Status: 503, Times: 2})
	r.server.Write(ada, hidden.ID, "1")
	r.server.Write(ada, c.ID, "elsewhere")
	r.server.Write(ada, hidden.ID, "2")
	if m := r.next(1)[0]; m.Text != "elsewhere" {
		t.Errorf("%+v", m)
	}
	r.fire("places")
	r.next(0)
	r.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	list := r.next(2)
	if list[0].Text != "1" || list[1].Text != "2" || text(list[0].Conversation.Thread) != hidden.ID {
		t.Errorf("%+v", list)
	}
	gone := r.server.AddThread(c.ID, "gone", false)
	r.server.Write(ada, gone.ID, "last words")
	r.server.RemoveChannel(gone.ID)
	if m := r.next(1)[0]; m.Text != "last words" || m.Conversation.ID != gone.ID {
		t.Errorf("what cannot be looked at: %+v", m)
	}
	many := r.server.AddThread(c.ID, "many", false)
	r.server.Fail(discordtest.Fault{Route: "GET /channels/{channel}", Status: 503, Times: -1})
	for range 40 {
		r.server.Write(ada, many.ID, strings.Repeat("long ", 300))
	}
	r.take()
	if len(r.messages) == 0 || len(r.state) > 60<<10 {
		t.Errorf("%d messages came, the state has %d bytes", len(r.messages), len(r.state))
	}
}

func TestReceiveChanges(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsIn, channeltest.DeletionsIn, channeltest.ReactionsIn, channeltest.Unreactions, channeltest.TypingIn)
	r, _, c := place(t, "")
	for name, said := range map[string]discordtest.Message{"in a channel": r.server.Write(ada, c.ID, "a"), "directly": r.server.DM(ada, "a")} {
		r.take()
		r.messages, r.receipts = nil, nil
		id := said.ChannelID + ":" + said.ID
		r.server.Edit(said, "b")
		m := r.next(1)[0]
		if m.Kind != wit.MessageKindEdited || m.Text != "b" || text(m.Target) != id || m.ID == id {
			t.Errorf("edited %s: %+v", name, m)
		}
		r.server.React(ben, said, "👍", true)
		r.server.React(ben, said, "👍", false)
		list := r.next(2)
		if list[0].Kind != wit.MessageKindReaction || list[0].Text != "👍" || text(list[0].Target) != id || list[0].Sender.ID != ben.ID || list[1].Text != "" || list[0].ID == list[1].ID {
			t.Errorf("reacted %s: %+v", name, list)
		}
		if list[0].Conversation.ID != m.Conversation.ID {
			t.Errorf("reacted in %+v, edited in %+v", list[0].Conversation, m.Conversation)
		}
		r.server.Type(ada, said.ChannelID)
		r.take()
		if len(r.receipts) != 1 || r.receipts[0].Kind != wit.ReceiptKindTyping || r.receipts[0].Sender.ID != ada.ID || r.receipts[0].Conversation.ID != m.Conversation.ID {
			t.Errorf("typed %s: %+v", name, r.receipts)
		}
		r.server.Delete(said)
		if d := r.next(1)[0]; d.Kind != wit.MessageKindDeleted || text(d.Target) != id || d.Conversation.ID != m.Conversation.ID {
			t.Errorf("deleted %s: %+v", name, d)
		}
	}
	r.frame(`{"op":0,"t":"MESSAGE_UPDATE","s":900,"d":{"id":"5","channel_id":"` + c.ID + `","author":{"id":"3"},"content":"a link","edited_timestamp":null,"embeds":[{}]}}`)
	r.next(0) // a preview is no edit
	r.frame(`{"op":0,"t":"MESSAGE_DELETE_BULK","s":901,"d":{"ids":["5","6"],"channel_id":"` + c.ID + `","guild_id":"4"}}`)
	r.next(2)
}

func TestReceiveFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn)
	r, _, c := place(t, "")
	picture := r.server.AddFile(root, "a b.png", "image/png", []byte("png"))
	picture.Width, picture.Height, picture.Description = 10, 20, "a cat"
	voice := r.server.AddFile(root, "voice.ogg", "audio/ogg", []byte("ogg"))
	voice.Duration = 1.5
	r.server.Say(discordtest.Message{Author: &ada, ChannelID: c.ID, Attachments: []discordtest.Attachment{picture}, Content: "see"})
	m := r.next(1)[0]
	a := m.Attachments[0]
	if m.Text != "see" || a.Kind != wit.AttachmentKindImage || text(a.Name) != "a b.png" || *a.Size != 3 || *a.Width != 10 || text(a.Caption) != "a cat" {
		t.Fatalf("%+v", m)
	}
	response, err := r.host.Do(a.Fetch)
	if err != nil || text(response.Text) != "png" {
		t.Errorf("fetched %+v, %v", response, err)
	}
	for _, h := range a.Fetch.Headers {
		t.Errorf("the file is fetched with %+v", h)
	}
	r.server.Say(discordtest.Message{Author: &ada, ChannelID: c.ID, Attachments: []discordtest.Attachment{voice}, Flags: 1 << 13})
	if a = r.next(1)[0].Attachments[0]; a.Kind != wit.AttachmentKindVoice || *a.Duration != 1500 {
		t.Errorf("%+v", a)
	}
	r.server.Say(discordtest.Message{Author: &ada, ChannelID: c.ID, StickerItems: []discordtest.Sticker{{ID: "77", Name: "wave", FormatType: 1}}})
	if a = r.next(1)[0].Attachments[0]; a.Kind != wit.AttachmentKindSticker || text(a.Caption) != "wave" || a.Fetch.URL != root+"/stickers/77.png" {
		t.Errorf("%+v", a)
	}
	original := r.server.DM(ben, "the original")
	r.server.Forward(ada, original, c.ID)
	list := r.next(2)
	if f := list[1].Forwarded; list[1].Text != "the original" || f == nil || text(f.ID) != original.ChannelID+":"+original.ID || f.Time == 0 || list[1].ReplyTo != nil {
		t.Errorf("handed on: %+v", list[1])
	}
}

// TestWhatProgramsSay is read, and answered only where the owner wants that.
func TestWhatProgramsSay(t *testing.T) {
	r, _, c := place(t, "")
	other := discordtest.User{ID: "55", Username: "other", Bot: true}
	r.server.Say(discordtest.Message{Author: &other, ChannelID: c.ID, Content: "<@" + r.server.Bot().ID + "> beep", Embeds: []discordtest.Embed{{Title: "News", Description: "of <@55>"}}})
	if m := r.next(1)[0]; m.Kind != wit.MessageKindService || !strings.Contains(m.Text, "beep\nNews\nof ") || !m.Sender.Bot {
		t.Errorf("%+v", m)
	}
	r.server.Say(discordtest.Message{Author: &discordtest.User{ID: "66", Username: "hook"}, WebhookID: "66", ChannelID: c.ID, Content: "build failed"})
	if m := r.next(1)[0]; m.Kind != wit.MessageKindService || !m.Sender.Bot {
		t.Errorf("%+v", m)
	}
	r.config = wit.JSON(strings.Replace(string(r.config), "}", `,"bots":true}`, 1))
	r.server.Say(discordtest.Message{Author: &other, ChannelID: c.ID, Content: "<@" + r.server.Bot().ID + "> beep"})
	if m := r.next(1)[0]; m.Kind != wit.MessageKindText || !m.Mentioned {
		t.Errorf("%+v", m)
	}
	for kind, want := range map[int]string{7: "Person 1 joined the server", 6: "pinned", 18: "opened a thread: x", 999: "x"} {
		r.server.Say(discordtest.Message{Author: &ada, ChannelID: c.ID, Type: kind, Content: "x"})
		if m := r.next(1)[0]; m.Kind != wit.MessageKindService || !strings.Contains(m.Text, want) {
			t.Errorf("type %d: %+v", kind, m)
		}
	}
}

// TestVotes: what people choose in a poll of the bot's is told, and that they take it back; of other polls it is not.
func TestVotes(t *testing.T) {
	r, _, c := place(t, "")
	r.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	r.hello()
	r.tap = r.server.Tap(discordtest.AllIntents)
	r.take()
	sent, err := r.plugin.(channel.Poller).Poll(r.host.SDK(), &wit.ChannelPoll{Config: r.config, State: r.state, To: in(c), Question: "Tea?", Options: []string{"green", "black"}})
	if err != nil {
		t.Fatal(err)
	}
	asked := r.server.FromBot(c.ID)[0]
	other := asked
	other.ID = "1"
	r.server.Vote(ada, asked, 2, true)
	r.server.Vote(ada, other, 1, true)
	r.server.Vote(ada, asked, 2, false)
	got := r.next(2)
	for i, want := range []string{"[voted in the poll “Tea?”: black]", "[took back the vote in the poll “Tea?”: black]"} {
		if m := got[i]; m.Text != want || m.Kind != wit.MessageKindService || m.ReplyTo.ID != sent.IDs[0] || m.Sender.ID != ada.ID || m.Conversation.ID != c.ID {
			t.Errorf("told %+v", m)
		}
	}
}

// TestPollResult: what came of a poll is told, also of the bot's own, whose result has the bot as its author.
func TestPollResult(t *testing.T) {
	r, _, c := place(t, "")
	r.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	r.hello()
	r.tap = r.server.Tap(discordtest.AllIntents)
	r.take()
	sent, err := r.plugin.(channel.Poller).Poll(r.host.SDK(), &wit.ChannelPoll{Config: r.config, State: r.state, To: in(c), Question: "Tea?", Options: []string{"green", "black"}})
	if err != nil {
		t.Fatal(err)
	}
	own := r.server.FromBot(c.ID)[0]
	theirs := r.server.Write(ada, c.ID, "A question")
	r.next(1)
	question := discordtest.Field{Name: "poll_question_text", Value: "Tea?"}
	winner := discordtest.Field{Name: "victor_answer_text", Value: "black"}
	for _, e := range []struct {
		poll   discordtest.Message
		fields []discordtest.Field
		sender string
		want   string
	}{
		{own, []discordtest.Field{question, winner, {Name: "victor_answer_votes", Value: "3"}, {Name: "total_votes", Value: "5"}}, "discord", "[a poll has ended] Tea?: black (3 of 5 votes)"},
		{own, []discordtest.Field{question, {Name: "victor_answer_votes", Value: "2"}, {Name: "total_votes", Value: "4"}}, "discord", "[a poll has ended] Tea?: no answer won (2 of 4 votes)"},
		{own, []discordtest.Field{question, {Name: "victor_answer_votes", Value: "0"}, {Name: "total_votes", Value: "0"}}, "discord", "[a poll has ended] Tea?: nobody voted"},
		{theirs, []discordtest.Field{question, winner}, ada.ID, "[a poll has ended] Tea?: black"},
	} {
		r.server.EndPoll(e.poll, e.fields...)
		m := r.next(1)[0]
		if m.Text != e.want || m.Kind != wit.MessageKindService || m.Sender.ID != e.sender || m.ReplyTo == nil || e.sender == "discord" && m.ReplyTo.ID != sent.IDs[0] {
			t.Errorf("told %+v", m)
		}
	}
}

func TestButtonsAndCommands(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons, channeltest.Commands)
	r, _, c := place(t, `,"commands":["ask: Ask me","New: Begin again","bad name!","long: `+strings.Repeat("x", 130)+`"]`)
	if list := r.server.Commands(); len(list) != 3 || list[0].Name != "ask" || !list[0].Options[0].Required || list[1].Name != "new" || list[1].Options[0].Required {
		t.Fatalf("registered %+v", list)
	}
	r.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	r.hello()
	r.tap = r.server.Tap(discordtest.AllIntents)
	r.take()
	if n := len(r.server.CallsOf("PUT /applications/{application}/commands")); n != 1 {
		t.Errorf("the same commands were registered %d times", n)
	}
	to := wit.Conversation{Kind: wit.ConversationKindChannel, ID: c.ID}
	sent := r.mustSend(wit.ChannelSend{To: to, Text: "May they?", Actions: []wit.ActionRow{{Actions: []wit.Action{
		{Label: "Yes", Value: "approve.1", Style: wit.ActionStylePrimary}, {Label: "No", Value: "deny.1", Style: wit.ActionStyleDanger}}}}})
	asked := r.server.FromBot(c.ID)[0]
	if b := asked.Buttons(); len(b) != 2 || b[0].Label != "Yes" || b[0].Style != 1 || b[1].Style != 4 {
		t.Fatalf("buttons %+v", b)
	}
	id := r.server.Press(ada, asked, "approve.1")
	m := r.next(1)[0]
	if m.Kind != wit.MessageKindAction || m.Text != "approve.1" || text(m.Target) != sent.IDs[0] || m.Sender.ID != ada.ID || m.Conversation.ID != c.ID || !r.server.Acknowledged(id) {
		t.Errorf("pressed: %+v", m)
	}
	if _, err := r.plugin.(channel.Editor).Edit(r.host.SDK(), &wit.ChannelEdit{Config: r.config, State: r.state, To: to, ID: sent.IDs[0], Text: "They may."}); err != nil {
		t.Fatal(err)
	}
	if m := r.server.FromBot(c.ID)[0]; m.Content != "They may." || len(m.Buttons()) != 0 {
		t.Errorf("edited: %+v", m)
	}
	thread := r.server.AddThread(c.ID, "hidden", false)
	for name, in := range map[string]struct{ channel, command, text, want string }{
		"ask":         {c.ID, "ask", "what is 1+1?", "what is 1+1?"},
		"new":         {r.server.DirectChat(ben).ID, "new", "", "/new"},
		"in a thread": {thread.ID, "new", "topic", "/new topic"},
	} {
		id := r.server.Command(ben, in.channel, in.command, in.text)
		m := r.next(1)[0]
		if m.Kind != wit.MessageKindText || m.Text != in.want || !m.Mentioned || m.Sender.ID != ben.ID || !r.server.Acknowledged(id) {
			t.Errorf("%s: %+v", name, m)
		}
		if in.channel == thread.ID && text(m.Conversation.Thread) != thread.ID {
			t.Errorf("%s: %+v", name, m.Conversation)
		}
	}
	calls := r.server.CallsOf("POST /interactions/{id}/{token}/callback")
	if body := string(calls[0].Body); body != `{"type":6}` {
		t.Errorf("a button was acknowledged by %s", body)
	}
	for _, c := range calls[1:] {
		if body := string(c.Body); !strings.HasPrefix(body, `{"type":4,"data":{"content":"> `) || !strings.Contains(body, `"allowed_mentions":{"parse":[]}`) {
			t.Errorf("a command was answered by %s", body)
		}
	}
	// One button of many rows: Discord has five rows.
	var rows []wit.ActionRow
	for i := range 12 {
		rows = append(rows, wit.ActionRow{Actions: []wit.Action{{Label: "x", Value: strings.Repeat("v", i+1)}}})
	}
	r.mustSend(wit.ChannelSend{To: to, Text: "many", Actions: rows})
	if m := r.server.FromBot(c.ID); len(m[len(m)-1].Buttons()) != 12 || len(m[len(m)-1].Components) != 3 {
		t.Errorf("%+v", m[len(m)-1].Components)
	}
}
