package nextcloud_test

import (
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

func TestTranscripts(t *testing.T) { sdktest.Replay(t, nextcloud.New(), "testdata/*.jsonl") }

func TestManifest(t *testing.T) { channeltest.Manifest(t, nextcloud.New()) }

func TestSentTexts(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.Markup, channeltest.RepliesOut, channeltest.LongText)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{MaxLength: 100})
	asked := a.ann.Say(a.direct, "hello", 0)
	a.Last(1)
	reply, gone := id(asked), "999999"
	long := strings.Repeat("é🦀", 30) + "\n" + strings.Repeat("é🦀", 70)
	for i, s := range []wit.ChannelSend{
		{To: in(a.direct), Text: "**12** it `is`, @all & @allison {{credential:appPassword}}"},
		{To: in(a.direct), Text: "a reply", ReplyTo: &reply, Silent: true},
		{To: in(a.direct), Text: "to what is gone", ReplyTo: &gone},
		{To: wit.Conversation{ID: "users/ann"}, Text: "by name"},
		{To: in(a.direct), Text: long},
		{To: in(a.direct), Text: " \n"},
	} {
		s.IdempotencyKey = "k" + id(int64(i))
		ids := a.Send(s)
		again := a.Send(s)
		if want := []int{1, 1, 1, 1, 3, 0}[i]; len(ids) != want || !slices.Equal(ids, again) {
			t.Errorf("%d is sent as %q, and again as %q", i, ids, again)
		}
	}
	want := []string{
		"**12** it `is`, @\u2060all & @allison {{credential:appPassword}}", "a reply", "to what is gone", "by name",
		strings.Repeat("é🦀", 30), strings.Repeat("é🦀", 50), strings.Repeat("é🦀", 20),
	}
	if got := a.said(a.direct); !slices.Equal(got, want) {
		t.Errorf("sent %q\nwant %q", got, want)
	}
	if m := a.server.From(a.direct, a.bot); m[1].Parent != asked || !m[1].Silent || m[2].Parent != 0 || len(m[0].Reference) != 64 {
		t.Errorf("%+v", m[:3])
	}
	for _, bad := range []string{"", "users/", "a/b"} {
		if _, err := a.TrySend(wit.ChannelSend{To: wit.Conversation{ID: bad}, Text: "x", IdempotencyKey: "b"}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestThreads: what is said in a thread says so, and what goes there stays there; what answers something in it does so anyway, and where
// there is no such thread the message stands in the conversation.
func TestThreads(t *testing.T) {
	channeltest.Proves(t, channeltest.Threads)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{})
	a.ann.Say(a.direct, "hello", 0)
	a.Messages(1)
	root := a.ann.Begin(a.direct, "about tea")
	reply := a.ann.Post(a.direct, nextcloudtest.Message{Text: "green?", Parent: root, Thread: root})
	got := a.Messages(3)
	if got[0].Conversation.Thread != nil || got[2].Conversation.Thread == nil || *got[2].Conversation.Thread != id(root) {
		t.Errorf("%+v and %+v", got[0].Conversation, got[2].Conversation)
	}
	there, nowhere := in(a.direct), in(a.direct)
	there.Thread, nowhere.Thread = new(id(root)), new("999999")
	a.Send(wit.ChannelSend{To: there, Text: "in it", IdempotencyKey: "a"})
	a.Send(wit.ChannelSend{To: there, Text: "to one of it", ReplyTo: new(id(reply)), IdempotencyKey: "b"})
	a.Send(wit.ChannelSend{To: nowhere, Text: "to none", IdempotencyKey: "c"})
	a.keep("m1", "PNG!")
	a.Send(wit.ChannelSend{To: there, IdempotencyKey: "d", Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage, Media: new("m1"), Name: new("a.png"), Mime: new("image/png")}}})
	m := a.server.From(a.direct, a.bot)
	if len(m) != 4 || m[3].Thread != root || m[0].Thread != root || m[0].Parent != 0 || m[1].Thread != root || m[1].Parent != reply || m[2].Thread != 0 {
		t.Errorf("%+v", m)
	}
}

// TestNothingIsSentTwice: the answer to a send is lost at each place, and what was sent is found.
func TestNothingIsSentTwice(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{MaxLength: 100})
	a.Crash() // its polls would take the faults
	long := strings.Repeat("x", 150)
	n := 0
	for _, fault := range []nextcloudtest.Fault{
		{Call: "say", CutAfter: true}, {Call: "say", Cut: true}, {Call: "say", Status: 502, Body: "no"}, {Call: "chat", Status: 502}, {Call: "say", Status: 429, RetryAfter: 1},
	} {
		for _, text := range []string{"ok", "ok", long, " \n\nok\n "} {
			n++
			a.server.Fail(fault)
			s := wit.ChannelSend{To: in(a.direct), Text: text, IdempotencyKey: "once" + id(int64(n))}
			before := len(a.said(a.direct))
			for try := 0; ; try++ {
				_, err := a.TrySend(s)
				if err == nil {
					break
				}
				if e := wit.AsError(err); !e.Retryable || try > 4 {
					t.Fatalf("%+v: %v", fault, err)
				}
			}
			if got, want := len(a.said(a.direct))-before, 1+len(text)/101; got != want {
				t.Errorf("%+v: %.9q arrived %d times, want %d", fault, text, got, want)
			}
			a.server.Mend()
		}
	}
}

func TestRefusals(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{})
	closed := a.ann.NewGroup("closed", a.bot)
	a.server.SetReadOnly(closed)
	for name, c := range map[string]struct {
		fault nextcloudtest.Fault
		to    wit.Conversation
		code  wit.Code
		retry bool
	}{
		"no such room": {to: wit.Conversation{ID: "nowhere"}, code: wit.CodeNotFound},
		"nobody":       {to: wit.Conversation{ID: "users/nobody"}, code: wit.CodeNotFound},
		"read-only":    {to: in(closed), code: wit.CodeForbidden},
		"no password":  {fault: nextcloudtest.Fault{Status: 401}, to: in(a.direct), code: wit.CodeUnauthorized, retry: true},
		"lobby":        {fault: nextcloudtest.Fault{Status: 412}, to: in(a.direct), code: wit.CodeForbidden},
		"too often":    {fault: nextcloudtest.Fault{Status: 429, RetryAfter: 3}, to: in(a.direct), code: wit.CodeRateLimited, retry: true},
		"maintenance":  {fault: nextcloudtest.Fault{Status: 503, Body: "<html>"}, to: in(a.direct), code: wit.CodeUnavailable, retry: true},
		"no Nextcloud": {fault: nextcloudtest.Fault{Status: 404, Body: "<html>"}, to: in(a.direct), code: wit.CodeUnavailable, retry: true},
		"too long":     {fault: nextcloudtest.Fault{Status: 413}, to: in(a.direct), code: wit.CodeTooLarge},
	} {
		if c.fault.Status != 0 {
			c.fault.Call = "say"
			a.server.Fail(c.fault)
		}
		_, err := a.TrySend(wit.ChannelSend{To: c.to, Text: "x", IdempotencyKey: name})
		e := wit.AsError(err)
		if e == nil || e.Code != c.code || e.Retryable != c.retry || (e.RetryAfter != nil) != (c.code == wit.CodeRateLimited) {
			t.Errorf("%s: %+v", name, e)
		}
	}
	a.keep("m1", "x")
	a.server.Fail(nextcloudtest.Fault{Call: "upload", Status: 507})
	a.Send(wit.ChannelSend{To: in(a.direct), Text: "see", Attachments: []wit.Attachment{{Kind: wit.AttachmentKindDocument, Media: new("m1"), Name: new("big.txt")}}, IdempotencyKey: "r1"})
	if got := a.said(a.direct); len(got) != 1 || got[0] != "see\n[big.txt could not be sent]" {
		t.Errorf("%q", got)
	}
}

// keep puts a file into the media store.
func (a *account) keep(media, data string) {
	a.Host.Media[media] = wit.MediaInfo{Media: media, Mime: "image/png", Size: int64(len(data))}
	a.Host.Files[media] = []byte(data)
}

func TestSentFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{})
	asked := id(a.ann.Say(a.direct, "show me", 0))
	a.Last(1)
	a.keep("m1", "PNG!")
	s := wit.ChannelSend{To: in(a.direct), Text: "look", ReplyTo: &asked, IdempotencyKey: "f", Attachments: []wit.Attachment{
		{Kind: wit.AttachmentKindImage, Media: new("m1"), Name: new("a/b #1.png"), Mime: new("image/png")},
		{Kind: wit.AttachmentKindVoice, Media: new("m1"), Name: new("v.ogg"), Caption: new("said")},
		{Kind: wit.AttachmentKindDocument, Fetch: &wit.HTTPRequest{URL: "https://example.org/f.pdf"}, Name: new("f.pdf")},
		{Kind: wit.AttachmentKindLocation, Caption: new("52.5,13.4"), Name: new("Here")},
	}}
	a.server.Fail(nextcloudtest.Fault{Call: "share", CutAfter: true})
	if _, err := a.TrySend(s); err == nil {
		t.Fatal("the answer was not lost")
	}
	ids := a.Send(s)
	got := a.server.From(a.direct, a.bot)
	if len(got) != 4 || len(ids) != 4 || ids[0] != id(got[0].ID) || ids[1] != id(got[1].ID) {
		t.Fatalf("%q %+v", ids, got)
	}
	file := got[0].Parameters["file"].(map[string]any)
	if got[0].Text != "look" || got[0].Parent == 0 || !strings.HasSuffix(file["name"].(string), "-a-b #1.png") || got[1].Type != "voice-message" || got[1].Text != "said" {
		t.Errorf("%+v", got[:2])
	}
	if got[2].Text != "https://example.org/f.pdf" || got[3].Text != "Here 52.5,13.4" {
		t.Errorf("%+v", got[2:])
	}
	if n := len(a.server.Calls("mkcol")); n != 1 {
		t.Errorf("the folder is made %d times", n)
	}
}

func TestChanges(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut, channeltest.ReactionsOut)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{})
	asked := a.ann.Say(a.direct, "hello", 0)
	a.Last(1)
	host, here := a.Host.SDK(), in(a.direct)
	sent := a.Send(wit.ChannelSend{To: here, Text: "one", IdempotencyKey: "c1"})[0]
	p := nextcloud.New()
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
	do("edit", edit("one and @all"))
	if got := a.said(a.direct)[0]; got != "one and @\u2060all" {
		t.Errorf("%q", got)
	}
	react := func(emoji string) error {
		_, err := p.(channel.Reactor).React(host, &wit.ChannelReaction{Account: "default", Config: a.Config, State: a.State(), To: here, ID: id(asked), Emoji: emoji})
		return err
	}
	for _, emoji := range []string{"👍", "👍", "❤️"} {
		do(emoji, react(emoji))
	}
	if got := a.server.Reactions(a.direct, asked); len(got) != 2 || !slices.Equal(got["👍"], []string{"carapace"}) {
		t.Errorf("%q", got)
	}
	if err := react("no"); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("what is no emoji: %v", err)
	}
	a.ann.React(a.direct, asked, "👍")
	do("none", react(""))
	if got := a.server.Reactions(a.direct, asked); len(got) != 1 || !slices.Equal(got["👍"], []string{"ann"}) {
		t.Errorf("%q stay", got)
	}
	remove := func() error {
		_, err := p.(channel.Deleter).Delete(host, &wit.ChannelDelete{Account: "default", Config: a.Config, State: a.State(), To: here, ID: sent})
		return err
	}
	do("delete", remove())
	do("delete again", remove())
	if got := a.server.From(a.direct, a.bot); got[0].Type != "comment_deleted" {
		t.Errorf("%+v", got)
	}
	if err := edit("too late"); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("an edit of what is gone: %v", err)
	}
}

func TestDirectory(t *testing.T) {
	channeltest.Proves(t, channeltest.Directory)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{})
	a.server.Register("kit", "Kit Kitchener")
	kitchen := a.ann.NewGroup("Kitchen", a.bot)
	for query, want := range map[string][]string{
		"ann": {"users/ann"}, "@ann": {"users/ann"}, "users/ann": {"users/ann"}, "kitchen": {"users/kit", kitchen.Token}, kitchen.Token: {kitchen.Token}, "nothing": nil,
	} {
		got, err := nextcloud.New().(channel.Finder).Directory(a.Host.SDK(), &wit.DirectoryQuery{Account: "default", Config: a.Config, Query: query})
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
