package discord_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/discord/discordtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

const sending = "POST /channels/{channel}/messages"

func in(c discordtest.Channel) wit.Conversation {
	return wit.Conversation{Kind: wit.ConversationKindChannel, ID: c.ID}
}

func TestSendText(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.RepliesOut, channeltest.Markup, channeltest.Direct)
	r, _, c := place(t, "")
	said := r.server.Write(ada, c.ID, "hi")
	sent := r.mustSend(wit.ChannelSend{To: in(c), Text: "a*b bold 👍", Formatted: new(`a\*b **bold** 👍`), ReplyTo: new(c.ID + ":" + said.ID), Silent: true, IdempotencyKey: "k1"})
	m := r.server.FromBot(c.ID)[0]
	if len(sent.IDs) != 1 || sent.IDs[0] != c.ID+":"+m.ID || m.Content != `a\*b **bold** 👍` || m.MessageReference == nil || m.MessageReference.MessageID != said.ID || m.Flags != 1<<12 {
		t.Errorf("sent %+v as %v", m, sent.IDs)
	}
	body := r.last()
	if fmt.Sprint(body["allowed_mentions"]) != "map[parse:[] replied_user:true]" || body["enforce_nonce"] != true || len(fmt.Sprint(body["nonce"])) > 25 {
		t.Errorf("body %v", body)
	}
	again := r.mustSend(wit.ChannelSend{To: in(c), Text: "a*b bold 👍", IdempotencyKey: "k1"})
	if list := r.server.FromBot(c.ID); len(list) != 1 || !slices.Equal(again.IDs, sent.IDs) {
		t.Errorf("sent again: %+v as %v", list, again.IDs)
	}
	for name, replyTo := range map[string]string{"a message that is gone": c.ID + ":99", "another channel's": "7:99", "a command": "interaction:9", "no id": "x"} {
		r.mustSend(wit.ChannelSend{To: in(c), Text: name, ReplyTo: &replyTo})
		if list := r.server.FromBot(c.ID); list[len(list)-1].MessageReference != nil {
			t.Errorf("an answer to %s: %+v", name, list[len(list)-1])
		}
	}
	for _, nothing := range []string{"", " \n", "\u200b"} {
		if sent := r.mustSend(wit.ChannelSend{To: in(c), Text: nothing}); len(sent.IDs) != 0 {
			t.Errorf("of %q was sent %v", nothing, sent.IDs)
		}
	}
	thread := r.server.AddThread(c.ID, "t", true)
	r.mustSend(wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindChannel, ID: c.ID, Thread: &thread.ID}, Text: "in it"})
	if list := r.server.FromBot(thread.ID); len(list) != 1 || list[0].Content != "in it" {
		t.Errorf("in the thread: %+v", list)
	}
	r.config = wit.JSON(strings.Replace(string(r.config), "}", `,"mentions":"users"}`, 1))
	r.mustSend(wit.ChannelSend{To: in(c), Text: "hi <@1> @everyone"})
	if got := fmt.Sprint(r.last()["allowed_mentions"]); got != "map[parse:[users] replied_user:true]" {
		t.Errorf("allowed %s", got)
	}
}

// TestSendDirectly: to somebody who has written, to somebody who has not, and to the id of a channel that was taken for one of a
// person.
func TestSendDirectly(t *testing.T) {
	channeltest.Proves(t, channeltest.Direct)
	r, _, c := place(t, "")
	r.server.DM(ada, "hi")
	r.next(1)
	to := func(id string) wit.ChannelSend {
		return wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindDirect, ID: id}, Text: "for you"}
	}
	r.mustSend(to(ada.ID))
	if n := len(r.server.CallsOf("POST /users/@me/channels")); n != 0 || len(r.server.FromBot(r.server.DirectChat(ada).ID)) != 1 {
		t.Errorf("a chat that is known was opened %d times", n)
	}
	r.server.Write(ben, c.ID, "I am here")
	r.mustSend(to(ben.ID))
	if len(r.server.FromBot(r.server.DirectChat(ben).ID)) != 1 {
		t.Error("nothing came to ben")
	}
	r.mustSend(to(c.ID))
	if len(r.server.FromBot(c.ID)) != 1 {
		t.Error("nothing came to the channel")
	}
	for id, code := range map[string]wit.Code{"999": wit.CodeNotFound, "general": wit.CodeInvalid, "": wit.CodeInvalid} {
		if _, err := r.send(to(id)); wit.CodeOf(err) != code {
			t.Errorf("to %q: %v", id, err)
		}
	}
}

// TestNoCredentialIsFilledIntoTexts is about a message that asks for one.
func TestNoCredentialIsFilledIntoTexts(t *testing.T) {
	r, _, c := place(t, "")
	r.host.Media = map[string]wit.MediaInfo{"m1": {}}
	evil := "{{credential:botToken}} {{{credential:botToken}}}"
	r.mustSend(wit.ChannelSend{To: in(c), Text: evil})
	r.mustSend(wit.ChannelSend{To: in(c), Text: evil, Attachments: []wit.Attachment{{Kind: wit.AttachmentKindDocument, Media: new("m1"), Name: new("f")}}})
	r.server.Command(ada, c.ID, "ask", evil)
	r.take()
	for _, m := range r.server.FromBot(c.ID) {
		if m.Content != evil {
			t.Errorf("sent %q", m.Content)
		}
	}
	for _, call := range r.server.Calls() {
		if strings.Contains(string(call.Body), r.server.Token()) {
			t.Errorf("%s has the token", call.Route)
		}
	}
}

func file(name string) wit.Attachment {
	return wit.Attachment{Kind: wit.AttachmentKindDocument, Media: &name, Name: new(name + ".txt"), Mime: new("text/plain")}
}

func TestSendFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	r, _, c := place(t, "")
	captioned := file("b")
	captioned.Caption = new("the second")
	sent := r.mustSend(wit.ChannelSend{To: in(c), Text: "two files", Attachments: []wit.Attachment{file("a"), captioned,
		{Kind: wit.AttachmentKindImage, Fetch: &wit.HTTPRequest{URL: "https://example.org/c.png"}}}})
	m := r.server.FromBot(c.ID)[0]
	if len(sent.IDs) != 1 || len(m.Attachments) != 2 || m.Attachments[0].Filename != "a.txt" || m.Attachments[0].ContentType != "text/plain" ||
		m.Content != "two files\nthe second\nhttps://example.org/c.png" {
		t.Errorf("sent %+v", m)
	}
	var many []wit.Attachment
	for i := range 12 {
		many = append(many, file(fmt.Sprint("f", i)))
	}
	sent = r.mustSend(wit.ChannelSend{To: in(c), Attachments: many, IdempotencyKey: "many"})
	list := r.server.FromBot(c.ID)
	if len(sent.IDs) != 2 || len(list[1].Attachments) != 10 || len(list[2].Attachments) != 2 {
		t.Errorf("%d files were sent as %v", len(many), sent.IDs)
	}
	long := file("long")
	long.Caption = new(strings.Repeat("é", 2500))
	sent = r.mustSend(wit.ChannelSend{To: in(c), Text: "short", Attachments: []wit.Attachment{long}, IdempotencyKey: "long"})
	if list = r.server.FromBot(c.ID); len(sent.IDs) != 3 || list[3].Content != "short" || list[4].Content+list[5].Content != *long.Caption {
		t.Errorf("sent as %v", sent.IDs)
	}
	r.mustSend(wit.ChannelSend{To: in(c), Attachments: []wit.Attachment{{Kind: wit.AttachmentKindVoice, Media: new("v"), Mime: new("audio/ogg")}}})
	if list = r.server.FromBot(c.ID); list[len(list)-1].Attachments[0].Filename != "voice.ogg" {
		t.Errorf("%+v", list[len(list)-1])
	}
}

// TestALongMessageGoesOn where an attempt ended: nothing is sent twice, also when Discord has forgotten the nonces.
func TestALongMessageGoesOn(t *testing.T) {
	channeltest.Proves(t, channeltest.LongText)
	r, _, c := place(t, "")
	long := file("long")
	long.Caption = new(strings.Repeat("x", 2000) + strings.Repeat("y", 2000))
	send := wit.ChannelSend{To: in(c), Text: "text", Attachments: []wit.Attachment{long}, IdempotencyKey: "k"}
	attempts := 0
	for ; ; attempts++ {
		r.host.HTTP = after(1, r.server) // one message goes well, the next one does not
		if _, err := r.send(send); err == nil {
			break
		} else if wit.CodeOf(err) != wit.CodeUnavailable || attempts > 3 {
			t.Fatalf("attempt %d: %v", attempts, err)
		}
	}
	if attempts != 2 {
		t.Errorf("it took %d attempts more", attempts)
	}
	r.host.HTTP = r.server
	sent := r.mustSend(send)
	if list := r.server.FromBot(c.ID); len(sent.IDs) != 3 || len(list) != 3 || list[0].Content != "text" || list[2].Content != strings.Repeat("y", 2000) {
		t.Errorf("%d messages, %v", len(list), sent.IDs)
	}
	if again := r.mustSend(send); !slices.Equal(again.IDs, sent.IDs) || len(r.server.FromBot(c.ID)) != 3 {
		t.Errorf("again: %v", again.IDs)
	}
}

// after answers so many calls as Discord does, and then that it is out of order.
func after(n int, s *discordtest.Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n--; n < 0 {
			http.Error(w, "", http.StatusBadGateway)
			return
		}
		s.ServeHTTP(w, r)
	})
}

// TestDiscordsPaceIsKept: what Discord says of its limits is obeyed, also before it refuses.
func TestDiscordsPaceIsKept(t *testing.T) {
	channeltest.Proves(t, channeltest.Limits)
	r := newRig(t, discordtest.Config{PerChannel: 2, Window: time.Hour}, "")
	g := r.server.AddGuild("g")
	c := r.server.AddChannel(g.ID, "c")
	long := file("long")
	long.Caption = new(strings.Repeat("x", 3500))
	_, err := r.send(wit.ChannelSend{To: in(c), Text: "text", Attachments: []wit.Attachment{long}, IdempotencyKey: "k"})
	if e := wit.AsError(err); e == nil || e.Code != wit.CodeRateLimited || e.RetryAfter == nil || *e.RetryAfter < 3_590_000 || len(r.server.FromBot(c.ID)) != 2 {
		t.Errorf("before it is refused: %v", err)
	}
	if n := len(r.server.CallsOf(sending)); n != 2 {
		t.Errorf("%d calls", n)
	}
	_, err = r.send(wit.ChannelSend{To: in(c), Text: "more"})
	if e := wit.AsError(err); e == nil || e.Code != wit.CodeRateLimited || !e.Retryable || *e.RetryAfter < 3_590_000 {
		t.Errorf("refused: %v", err)
	}
	r.server.Fail(discordtest.Fault{Route: sending, Status: 429, RetryAfter: 2.5, Global: true})
	_, err = r.send(wit.ChannelSend{To: in(r.server.AddChannel(g.ID, "d")), Text: "more"})
	if e := wit.AsError(err); e == nil || e.Code != wit.CodeRateLimited || *e.RetryAfter != 2500 {
		t.Errorf("refused everywhere: %v", err)
	}
}

// TestErrors: what Discord says is said in the contract's codes, with a word about what to do.
func TestErrors(t *testing.T) {
	r, _, c := place(t, "")
	for name, tt := range map[string]struct {
		fault discordtest.Fault
		code  wit.Code
		again bool
		words string
	}{
		"closed direct messages":  {discordtest.Fault{Status: 403, Code: 50007, Message: "Cannot send messages to this user"}, wit.CodeForbidden, false, "direct messages"},
		"missing permissions":     {discordtest.Fault{Status: 403, Code: 50013, Message: "Missing Permissions"}, wit.CodeForbidden, false, "permission"},
		"missing access":          {discordtest.Fault{Status: 403, Code: 50001, Message: "Missing Access"}, wit.CodeForbidden, false, "permission"},
		"an unknown channel":      {discordtest.Fault{Status: 404, Code: 10003, Message: "Unknown Channel"}, wit.CodeNotFound, false, "Unknown Channel"},
		"an unknown message":      {discordtest.Fault{Status: 404, Code: 10008, Message: "Unknown Message"}, wit.CodeNotFound, false, ""},
		"a wrong form":            {discordtest.Fault{Status: 400, Code: 50035, Message: "Invalid Form Body", Field: "embeds"}, wit.CodeInvalid, false, "embeds"},
		"a text that is too long": {discordtest.Fault{Status: 400, Code: 50035, Message: "Invalid Form Body", Field: "content"}, wit.CodeTooLarge, false, "content"},
		"too large":               {discordtest.Fault{Status: 413, Code: 40005, Message: "Request entity too large"}, wit.CodeTooLarge, false, ""},
		"slow mode":               {discordtest.Fault{Status: 400, Code: 20016, Message: "This action cannot be performed due to slowmode rate limit"}, wit.CodeRateLimited, false, "slowmode"},
		"a wrong token":           {discordtest.Fault{Status: 401, Message: "401: Unauthorized"}, wit.CodeUnauthorized, true, ""},
		"out of order":            {discordtest.Fault{Status: 503}, wit.CodeUnavailable, false, ""},
	} {
		tt.fault.Route = sending
		r.server.Fail(tt.fault)
		_, err := r.send(wit.ChannelSend{To: in(c), Text: "x"})
		if e := wit.AsError(err); e == nil || e.Code != tt.code || !strings.Contains(e.Message, tt.words) || tt.again && !e.Retryable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(r.server.FromBot(c.ID)) != 0 {
		t.Error("something was sent")
	}
}

// TestRefusedSends: what is refused in one way is tried in another before a text is lost.
func TestRefusedSends(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	r, _, c := place(t, "")
	said := r.server.Write(ada, c.ID, "hi")
	last := func(channel string) discordtest.Message {
		list := r.server.FromBot(channel)
		return list[len(list)-1]
	}
	for name, fault := range map[string]discordtest.Fault{
		"a system message":          {Status: 400, Code: 50035, Message: "Invalid Form Body", Field: "message_reference"},
		"what it may not read back": {Status: 400, Code: 160002, Message: "Cannot reply without permission to read message history"},
	} {
		fault.Route = sending
		r.server.Fail(fault)
		r.mustSend(wit.ChannelSend{To: in(c), Text: name, ReplyTo: new(c.ID + ":" + said.ID)})
		if m := last(c.ID); m.Content != name || m.MessageReference != nil {
			t.Errorf("an answer to %s: %+v", name, m)
		}
	}
	r.mustSend(wit.ChannelSend{To: in(c), Text: "short", Formatted: new(strings.Repeat("*", 2500))})
	if m := last(c.ID); m.Content != "short" {
		t.Errorf("a formatting that is too long: %+v", m)
	}
	for name, end := range map[string]func(string){"closed": r.server.LockThread, "deleted": r.server.RemoveChannel} {
		thread := r.server.AddThread(c.ID, name, true)
		end(thread.ID)
		sent := r.mustSend(wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindChannel, ID: c.ID, Thread: &thread.ID}, Text: name})
		if m := last(c.ID); m.Content != "[for a closed thread]\n"+name || sent.IDs[0] != c.ID+":"+m.ID {
			t.Errorf("a thread that was %s: %+v", name, m)
		}
	}
	r.server.Fail(discordtest.Fault{Route: sending, Status: 413, Code: 40005, Message: "Request entity too large"})
	r.mustSend(wit.ChannelSend{To: in(c), Text: "with a file", Attachments: []wit.Attachment{file("big")}})
	if m := last(c.ID); m.Content != "with a file\n\n[big.txt could not be sent: it is too large]" || len(m.Attachments) != 0 {
		t.Errorf("a file that is too large: %+v", m)
	}
	before := len(r.server.FromBot(c.ID))
	r.server.Fail(discordtest.Fault{Route: sending, Status: 413, Code: 40005, Message: "Request entity too large"},
		discordtest.Fault{Route: sending, Status: 413, Code: 40005, Message: "Request entity too large"})
	sent := r.mustSend(wit.ChannelSend{To: in(c), Text: "two", Attachments: []wit.Attachment{file("big"), file("small")}, IdempotencyKey: "two"})
	list := r.server.FromBot(c.ID)[before:]
	if len(sent.IDs) != 2 || len(list) != 2 || !strings.HasPrefix(list[0].Content, "two\n\n[big.txt could not be sent") || list[1].Attachments[0].Filename != "small.txt" {
		t.Errorf("two files of which one is too large: %+v", list)
	}
	r.server.Fail(discordtest.Fault{Route: sending, Status: 413, Code: 40005, Message: "Request entity too large"})
	if _, err := r.send(wit.ChannelSend{To: in(c), Attachments: []wit.Attachment{file("big")}}); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("a file alone that is too large: %v", err)
	}
}

func TestChangeWhatWasSent(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut, channeltest.ReactionsOut, channeltest.TypingOut, channeltest.Polls)
	r, _, c := place(t, "")
	host, direct := r.host.SDK(), wit.Conversation{Kind: wit.ConversationKindDirect, ID: ada.ID}
	r.server.DM(ada, "hi")
	for _, to := range []wit.Conversation{in(c), direct} {
		r.state = nil // it knows no direct chat but by the message's id
		id := r.mustSend(wit.ChannelSend{To: to, Text: "one"}).IDs[0]
		chat, _, _ := strings.Cut(id, ":")
		if _, err := r.plugin.(channel.Editor).Edit(host, &wit.ChannelEdit{Config: r.config, To: to, ID: id, Text: "2*", Formatted: new(`2\*`)}); err != nil {
			t.Error(err)
		}
		if m := r.server.FromBot(chat); len(m) != 1 || m[0].Content != `2\*` {
			t.Errorf("edited: %+v", m)
		}
		react := func(emoji string) error {
			_, err := r.plugin.(channel.Reactor).React(host, &wit.ChannelReaction{Config: r.config, To: to, ID: id, Emoji: emoji})
			return err
		}
		for _, emoji := range []string{"👍", "❤️", "<:cat:123>", "cat2:124"} {
			if err := react(emoji); err != nil {
				t.Errorf("%s: %v", emoji, err)
			}
		}
		if m := r.server.FromBot(chat)[0]; len(m.Reactions) != 4 || *m.Reactions[2].Emoji.ID != "123" {
			t.Errorf("reacted: %+v", m.Reactions)
		}
		if err := react("nonsense"); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("an emoji that is none: %v", err)
		}
		if err := react(""); err != nil || len(r.server.FromBot(chat)[0].Reactions) != 0 {
			t.Errorf("taken back: %v, %+v", err, r.server.FromBot(chat)[0].Reactions)
		}
		remove := func() error {
			_, err := r.plugin.(channel.Deleter).Delete(host, &wit.ChannelDelete{Config: r.config, To: to, ID: id})
			return err
		}
		if err := remove(); err != nil || len(r.server.FromBot(chat)) != 0 {
			t.Errorf("deleted: %v", err)
		}
		if err := remove(); err != nil {
			t.Errorf("deleted twice: %v", err)
		}
		if _, err := r.plugin.(channel.Editor).Edit(host, &wit.ChannelEdit{Config: r.config, To: to, ID: id, Text: "x"}); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("edited what is gone: %v", err)
		}
		if _, err := r.plugin.(channel.Typer).Typing(host, &wit.ChannelTyping{Config: r.config, To: to}); err != nil {
			t.Error(err)
		}
	}
	if n := len(r.server.CallsOf("POST /channels/{channel}/typing")); n != 2 {
		t.Errorf("it typed %d times", n)
	}
	sent, err := r.plugin.(channel.Poller).Poll(host, &wit.ChannelPoll{Config: r.config, To: in(c), Question: "Tea?", Options: []string{"yes", "no"}, IdempotencyKey: "p"})
	if err != nil || len(sent.IDs) != 1 || !strings.Contains(string(r.server.FromBot(c.ID)[0].Poll), `"answers":[{"poll_media":{"text":"yes"}},{"poll_media":{"text":"no"}}]`) {
		t.Errorf("asked %+v, %v", r.server.FromBot(c.ID), err)
	}
	if _, err := r.plugin.(channel.Poller).Poll(host, &wit.ChannelPoll{Config: r.config, To: in(c), Question: "?", Options: make([]string, 11)}); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("eleven answers: %v", err)
	}
}

func TestDirectory(t *testing.T) {
	channeltest.Proves(t, channeltest.Directory)
	r, _, c := place(t, "")
	r.server.Write(ada, c.ID, "hi")
	find := func(query string, kind *wit.ConversationKind) string {
		t.Helper()
		found, err := r.plugin.(channel.Finder).Directory(r.host.SDK(), &wit.DirectoryQuery{Config: r.config, Query: query, Kind: kind})
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		var list []string
		for _, e := range found.Entries {
			list = append(list, string(e.Kind)+" "+e.ID+" "+text(e.Name)+" "+text(e.Username))
		}
		return strings.Join(list, ", ")
	}
	channelEntry, adaEntry := "channel "+c.ID+" #general ", "direct "+ada.ID+" Person 1 person1"
	for query, want := range map[string]string{c.ID: channelEntry, ada.ID: adaEntry, "#gen": channelEntry, "@person1": adaEntry, "nobody": "", "999": ""} {
		if got := find(query, nil); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if got := find("general", new(wit.ConversationKindDirect)); got != "" {
		t.Errorf("a channel as a person: %q", got)
	}
}
