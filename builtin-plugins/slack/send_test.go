package slack_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/slack/slacktest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// sender is a gateway that only sends, in a workspace in which Ada has said hi.
func sender(t *testing.T, cfg slacktest.Config, more string) (*slacktest.Server, *gateway, slacktest.Message) {
	t.Helper()
	s := workspace(cfg)
	g := newGateway(t, s, more)
	g.state = wit.JSON(`{"generation":1,"me":{"user":"U0CARAPACE","bot":"B0CARAPACE","name":"carapace"}}`)
	return s, g, s.Say(club.ID, said(ada.ID, "hi"))
}

var (
	toAda  = wit.Conversation{Kind: wit.ConversationKindDirect, ID: "U0ADA"}
	toClub = wit.Conversation{Kind: wit.ConversationKindChannel, ID: "C0CLUB"}
)

func (g *gateway) send(send wit.ChannelSend) (*wit.Sent, error) {
	send.Account, send.Config, send.State = "default", g.config, g.state
	return g.plugin.Send(g.host.SDK(), &send)
}

func (g *gateway) mustSend(send wit.ChannelSend) *wit.Sent {
	g.t.Helper()
	sent, err := g.send(send)
	if err != nil {
		g.t.Fatalf("send: %v", err)
	}
	return sent
}

// lastPost is the bot's last message in a channel.
func lastPost(t *testing.T, s *slacktest.Server, channel string) slacktest.Message {
	t.Helper()
	list := s.Posts(channel)
	if len(list) == 0 {
		t.Fatalf("the bot has posted nothing in %s", channel)
	}
	return list[len(list)-1]
}

func TestSendText(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.Markup, channeltest.RepliesOut, channeltest.Threads, channeltest.Direct)
	s, g, hi := sender(t, slacktest.Config{}, "")
	sent := g.mustSend(wit.ChannelSend{To: toAda, Text: "1 < 2 & *3*", IdempotencyKey: "k"})
	m := lastPost(t, s, ada.ID)
	if m.Text != "1 &lt; 2 &amp; *3*" || !m.Plain || m.Channel != "D0ADA" || len(sent.IDs) != 1 || sent.IDs[0] != "D0ADA:"+m.TS {
		t.Errorf("sent %v: %+v", sent.IDs, m)
	}
	g.mustSend(wit.ChannelSend{To: toAda, Text: `"bold"`, Formatted: new(`*&quot;bold&quot;* &amp;quot; <https://e.org|x>`)})
	if m = lastPost(t, s, ada.ID); m.Text != `*"bold"* &amp;quot; <https://e.org|x>` || m.Plain {
		t.Errorf("sent %+v", m)
	}
	if n := len(s.Calls("conversations.open")); n != 1 {
		t.Errorf("the conversation was opened %d times", n)
	}
	for _, tt := range []struct {
		send wit.ChannelSend
		want string
	}{
		{wit.ChannelSend{To: toClub, Text: "x", ReplyTo: new("C0CLUB:" + hi.TS)}, hi.TS},
		{wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindChannel, ID: "C0CLUB", Thread: &hi.TS}, Text: "x"}, hi.TS},
		{wit.ChannelSend{To: toClub, Text: "x", ReplyTo: new("command:1.2")}, ""},
		{wit.ChannelSend{To: toClub, Text: "x", ReplyTo: new("C0OTHER:" + hi.TS)}, ""},
		{wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "C0TRIO"}, Text: "x", ReplyTo: new("C0TRIO:" + hi.TS)}, ""},
	} {
		g.mustSend(tt.send)
		if m := lastPost(t, s, tt.send.To.ID); m.ThreadTS != tt.want {
			t.Errorf("%s went to thread %q, want %q", wit.Marshal(&tt.send), m.ThreadTS, tt.want)
		}
	}
	before := len(s.Calls(""))
	if sent := g.mustSend(wit.ChannelSend{To: toClub, Text: " \n"}); len(sent.IDs) != 0 || len(s.Calls("")) != before {
		t.Errorf("of nothing something was sent: %v", sent)
	}
}

// TestSettingsOfSends: answers in the channel, and no previews.
func TestSettingsOfSends(t *testing.T) {
	s, g, hi := sender(t, slacktest.Config{}, `,"replies":"channel","linkPreview":false`)
	g.mustSend(wit.ChannelSend{To: toClub, Text: "x", ReplyTo: new("C0CLUB:" + hi.TS)})
	if m, call := lastPost(t, s, club.ID), s.Calls("chat.postMessage")[0]; m.ThreadTS != "" || call.Form.Get("unfurl_links") != "false" || call.Form.Get("unfurl_media") != "false" {
		t.Errorf("sent %+v by %v", m, call.Form)
	}
}

// TestRefusedSends are tried another way before a text is lost.
func TestRefusedSends(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	s, g, hi := sender(t, slacktest.Config{}, "")
	s.Fail(slacktest.Fault{Method: "chat.postMessage", Error: "msg_blocks_too_long"})
	g.mustSend(wit.ChannelSend{To: toClub, Text: "x", Formatted: new("*x*")})
	if m := lastPost(t, s, club.ID); m.Text != "x" || !m.Plain {
		t.Errorf("sent %+v", m)
	}
	s.Fail(slacktest.Fault{Method: "chat.postMessage", Error: "cannot_reply_to_message"})
	g.mustSend(wit.ChannelSend{To: toClub, Text: "y", ReplyTo: new("C0CLUB:" + hi.TS)})
	if m := lastPost(t, s, club.ID); m.Text != "y" || m.ThreadTS != "" {
		t.Errorf("sent %+v", m)
	}
	s.Fail(slacktest.Fault{Method: "conversations.open", Error: "missing_scope", Needed: "im:write"})
	g.mustSend(wit.ChannelSend{To: toAda, Text: "z"})
	if m := lastPost(t, s, ada.ID); m.Text != "z" {
		t.Errorf("sent %+v", m)
	}
}

func TestSendErrors(t *testing.T) {
	s, g, _ := sender(t, slacktest.Config{}, "")
	to := func(id string) wit.ChannelSend {
		return wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindChannel, ID: id}, Text: "x"}
	}
	for name, tt := range map[string]struct {
		fault      string
		send       wit.ChannelSend
		code       wit.Code
		retryable  bool
		retryAfter int64
		says       string
	}{
		"not a member":    {send: to("C0SECRET"), code: wit.CodeForbidden, says: "/invite"},
		"archived":        {send: to("C0OLD"), code: wit.CodeForbidden, says: "archived"},
		"unknown channel": {send: to("C0NONE"), code: wit.CodeNotFound},
		"unknown person":  {send: to("U0NONE"), code: wit.CodeNotFound},
		"no channel":      {send: to(""), code: wit.CodeInvalid},
		"too long":        {send: wit.ChannelSend{To: toClub, Text: strings.Repeat("x", 40_001)}, code: wit.CodeTooLarge},
		"token revoked":   {fault: "token_revoked", send: to("C0CLUB"), code: wit.CodeUnauthorized, retryable: true, says: "carapace setup slack"},
		"scope missing":   {fault: "missing_scope", send: to("C0CLUB"), code: wit.CodeForbidden, says: "add the scope chat:write"},
		"out of order":    {fault: "internal_error", send: to("C0CLUB"), code: wit.CodeUnavailable, retryable: true},
		"new error":       {fault: "something_new", send: to("C0CLUB"), code: wit.CodeInvalid, says: "something_new"},
	} {
		if tt.fault != "" {
			s.Fail(slacktest.Fault{Method: "chat.postMessage", Error: tt.fault, Needed: "chat:write"})
		}
		_, err := g.send(tt.send)
		e := wit.AsError(err)
		if err == nil || e.Code != tt.code || e.Retryable != tt.retryable || !strings.Contains(e.Message, tt.says) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestThePaceOfSends(t *testing.T) {
	channeltest.Proves(t, channeltest.Limits)
	_, g, _ := sender(t, slacktest.Config{ChannelInterval: time.Hour}, "")
	g.mustSend(wit.ChannelSend{To: toClub, Text: "x"})
	_, err := g.send(wit.ChannelSend{To: toClub, Text: "x"})
	if e := wit.AsError(err); err == nil || e.Code != wit.CodeRateLimited || !e.Retryable || e.RetryAfter == nil || *e.RetryAfter < 3_500_000 {
		t.Errorf("%+v", e)
	}
}

// TestASendThatIsRepeated is made once, though Slack knows none: it is found in the conversation.
func TestASendThatIsRepeated(t *testing.T) {
	s, g, hi := sender(t, slacktest.Config{}, "")
	for i, to := range []wit.Conversation{toAda, toClub, {Kind: wit.ConversationKindChannel, ID: "C0CLUB", Thread: &hi.TS}} {
		send := wit.ChannelSend{To: to, Text: "once", IdempotencyKey: "key" + to.ID + string(rune('0'+i))}
		channel := map[bool]string{true: ada.ID, false: club.ID}[i == 0]
		before := len(s.Posts(channel))
		s.Fail(slacktest.Fault{Method: "chat.postMessage", CutAfter: true})
		if _, err := g.cut(send); err == nil {
			t.Fatal("it was not cut off")
		}
		for range 2 {
			sent := g.mustSend(send)
			if m := lastPost(t, s, channel); len(sent.IDs) != 1 || !strings.HasSuffix(sent.IDs[0], m.TS) {
				t.Errorf("sent as %v, and shown as %s", sent.IDs, m.TS)
			}
		}
		if n := len(s.Posts(channel)) - before; n != 1 {
			t.Errorf("%d messages are shown", n)
		}
	}
	send := wit.ChannelSend{To: toClub, Text: "again", IdempotencyKey: "lost"}
	s.Fail(slacktest.Fault{Method: "chat.postMessage", Cut: true})
	_, _ = g.cut(send)
	s.Fail(slacktest.Fault{Method: "conversations.history", Status: 503})
	if _, err := g.send(send); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("while it cannot be looked up: %v", err)
	}
	g.mustSend(send)
	if m := lastPost(t, s, club.ID); m.Text != "again" {
		t.Errorf("what was never sent is not sent: %+v", m)
	}
}

// cut sends where the connection is cut off.
func (g *gateway) cut(send wit.ChannelSend) (sent *wit.Sent, err error) {
	defer func() {
		if recover() != nil { // http.ErrAbortHandler
			err = wit.NewError(wit.CodeUnavailable, "cut off")
		}
	}()
	return g.send(send)
}

func TestSendFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	s, g, hi := sender(t, slacktest.Config{}, "")
	g.host.Media["m1"] = wit.MediaInfo{Size: int64(len("media:m1")), Mime: "text/plain"}
	g.host.Media["m2"] = wit.MediaInfo{Size: int64(len("media:m2")), Mime: "image/png"}
	send := wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindChannel, ID: "C0CLUB", Thread: &hi.TS}, Text: "see", IdempotencyKey: "files", Attachments: []wit.Attachment{
		{Kind: wit.AttachmentKindDocument, Media: new("m1"), Name: new("a.txt"), Caption: new("<a>")},
		{Kind: wit.AttachmentKindImage, Media: new("m2"), Mime: new("image/png")},
		{Kind: wit.AttachmentKindImage, Fetch: &wit.HTTPRequest{URL: "https://e.org/p.png"}},
		{Kind: wit.AttachmentKindContact, Name: new("Bob")},
	}}
	s.Fail(slacktest.Fault{Method: "files.completeUploadExternal", CutAfter: true})
	if _, err := g.cut(send); err == nil {
		t.Fatal("it was not cut off")
	}
	sent := g.mustSend(send)
	list := s.Posts(club.ID)
	if len(list) != 2 || len(sent.IDs) != 2 {
		t.Fatalf("sent as %v: %+v", sent.IDs, list)
	}
	if got := list[0]; got.Text != "see\nhttps://e.org/p.png\n[Bob could not be sent]" || got.ThreadTS != hi.TS {
		t.Errorf("text %+v", got)
	}
	files := list[1]
	if len(files.Files) != 2 || files.Text != "&lt;a&gt;" || files.ThreadTS != hi.TS || files.Files[0].Name != "a.txt" || files.Files[1].Name != "image.png" || string(files.Files[1].Data) != "media:m2" {
		t.Errorf("files %+v", files)
	}
	target := &wit.ChannelDelete{Account: "default", Config: g.config, State: g.state, To: toClub, ID: sent.IDs[1]}
	for range 2 { // what is gone is what was wanted
		if _, err := g.plugin.(channel.Deleter).Delete(g.host.SDK(), target); err != nil {
			t.Error(err)
		}
	}
	if n := len(s.Posts(club.ID)); n != 1 {
		t.Errorf("%d messages are left", n)
	}
	for name, fault := range map[string]slacktest.Fault{"forbidden": {Method: "files.getUploadURLExternal", Error: "file_uploads_disabled"}, "unavailable": {Method: "upload", Status: 503}} {
		s.Fail(fault)
		if _, err := g.send(wit.ChannelSend{To: toClub, IdempotencyKey: name, Attachments: send.Attachments[:1]}); string(wit.CodeOf(err)) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := g.send(wit.ChannelSend{To: toClub, Attachments: []wit.Attachment{{Media: new("none")}}}); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("a file that is not there: %v", err)
	}
}

var choice = []wit.ActionRow{
	{Actions: []wit.Action{{Label: "Yes", Value: "v1", Style: wit.ActionStylePrimary}, {Label: `No "never"`, Value: "v2", Style: wit.ActionStyleDanger}}},
	{Actions: []wit.Action{{Label: "Later", Value: strings.Repeat("v", 64)}}},
}

func TestButtons(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons)
	s, g, _ := sender(t, slacktest.Config{}, "")
	long := strings.Repeat("line of a question\n", 300)
	sent := g.mustSend(wit.ChannelSend{To: toAda, Text: "sure?\n" + long, Formatted: new("*sure?*\n" + long), Actions: choice})
	m := lastPost(t, s, ada.ID)
	rows := m.Buttons()
	if len(rows) != 2 || len(rows[0]) != 2 || rows[0][0].Style != "primary" || rows[0][1].Text.Text != `No "never"` || rows[1][0].Value != strings.Repeat("v", 64) {
		t.Errorf("%s", m.Blocks)
	}
	if !strings.Contains(string(m.Blocks), "*sure?*") || !strings.HasPrefix(m.Text, "sure?") {
		t.Errorf("text %.20q, blocks %.100s", m.Text, m.Blocks)
	}
	edit := wit.ChannelEdit{Account: "default", Config: g.config, State: g.state, To: toAda, ID: sent.IDs[0]}
	change := func() slacktest.Message {
		t.Helper()
		for range 2 {
			if _, err := g.plugin.(channel.Editor).Edit(g.host.SDK(), &edit); err != nil {
				t.Fatal(err)
			}
		}
		return lastPost(t, s, ada.ID)
	}
	if got := change(); len(got.Buttons()) != 0 || !strings.HasPrefix(got.Text, "sure?\nline") || !strings.Contains(string(got.Blocks), "*sure?*") {
		t.Errorf("without its buttons: %.40q, %.200s", got.Text, got.Blocks)
	}
	if edit.Actions = choice; len(change().Buttons()) != 2 {
		t.Errorf("with them again: %s", lastPost(t, s, ada.ID).Blocks)
	}
	edit.Text, edit.Actions = "done", nil
	if got := change(); got.Text != "done" || got.Blocks != nil {
		t.Errorf("after an edit: %+v", got)
	}
	if edit.Text, edit.Actions = "", choice; len(change().Buttons()) != 2 {
		t.Errorf("of a text: %s", lastPost(t, s, ada.ID).Blocks)
	}
	s.Press("D0ADA", m.TS, ada.ID, rows[0][0])
	g.connected()
	got := g.messages(2)
	if p := got[1]; p.Kind != wit.MessageKindAction || p.Text != "v1" || *p.Target != sent.IDs[0] || p.Conversation.ID != ada.ID || p.Sender.ID != ada.ID {
		t.Errorf("%s", wit.Marshal(&p))
	}
}

func TestChangeWhatWasSent(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut, channeltest.ReactionsOut, channeltest.TypingOut)
	s, g, hi := sender(t, slacktest.Config{}, "")
	sent := g.mustSend(wit.ChannelSend{To: toAda, Text: "first"})
	edit := &wit.ChannelEdit{Account: "default", Config: g.config, State: g.state, To: toAda, ID: sent.IDs[0], Text: "new", Formatted: new("*new*")}
	s.Fail(slacktest.Fault{Method: "chat.update", Error: "msg_too_long"})
	if _, err := g.plugin.(channel.Editor).Edit(g.host.SDK(), edit); err != nil || lastPost(t, s, ada.ID).Text != "new" {
		t.Errorf("%v, %+v", err, lastPost(t, s, ada.ID))
	}
	if _, err := g.plugin.(channel.Editor).Edit(g.host.SDK(), edit); err != nil || lastPost(t, s, ada.ID).Text != "*new*" {
		t.Errorf("%v, %+v", err, lastPost(t, s, ada.ID))
	}
	target := "C0CLUB:" + hi.TS
	react := func(emoji string) error {
		_, err := g.plugin.(channel.Reactor).React(g.host.SDK(), &wit.ChannelReaction{Account: "default", Config: g.config, State: g.state, To: toClub, ID: target, Emoji: emoji})
		return err
	}
	for _, emoji := range []string{"👀", "👀", "❤️", "👍🏽", ":party_parrot:"} {
		if err := react(emoji); err != nil {
			t.Errorf("%s: %v", emoji, err)
		}
	}
	names := []string{}
	for _, r := range s.Messages(club.ID)[0].Reactions {
		names = append(names, r.Name)
	}
	if !slices.Equal(names, []string{"eyes", "heart", "+1", "party_parrot"}) {
		t.Errorf("reactions %v", names)
	}
	if err := react("🦩"); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("an emoji without a known name: %v", err)
	}
	if err := react(""); err != nil || len(s.Messages(club.ID)[0].Reactions) != 0 {
		t.Errorf("%v, %+v", err, s.Messages(club.ID)[0].Reactions)
	}
	for _, thread := range []*string{nil, &hi.TS} {
		to := toClub
		to.Thread = thread
		if _, err := g.plugin.(channel.Typer).Typing(g.host.SDK(), &wit.ChannelTyping{Account: "default", Config: g.config, State: g.state, To: to}); err != nil {
			t.Error(err)
		}
	}
	if calls := s.Calls("assistant.threads.setStatus"); len(calls) != 1 || calls[0].Form.Get("status") == "" || calls[0].Error != "" {
		t.Errorf("typing: %+v", calls)
	}
	remove := &wit.ChannelDelete{Account: "default", Config: g.config, State: g.state, To: toAda, ID: sent.IDs[0]}
	for range 2 { // what is gone is what was wanted
		if _, err := g.plugin.(channel.Deleter).Delete(g.host.SDK(), remove); err != nil || len(s.Posts(ada.ID)) != 0 {
			t.Errorf("%v, %+v", err, s.Posts(ada.ID))
		}
	}
	for _, id := range []string{"", "x", "C0CLUB:file:F1", "C0CLUB:1"} {
		edit.ID = id
		if _, err := g.plugin.(channel.Editor).Edit(g.host.SDK(), edit); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("edit of %q: %v", id, err)
		}
	}
}

func TestDirectory(t *testing.T) {
	channeltest.Proves(t, channeltest.Directory)
	s, g, _ := sender(t, slacktest.Config{}, "")
	s.AddUser(slacktest.User{ID: "U0ADALINE1", Name: "adaline", RealName: "Adaline"})
	s.AddChannel(slacktest.Channel{ID: "C0ADA00001", Name: "ada-fans"})
	find := func(query string, kind *wit.ConversationKind) (ids []string) {
		t.Helper()
		out, err := g.plugin.(channel.Finder).Directory(g.host.SDK(), &wit.DirectoryQuery{Account: "default", Config: g.config, Query: query, Kind: kind})
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		for _, e := range out.Entries {
			ids = append(ids, e.ID)
		}
		return ids
	}
	for query, want := range map[string][]string{
		"ada": {"U0ADA", "U0ADALINE1", "C0ADA00001"}, "@adaline": {"U0ADALINE1"}, "#ada-fans": {"C0ADA00001"}, "Ada Lovelace": {"U0ADA"},
		"U0ADALINE1": {"U0ADALINE1"}, "C0ADA00001": {"C0ADA00001"}, "U0NOBODY99": nil, "nobody": nil,
	} {
		if got := find(query, nil); !slices.Equal(got, want) {
			t.Errorf("%s finds %v, want %v", query, got, want)
		}
	}
	if got := find("ada", new(wit.ConversationKindChannel)); !slices.Equal(got, []string{"C0ADA00001"}) {
		t.Errorf("channels: %v", got)
	}
	s.Fail(slacktest.Fault{Method: "users.list", Error: "missing_scope", Needed: "users:read"})
	if _, err := g.plugin.(channel.Finder).Directory(g.host.SDK(), &wit.DirectoryQuery{Config: g.config, Query: "ada"}); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("without the scope: %v", err)
	}
}
