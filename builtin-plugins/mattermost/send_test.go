package mattermost_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost/mattermosttest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// sender is an account that only sends.
func sender(t *testing.T, c mattermosttest.Config, more string) *account {
	t.Helper()
	a := newAccount(t, c, more)
	a.SetState(wit.JSON(`{"generation":1,"me":{"id":"` + a.server.Bot().ID + `","name":"carapace"},"longest":16383}`))
	return a
}

// last is the bot's last post in a channel.
func (a *account) last(where string) mattermosttest.Post {
	a.t.Helper()
	list := a.server.FromBot(where)
	if len(list) == 0 {
		a.t.Fatalf("the bot has posted nothing in %s", where)
	}
	return list[len(list)-1]
}

func TestSendText(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.Markup, channeltest.RepliesOut, channeltest.Threads, channeltest.Direct)
	a := sender(t, mattermosttest.Config{}, "")
	ids := a.Send(wit.ChannelSend{To: direct(ada), Text: "**1** < 2 & {{credential:token}}\n\n| a |\n| - |\n| 1 |", IdempotencyKey: "k"})
	if p := a.last(ada.ID); p.Message != "**1** < 2 & {{credential:token}}\n\n| a |\n| - |\n| 1 |" || len(ids) != 1 || ids[0] != p.ID {
		t.Errorf("sent %v: %s", ids, p)
	}
	a.Send(wit.ChannelSend{To: direct(ada), Text: "again"})
	if n := len(a.server.Calls("POST", "/channels/direct")); n != 1 {
		t.Errorf("the channel was asked for %d times", n)
	}
	root := a.say(club.ID, ada, "hi")
	answer := a.server.Say(mattermosttest.Post{ChannelID: club.ID, UserID: bob.ID, Message: "hi, ada", RootID: root.ID})
	in := channelOf(club)
	in.Thread = &root.ID
	for _, tt := range []struct {
		send wit.ChannelSend
		want string
	}{
		{wit.ChannelSend{To: channelOf(club), Text: "x", ReplyTo: &root.ID}, root.ID},
		{wit.ChannelSend{To: channelOf(club), Text: "x", ReplyTo: &answer.ID}, root.ID},
		{wit.ChannelSend{To: in, Text: "x", ReplyTo: &answer.ID}, root.ID},
		{wit.ChannelSend{To: channelOf(club), Text: "x", ReplyTo: new("command:1")}, ""},
		{wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: trio.ID}, Text: "x", ReplyTo: &root.ID}, ""},
	} {
		a.Send(tt.send)
		if p := a.last(tt.send.To.ID); p.RootID != tt.want {
			t.Errorf("%s went to thread %q, want %q", wit.Marshal(&tt.send), p.RootID, tt.want)
		}
	}
	before := len(a.server.Calls("POST", ""))
	if ids := a.Send(wit.ChannelSend{To: channelOf(club), Text: " \n"}); len(ids) != 0 || len(a.server.Calls("POST", "")) != before {
		t.Errorf("of nothing something was sent: %v", ids)
	}
}

// TestSettingsOfSends: answers in the channel.
func TestSettingsOfSends(t *testing.T) {
	a := sender(t, mattermosttest.Config{}, `,"replies":"channel"`)
	root := a.say(club.ID, ada, "hi")
	a.Send(wit.ChannelSend{To: channelOf(club), Text: "x", ReplyTo: &root.ID})
	if p := a.last(club.ID); p.RootID != "" {
		t.Errorf("sent %s", p)
	}
}

// TestALongText is divided where the server has a lower limit than the kernel knows, which it says in its settings.
func TestALongText(t *testing.T) {
	channeltest.Proves(t, channeltest.LongText)
	a := connected(t, mattermosttest.Config{MaxPost: 100}, "")
	a.Until("the limit is known", func() bool { return strings.Contains(string(a.State()), `"longest":100`) })
	ids := a.Send(wit.ChannelSend{To: direct(ada), Text: strings.Repeat("0123456789 é\n", 20), IdempotencyKey: "long"})
	if again := a.Send(wit.ChannelSend{To: direct(ada), Text: strings.Repeat("0123456789 é\n", 20), IdempotencyKey: "long"}); fmt.Sprint(again) != fmt.Sprint(ids) {
		t.Errorf("sent again as %v, was %v", again, ids)
	}
	list := a.server.FromBot(ada.ID)
	if len(list) != 3 || len(ids) != 3 || !strings.HasPrefix(list[2].Message, "0123456789") {
		t.Errorf("sent %v", list)
	}
}

// TestRefusedSends are tried another way before a text is lost.
func TestRefusedSends(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	a := sender(t, mattermosttest.Config{MaxFile: 3}, "")
	root := a.say(club.ID, ada, "hi")
	a.server.Delete(root.ID)
	in := channelOf(club)
	in.Thread = &root.ID
	a.Send(wit.ChannelSend{To: in, Text: "no thread"})
	if p := a.last(club.ID); p.Message != "no thread" || p.RootID != "" {
		t.Errorf("sent %s", p)
	}
	a.keep("m", "big.bin", "application/octet-stream", []byte("12345"))
	a.Send(wit.ChannelSend{To: channelOf(club), Text: "see", Attachments: []wit.Attachment{{Kind: wit.AttachmentKindDocument, Media: new("m"), Name: new("big.bin")}}})
	if p := a.last(club.ID); !strings.HasPrefix(p.Message, "see\n[big.bin could not be sent: ") || len(p.FileIDs) != 0 {
		t.Errorf("sent %s", p)
	}
}

func TestSendErrors(t *testing.T) {
	a := sender(t, mattermosttest.Config{}, "")
	to := func(id string) wit.ChannelSend {
		return wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindChannel, ID: id}, Text: "x"}
	}
	for name, tt := range map[string]struct {
		fault      mattermosttest.Fault
		send       wit.ChannelSend
		code       wit.Code
		retryable  bool
		retryAfter int64
		says       string
	}{
		"not a member":    {send: to(away.ID), code: wit.CodeForbidden, says: "/invite"},
		"archived":        {send: to(old.ID), code: wit.CodeForbidden, says: "archived"},
		"unknown channel": {send: to("none0000000000000000000009"), code: wit.CodeForbidden},
		"unknown person":  {send: wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindDirect, ID: nobody}, Text: "x"}, code: wit.CodeNotFound},
		"no channel":      {send: to("../users"), code: wit.CodeInvalid},
		"too long":        {fault: mattermosttest.Fault{Status: 400, ID: "model.post.is_valid.message_length.app_error"}, send: to(club.ID), code: wit.CodeTooLarge},
		"token revoked":   {fault: mattermosttest.Fault{Status: 401, ID: "api.context.session_expired.app_error"}, send: to(club.ID), code: wit.CodeUnauthorized, retryable: true, says: "carapace setup mattermost"},
		"out of order":    {fault: mattermosttest.Fault{Status: 503}, send: to(club.ID), code: wit.CodeUnavailable, retryable: true},
		"under way":       {fault: mattermosttest.Fault{Status: 500, ID: "api.post.deduplicate_create_post.pending"}, send: to(club.ID), code: wit.CodeUnavailable, retryable: true},
		"too fast":        {fault: mattermosttest.Fault{Status: 429, Reset: 7}, send: to(club.ID), code: wit.CodeRateLimited, retryable: true, retryAfter: 7000},
		"switched off":    {fault: mattermosttest.Fault{Status: 501, ID: "something.off"}, send: to(club.ID), code: wit.CodeForbidden},
		"new error":       {fault: mattermosttest.Fault{Status: 400, ID: "something.new"}, send: to(club.ID), code: wit.CodeInvalid, says: "something.new"},
		"another server":  {fault: mattermosttest.Fault{Body: "<html>"}, send: to(club.ID), code: wit.CodeUnavailable, retryable: true, says: "serverUrl"},
	} {
		if tt.fault != (mattermosttest.Fault{}) {
			tt.fault.Method, tt.fault.Path = "POST", "/posts"
			a.server.Fail(tt.fault)
		}
		_, err := a.TrySend(tt.send)
		e := wit.AsError(err)
		if err == nil || e.Code != tt.code || e.Retryable != tt.retryable || !strings.Contains(e.Message, tt.says) {
			t.Errorf("%s: %+v", name, e)
		}
		if tt.retryAfter > 0 && (e == nil || e.RetryAfter == nil || *e.RetryAfter != tt.retryAfter) {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if list := a.server.FromBot(club.ID); len(list) != 0 {
		t.Errorf("sent %v", list)
	}
}

// TestTheTimeOfALimit is in seconds, or, as the documentation has it too, a time.
func TestTheTimeOfALimit(t *testing.T) {
	a := sender(t, mattermosttest.Config{}, "")
	a.server.Fail(mattermosttest.Fault{Method: "POST", Path: "/posts", Status: 429, Reset: int(time.Now().Add(time.Minute).Unix())})
	_, err := a.TrySend(wit.ChannelSend{To: channelOf(club), Text: "x"})
	if e := wit.AsError(err); e == nil || e.RetryAfter == nil || *e.RetryAfter < 30_000 || *e.RetryAfter > 60_000 {
		t.Errorf("%+v", e)
	}
}

// TestSentOnce: a send whose answer was lost is known by Mattermost for a while, and is found in the channel after that.
func TestSentOnce(t *testing.T) {
	for name, c := range map[string]mattermosttest.Config{"known": {}, "found": {Remembers: -1}} {
		a := sender(t, c, "")
		for i, fault := range []mattermosttest.Fault{{CutAfter: true}, {Cut: true}, {Status: 500}} {
			fault.Method, fault.Path = "POST", "/posts"
			a.server.Fail(fault)
			send := wit.ChannelSend{To: channelOf(club), Text: fmt.Sprint(i), IdempotencyKey: fmt.Sprint("key", i)}
			if _, err := a.TrySend(send); err == nil {
				t.Fatalf("%s %d: no error", name, i)
			}
			a.Send(send)
			ids := a.Send(send)
			if list := a.server.FromBot(club.ID); len(list) != i+1 || len(ids) != 1 || ids[0] != list[i].ID {
				t.Errorf("%s %d: sent %v as %v", name, i, list, ids)
			}
		}
	}
}

func TestSendFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	a := sender(t, mattermosttest.Config{}, "")
	a.keep("cat", "cat.png", "image/png", []byte("PNG!"))
	var many []wit.Attachment
	for range 12 {
		many = append(many, wit.Attachment{Kind: wit.AttachmentKindImage, Media: new("cat"), Mime: new("image/png")})
	}
	many[0].Name, many[0].Caption = new("cat.png"), new("a cat")
	ids := a.Send(wit.ChannelSend{To: direct(ada), Text: "look", Attachments: many, IdempotencyKey: "files"})
	list := a.server.FromBot(ada.ID)
	if len(ids) != 2 || len(list) != 2 || list[0].Message != "look\na cat" || len(list[0].FileIDs) != 10 || len(list[1].FileIDs) != 2 {
		t.Fatalf("sent %v", list)
	}
	files := a.server.Files(list[0])
	if f := files[0]; f.Name != "cat.png" || f.MimeType != "image/png" || string(f.Data) != "PNG!" || files[1].Name != "image.png" {
		t.Errorf("the file is %+v", f)
	}
	a.Send(wit.ChannelSend{To: direct(ada), Attachments: []wit.Attachment{
		{Kind: wit.AttachmentKindImage, Fetch: &wit.HTTPRequest{URL: "https://e.org/x.png"}, Caption: new("there")},
		{Kind: wit.AttachmentKindLocation, Name: new("home")},
	}})
	if p := a.last(ada.ID); p.Message != "there\nhttps://e.org/x.png\n[home could not be sent]" {
		t.Errorf("sent %s", p)
	}
}

func TestChangeWhatWasSent(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut, channeltest.ReactionsOut, channeltest.TypingOut)
	a := sender(t, mattermosttest.Config{}, "")
	id := a.Send(wit.ChannelSend{To: channelOf(club), Text: "x", IdempotencyKey: "k"})[0]
	state := a.State()
	host := a.Host.SDK()
	if _, err := a.Plugin.(channel.Editor).Edit(host, &wit.ChannelEdit{Account: "default", Config: a.Config, State: state, To: channelOf(club), ID: id, Text: "y"}); err != nil {
		t.Fatal(err)
	}
	if p := a.last(club.ID); p.Message != "y" || p.Props["carapace_key"] != "k" {
		t.Errorf("changed to %s %v", p, p.Props)
	}
	said := a.say(club.ID, ada, "hi")
	react := func(emoji string) error {
		_, err := a.Plugin.(channel.Reactor).React(host, &wit.ChannelReaction{Account: "default", Config: a.Config, State: state, To: channelOf(club), ID: said.ID, Emoji: emoji})
		return err
	}
	for emoji, want := range map[string]string{"👍": "+1", ":party_parrot:": "party_parrot", "❤️": "heart"} {
		if err := react(emoji); err != nil || !strings.Contains(fmt.Sprint(a.server.Reactions(said.ID, a.server.Bot().ID)), want) {
			t.Errorf("%s: %v, %v", emoji, a.server.Reactions(said.ID, a.server.Bot().ID), err)
		}
	}
	if err := react("🦖"); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("an emoji without a name: %v", err)
	}
	if err := react(""); err != nil || len(a.server.Reactions(said.ID, a.server.Bot().ID)) != 0 {
		t.Errorf("taken back: %v, %v", a.server.Reactions(said.ID, a.server.Bot().ID), err)
	}
	for range 2 { // one that is gone is what was wanted
		if _, err := a.Plugin.(channel.Deleter).Delete(host, &wit.ChannelDelete{Account: "default", Config: a.Config, State: state, To: channelOf(club), ID: id}); err != nil {
			t.Error(err)
		}
	}
	if list := a.server.FromBot(club.ID); len(list) != 0 {
		t.Errorf("there is %v", list)
	}
	if _, err := a.Plugin.(channel.Typer).Typing(host, &wit.ChannelTyping{Account: "default", Config: a.Config, State: state, To: direct(ada)}); err != nil ||
		len(a.server.Calls("POST", "/users/me/typing")) != 1 {
		t.Errorf("typing: %v", err)
	}
	if _, err := a.Plugin.(channel.Deleter).Delete(host, &wit.ChannelDelete{Account: "default", Config: a.Config, State: state, ID: "../me"}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("an id that is none: %v", err)
	}
}

func TestDirectory(t *testing.T) {
	channeltest.Proves(t, channeltest.Directory)
	a := sender(t, mattermosttest.Config{}, "")
	a.server.DirectChannel(ada.ID)
	find := func(query string, kind *wit.ConversationKind) string {
		got, err := a.Plugin.(channel.Finder).Directory(a.Host.SDK(), &wit.DirectoryQuery{Account: "default", Config: a.Config, Query: query, Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, e := range got.Entries {
			list = append(list, fmt.Sprint(e.Kind, " ", text(e.Name), " ", text(e.Username)))
		}
		return strings.Join(list, ", ")
	}
	for query, want := range map[string]string{
		"ada": "direct Ada Lovelace ada, group ada, bob, carapace 5f6c", "@bob": "direct Bobby bob", "love": "direct Ada Lovelace ada", "~club": "channel The Club club",
		"secret": "", ada.ID: "direct Ada Lovelace ada", club.ID: "channel The Club club", nobody: "", away.ID: "", "nobody": "",
	} {
		if got := find(query, nil); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if got := find("", new(wit.ConversationKindChannel)); got != "channel The Club club" {
		t.Errorf("all channels: %q", got)
	}
	if got := find("", new(wit.ConversationKindDirect)); got != "direct Ada Lovelace ada, direct Bobby bob, direct carapace carapace" {
		t.Errorf("all people: %q", got)
	}
}
