package zulip_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/zulip"
	"github.com/carapace-gateway/carapace/builtin-plugins/zulip/zuliptest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, zulip.New(), "testdata/*.jsonl") }

func TestManifest(t *testing.T) { channeltest.Manifest(t, zulip.New()) }

func TestSentTexts(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.Markup, channeltest.RepliesOut, channeltest.Threads, channeltest.LongText)
	t.Parallel()
	a := connected(t, zuliptest.Config{MaxLength: 100})
	bob := a.server.Register("Bob", false)
	asked := a.ann.Say(a.kitchen, "a (b). c", "hello")
	a.Last(1)
	long := strings.Repeat("é🦀", 30) + "\n" + strings.Repeat("é🦀", 70)
	here, reply := in(a.kitchen, "a (b). c"), id(asked)
	for i, s := range []wit.ChannelSend{
		{To: person(a.ann), Text: "**12** it `is`, @**all** & {{credential:apiKey}}"},
		{To: here, Text: "a reply", ReplyTo: &reply},
		{To: wit.Conversation{ID: "channel:kitchen"}, Text: "somewhere"},
		{To: wit.Conversation{ID: id(a.ann.ID) + "," + id(bob.ID)}, Text: "we three"},
		{To: person(a.ann), Text: long},
		{To: person(a.ann), Text: " \n"},
	} {
		s.IdempotencyKey = "k" + id(int64(i))
		ids := a.Send(s)
		again := a.Send(s)
		if want := []int{1, 1, 1, 1, 3, 0}[i]; len(ids) != want || !slices.Equal(ids, again) {
			t.Errorf("%d is sent as %q, and again as %q", i, ids, again)
		}
	}
	got := a.said(a.ann)
	want := []string{
		"**12** it `is`, @all & {{credential:apiKey}}",
		"[↩](#narrow/channel/41/topic/a.20.28b.29.2E.20c/near/" + reply + ") @_**|" + id(a.ann.ID) + "**\n\na reply",
		"somewhere", "we three", strings.Repeat("é🦀", 30), strings.Repeat("é🦀", 50), strings.Repeat("é🦀", 20),
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent %q\nwant %q", got, want)
	}
	if m := a.server.From(a.ann, a.bot); m[1].Topic != "a (b). c" || m[2].Topic != "chat" || len(m[3].People) != 3 {
		t.Errorf("%+v", m[1:4])
	}
	for _, bad := range []string{"", "ann", "channel:", "1,x", "-4"} {
		if _, err := a.TrySend(wit.ChannelSend{To: wit.Conversation{ID: bad}, Text: "x", IdempotencyKey: "b"}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestNothingIsSentTwice: the answer to a send is lost at each place, and what was sent is found.
func TestNothingIsSentTwice(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	t.Parallel()
	a := connected(t, zuliptest.Config{MaxLength: 100})
	long := strings.Repeat("x", 150)
	n := 0
	for _, fault := range []zuliptest.Fault{
		{Call: "send", CutAfter: true}, {Call: "send", Cut: true}, {Call: "send", Status: 502, Body: "no"}, {Call: "messages", Status: 502},
		{Call: "send", Status: 429, Code: "RATE_LIMIT_HIT", RetryAfter: 0.01},
	} {
		for _, text := range []string{"ok", "ok", long, " \n\nok\n "} {
			n++
			a.server.Fail(fault)
			s := wit.ChannelSend{To: person(a.ann), Text: text, IdempotencyKey: "once" + id(int64(n))}
			before := len(a.said(a.ann))
			for try := 0; ; try++ {
				_, err := a.TrySend(s)
				if err == nil {
					break
				}
				if e := wit.AsError(err); !e.Retryable || try > 4 {
					t.Fatalf("%+v: %v", fault, err)
				}
			}
			if got, want := len(a.said(a.ann))-before, 1+len(text)/101; got != want {
				t.Errorf("%+v: %.9q arrived %d times, want %d", fault, text, got, want)
			}
			a.server.Mend()
		}
	}
}

func TestRefusals(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	a.Host.Media["gone"] = wit.MediaInfo{Media: "gone", Mime: "text/plain"}
	a.server.Fail(zuliptest.Fault{Call: "upload", Status: 413, Msg: "File is larger"})
	a.Host.Files["gone"] = []byte("x")
	a.Send(wit.ChannelSend{To: person(a.ann), Text: "see", Attachments: []wit.Attachment{{Kind: wit.AttachmentKindDocument, Media: new("gone"), Name: new("big.txt")}}, IdempotencyKey: "r1"})
	if got := a.said(a.ann); len(got) != 1 || got[0] != "see\n[big.txt could not be sent]" {
		t.Errorf("%q", got)
	}
	for name, c := range map[string]struct {
		fault zuliptest.Fault
		to    wit.Conversation
		code  wit.Code
		retry bool
	}{
		"no such channel": {to: wit.Conversation{ID: "channel:99"}, code: wit.CodeNotFound},
		"nobody":          {to: wit.Conversation{ID: "9999"}, code: wit.CodeInvalid},
		"no key":          {fault: zuliptest.Fault{Status: 401, Code: "INVALID_API_KEY"}, to: person(a.ann), code: wit.CodeUnauthorized, retry: true},
		"everybody":       {fault: zuliptest.Fault{Status: 400, Code: "STREAM_WILDCARD_MENTION_NOT_ALLOWED"}, to: person(a.ann), code: wit.CodeForbidden},
		"too often":       {fault: zuliptest.Fault{Status: 429, Code: "RATE_LIMIT_HIT", RetryAfter: 3}, to: person(a.ann), code: wit.CodeRateLimited, retry: true},
		"no Zulip":        {fault: zuliptest.Fault{Status: 404, Body: "<html>"}, to: person(a.ann), code: wit.CodeUnavailable, retry: true},
	} {
		if c.fault.Status != 0 {
			c.fault.Call = "send"
			a.server.Fail(c.fault)
		}
		_, err := a.TrySend(wit.ChannelSend{To: c.to, Text: "x", IdempotencyKey: name})
		e := wit.AsError(err)
		if e == nil || e.Code != c.code || e.Retryable != c.retry || (e.RetryAfter != nil) != (c.code == wit.CodeRateLimited) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestSentFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	a.Host.Media["m1"] = wit.MediaInfo{Media: "m1", Mime: "image/png", Size: 4}
	a.Host.Files["m1"] = []byte("PNG!")
	s := wit.ChannelSend{To: person(a.ann), Text: "look", IdempotencyKey: "f", Attachments: []wit.Attachment{
		{Kind: wit.AttachmentKindImage, Media: new("m1"), Name: new("a [b].png"), Mime: new("image/png"), Caption: new("a picture")},
		{Kind: wit.AttachmentKindDocument, Fetch: &wit.HTTPRequest{URL: "https://example.org/f.pdf"}, Name: new("f.pdf")},
		{Kind: wit.AttachmentKindLocation, Caption: new("52.5,13.4"), Name: new("Here")},
	}}
	a.server.Fail(zuliptest.Fault{Call: "send", CutAfter: true})
	if _, err := a.TrySend(s); err == nil {
		t.Fatal("the answer was not lost")
	}
	a.Send(s)
	got := a.said(a.ann)
	if len(got) != 1 || len(a.server.Calls("upload")) != 1 {
		t.Fatalf("%q after %d uploads", got, len(a.server.Calls("upload")))
	}
	before, rest, _ := strings.Cut(got[0], "(/user_uploads/")
	path, after, _ := strings.Cut(rest, ")")
	if before != "look\na picture\n[a (b).png]" || after != "\n[f.pdf](https://example.org/f.pdf)\nHere 52.5,13.4" {
		t.Errorf("%q", got[0])
	}
	if f, ok := a.server.File("/user_uploads/" + path); !ok || string(f.Data) != "PNG!" || f.Type != "image/png" {
		t.Errorf("%+v", f)
	}
}

func TestChanges(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut, channeltest.ReactionsOut, channeltest.TypingOut, channeltest.Polls)
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	asked := a.ann.Say(a.kitchen, "tea", "hello")
	a.Last(1)
	host, reply, here := a.Host.SDK(), id(asked), in(a.kitchen, "tea")
	sent := a.Send(wit.ChannelSend{To: here, Text: "one", ReplyTo: &reply, IdempotencyKey: "c1"})[0]
	p := zulip.New()
	do := func(name string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	edit := func(text string) error {
		_, err := p.(channel.Editor).Edit(host, &wit.ChannelEdit{Account: "default", Config: a.Config, State: a.State(), To: here, ID: sent, Text: text})
		return err
	}
	do("edit", edit("one and two"))
	if got := a.said(a.ann)[0]; !strings.HasPrefix(got, "[↩](#narrow/") || !strings.HasSuffix(got, "\n\none and two") {
		t.Errorf("%q", got)
	}
	react := func(emoji, on string) error {
		_, err := p.(channel.Reactor).React(host, &wit.ChannelReaction{Account: "default", Config: a.Config, State: a.State(), To: here, ID: on, Emoji: emoji})
		return err
	}
	for _, emoji := range []string{"👍", "👍", "❤️", "🇩🇪", ":eyes:"} {
		do(emoji, react(emoji, reply))
	}
	names := func() (list []string) {
		for _, r := range a.server.Messages(a.ann)[0].Reactions {
			list = append(list, r.Name)
		}
		return list
	}
	if got := names(); !slices.Equal(got, []string{"+1", "heart", "flag_germany", "eyes"}) {
		t.Errorf("%q", got)
	}
	if err := react("🦀", reply); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("an emoji that is not there: %v", err)
	}
	do("none", react("", reply))
	if got := names(); len(got) != 0 {
		t.Errorf("%q stay", got)
	}
	for _, to := range []wit.Conversation{here, person(a.ann)} {
		_, err := p.(channel.Typer).Typing(host, &wit.ChannelTyping{Account: "default", Config: a.Config, State: a.State(), To: to})
		do("typing", err)
	}
	if n := len(a.server.Calls("typing")); n != 2 {
		t.Errorf("it types %d times", n)
	}
	_, err := p.(channel.Poller).Poll(host, &wit.ChannelPoll{Account: "default", Config: a.Config, State: a.State(), To: here, Question: "Tea\nor coffee?", Options: []string{"tea", "coffee", "-5 °C", "*nix"}, IdempotencyKey: "p"})
	do("poll", err)
	if got := a.said(a.ann)[1]; got != "/poll Tea or coffee?\ntea\ncoffee\n- -5 °C\n- *nix" {
		t.Errorf("%q", got)
	}
	remove := func() error {
		_, err := p.(channel.Deleter).Delete(host, &wit.ChannelDelete{Account: "default", Config: a.Config, State: a.State(), To: here, ID: sent})
		return err
	}
	a.server.Fail(zuliptest.Fault{Call: "delete", Status: 400, Msg: "You don't have permission to delete this message"})
	do("what may not be deleted", remove())
	if got := a.said(a.ann)[0]; got != "(deleted)" {
		t.Errorf("%q", got)
	}
	do("delete", remove())
	do("delete again", remove())
	if got := a.said(a.ann); len(got) != 1 {
		t.Errorf("%q", got)
	}
	if err := edit("too late"); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("an edit of what is gone: %v", err)
	}
}

// TestVotes: what people do to a poll of the bot's is told, and nothing of another one.
func TestVotes(t *testing.T) {
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	here := in(a.kitchen, "tea")
	sent, err := a.Plugin.(channel.Poller).Poll(a.Host.SDK(), &wit.ChannelPoll{Account: "default", Config: a.Config, State: a.State(), To: here, Question: "Tea?", Options: []string{"green", "black"}, IdempotencyKey: "p"})
	if err != nil {
		t.Fatal(err)
	}
	asked, _ := strconv.ParseInt(sent.IDs[0], 10, 64)
	other := a.ann.Say(a.kitchen, "tea", "/poll Milk?\nyes")
	for _, did := range []string{`{"type":"vote","key":"canned,1","vote":1}`, `{"type":"vote","key":"canned,1","vote":-1}`, `{"type":"new_option","idx":1,"option":"mint"}`, `{"type":"vote","key":"11,1","vote":1}`, `{"type":"question","question":"x"}`, `{`} {
		a.ann.Widget(asked, did)
	}
	a.ann.Widget(other, `{"type":"vote","key":"canned,0","vote":1}`)
	a.ann.Direct("done", a.bot)
	got := a.Messages(6)[1:]
	for i, want := range []string{
		"[voted in the poll “Tea?”: black]", "[took back the vote in the poll “Tea?”: black]", "[added to the poll “Tea?”: mint]", "[voted in the poll “Tea?”: an option that was added]", "done",
	} {
		if got[i].Text != want || i < 4 && (got[i].Kind != wit.MessageKindService || got[i].ReplyTo.ID != sent.IDs[0] || *got[i].Conversation.Thread != "tea" || got[i].Sender.ID != id(a.ann.ID)) {
			t.Errorf("got %+v, want %s", got[i], want)
		}
	}
}

func TestDirectory(t *testing.T) {
	channeltest.Proves(t, channeltest.Directory)
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	anna := a.server.Register("Anna Kitchener", false)
	for query, want := range map[string][]string{
		"ann":                         {id(a.ann.ID), id(anna.ID)},
		"@Anna":                       {id(anna.ID)},
		anna.Email:                    {id(anna.ID)},
		"#kitchen":                    {"channel:" + id(a.kitchen.ID)},
		"kitchen":                     {"channel:" + id(a.kitchen.ID), id(anna.ID)},
		"channel:" + id(a.kitchen.ID): {"channel:" + id(a.kitchen.ID)},
		"nobody":                      nil,
	} {
		got, err := zulip.New().(channel.Finder).Directory(a.Host.SDK(), &wit.DirectoryQuery{Account: "default", Config: a.Config, Query: query})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, e := range got.Entries {
			ids = append(ids, e.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%q finds %q, want %q", query, ids, want)
		}
	}
}
