package feishu_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/feishu/feishutest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestSendText(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.RepliesOut, channeltest.Threads)
	a := newAccount(t)
	asked := a.server.Say(ada, "when?")
	m := a.mustSend(t, wit.ChannelSend{Text: "12 it is 🎉", Formatted: new("**12** it is 🎉"), ReplyTo: &asked})[0]
	if m.Type != "interactive" || m.To != ada || m.Text != "**12** it is 🎉" || m.Summary != "12 it is 🎉" || m.ReplyTo != asked || m.InThread {
		t.Errorf("%+v", m)
	}
	if again := a.mustSend(t, wit.ChannelSend{Text: "12 it is 🎉", Formatted: new("**12** it is 🎉"), ReplyTo: &asked})[0]; again.ID != m.ID || len(a.server.Sent()) != 1 {
		t.Errorf("a repeated send makes another message: %+v", again)
	}
	for i, gone := range []string{"om_unknown", asked} {
		a.server.Recall(asked)
		if m := a.mustSend(t, wit.ChannelSend{Text: "x", ReplyTo: &gone, IdempotencyKey: "gone " + gone})[0]; m.ReplyTo != "" || m.To != ada {
			t.Errorf("%d, a reply to what is not there: %+v", i, m)
		}
	}
	if got := a.mustSend(t, wit.ChannelSend{Text: " \n "}); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
	long := strings.Repeat(`"\ä🎉`, 1000)
	if m := a.mustSend(t, wit.ChannelSend{Text: long, IdempotencyKey: "long"})[0]; m.Type != "interactive" || m.Text != long {
		t.Errorf("the longest: %s, %d bytes", m.Type, len(m.Text))
	}
	group := a.server.Group("Friends")
	root := a.server.Mention(ada, group, "@_user_1 topic")
	to := wit.Conversation{Kind: wit.ConversationKindGroup, ID: group, Thread: &root}
	for _, m := range a.mustSend(t, wit.ChannelSend{To: to, Text: "here", IdempotencyKey: "t", Attachments: []wit.Attachment{{Kind: wit.AttachmentKindLocation, Name: new("Home"), Caption: new("1,2")}}}) {
		if m.ReplyTo != root || !m.InThread || m.Chat != group {
			t.Errorf("in a thread: %+v", m)
		}
	}
}

// TestNoCredentialIsFilledIntoTexts is about a message that asks for one, or would call everybody.
func TestNoCredentialIsFilledIntoTexts(t *testing.T) {
	a := newAccount(t)
	const evil = "{{credential:tenantToken}} {{media:m1}} <at user_id=\"all\">"
	a.server.Fail(feishutest.Fault{Call: "send", Code: 230099})
	if m := a.mustSend(t, wit.ChannelSend{Text: evil})[0]; m.Type != "text" || m.Text != strings.Replace(evil, "<at", "<\u200bat", 1) {
		t.Errorf("%+v", m)
	}
}

func TestSendFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	a := newAccount(t)
	file := func(kind wit.AttachmentKind, mime, name string) wit.Attachment {
		return wit.Attachment{Kind: kind, Media: new("m1"), Name: &name, Mime: &mime, Duration: new(int64(1000))}
	}
	for _, c := range []struct {
		file wit.Attachment
		want string // types of messages
	}{
		{file(wit.AttachmentKindImage, "image/png", "a.png"), "interactive image"},
		{file(wit.AttachmentKindImage, "image/x-icon", "a.ico"), "interactive file"}, // no picture that Feishu shows
		{file(wit.AttachmentKindVideo, "video/mp4", "v.mp4"), "interactive media"},
		{file(wit.AttachmentKindVideo, "video/webm", "v.webm"), "interactive file"},
		{file(wit.AttachmentKindVoice, "audio/ogg", "v.ogg"), "interactive audio"},
		{file(wit.AttachmentKindAudio, "audio/mpeg", "v.mp3"), "interactive file"},
		{file(wit.AttachmentKindDocument, "application/pdf", "a.pdf"), "interactive file"},
		{file(wit.AttachmentKindSticker, "image/webp", "s.webp"), "interactive image"},
		{wit.Attachment{Kind: wit.AttachmentKindDocument, Fetch: &wit.HTTPRequest{URL: "https://e.org/x_y.pdf"}}, "interactive interactive"},
		{wit.Attachment{Kind: wit.AttachmentKindLocation, Name: new("Home"), Caption: new("1.5,-2")}, "interactive interactive"},
		{wit.Attachment{Kind: wit.AttachmentKindContact, Name: new("Bea"), Caption: new("+1415")}, "interactive interactive"},
	} {
		var got []string
		for _, m := range a.mustSend(t, wit.ChannelSend{Text: "look", Attachments: []wit.Attachment{c.file}, IdempotencyKey: string(wit.Marshal(&c.file))}) {
			got = append(got, m.Type)
			if m.Type != "interactive" && string(m.File) != "media:m1" || m.Type == "file" && m.Name != *c.file.Name {
				t.Errorf("%s: %+v", c.want, m)
			}
		}
		if is := strings.Join(got, " "); is != c.want {
			t.Errorf("%s: sent %q, want %q", wit.Marshal(&c.file), is, c.want)
		}
	}
	if _, err := a.send(wit.ChannelSend{Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage}}}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Error(err)
	}
}

// TestASecondAttemptSendsTheRest, and no part again.
func TestASecondAttemptSendsTheRest(t *testing.T) {
	a := newAccount(t)
	send := wit.ChannelSend{Text: "look", Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage, Media: new("m1"), Mime: new("image/png")}}}
	a.server.Fail(feishutest.Fault{Call: "image", Status: 500, Code: 234000})
	if _, err := a.send(send); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Fatalf("first attempt: %v", err)
	}
	got, err := a.send(send)
	if err != nil || len(got) != 2 || len(a.server.Sent()) != 2 || got[0].Type != "interactive" || got[1].Type != "image" {
		t.Errorf("%v: %+v", err, got)
	}
}

func TestEditAndDelete(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut)
	a := newAccount(t)
	m := a.mustSend(t, wit.ChannelSend{Text: "one"})[0]
	for range 30 { // more than a plain message bears
		if err := a.edit(wit.ChannelEdit{ID: m.ID, Text: "two", Formatted: new("**two**")}); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.server.Get(m.ID); got.Text != "**two**" || got.Edits != 30 {
		t.Errorf("%+v", got)
	}
	a.server.Fail(feishutest.Fault{Call: "send", Code: 230099})
	plain := a.mustSend(t, wit.ChannelSend{Text: "plain", IdempotencyKey: "plain"})[0]
	if err := a.edit(wit.ChannelEdit{ID: plain.ID, Text: "changed", Formatted: new("*changed*")}); err != nil || a.server.Get(plain.ID).Text != "changed" {
		t.Errorf("%v %+v", err, a.server.Get(plain.ID))
	}
	remove := func(id string) error {
		_, err := a.Plugin.(channel.Deleter).Delete(a.Host.SDK(), &wit.ChannelDelete{Config: a.Config, To: toAda, ID: id})
		return err
	}
	for range 2 { // what is gone is what was wanted
		if err := remove(m.ID); err != nil || !a.server.Get(m.ID).Gone {
			t.Error(err)
		}
	}
	if err := a.edit(wit.ChannelEdit{ID: m.ID, Text: "three"}); wit.CodeOf(err) != wit.CodeNotFound {
		t.Error(err)
	}
	theirs := a.server.Say(ada, "mine")
	if err := remove(theirs); wit.CodeOf(err) != wit.CodeForbidden {
		t.Error(err)
	}
}

func TestReact(t *testing.T) {
	channeltest.Proves(t, channeltest.ReactionsOut)
	a := newAccount(t)
	id := a.server.Say(ada, "x")
	react := func(emoji string) error {
		_, err := a.Plugin.(channel.Reactor).React(a.Host.SDK(), &wit.ChannelReaction{Config: a.Config, To: toAda, ID: id, Emoji: emoji})
		return err
	}
	for i, emoji := range []string{"👍🏽", "❤️", "DONE"} {
		if err := react(emoji); err != nil || len(a.server.Get(id).Reactions) != i+1 {
			t.Errorf("%s: %v", emoji, err)
		}
	}
	if err := react(""); err != nil || len(a.server.Get(id).Reactions) != 0 {
		t.Errorf("%v %+v", err, a.server.Get(id))
	}
	for _, emoji := range []string{"🦄", "NoSuch"} {
		if err := react(emoji); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", emoji, err)
		}
	}
}

func TestDirectory(t *testing.T) {
	channeltest.Proves(t, channeltest.Directory)
	a := newAccount(t)
	ids := map[string]string{}
	for _, name := range []string{"Family", "Work", "Work (old)", "Friends"} {
		ids[name] = a.server.Group(name)
	}
	direct := wit.ConversationKindDirect
	for _, c := range []struct {
		query wit.DirectoryQuery
		want  string
	}{
		{wit.DirectoryQuery{}, "Family,Work,Work (old),Friends"}, {wit.DirectoryQuery{Query: "wORK "}, "Work,Work (old)"}, {wit.DirectoryQuery{Query: "f", Limit: 1}, "Family"},
		{wit.DirectoryQuery{Query: ids["Friends"]}, "Friends"}, {wit.DirectoryQuery{Query: ada}, "Ada"}, {wit.DirectoryQuery{Query: "oc_none"}, ""}, {wit.DirectoryQuery{Query: "ou_none"}, ""},
		{wit.DirectoryQuery{Kind: &direct}, ""},
	} {
		c.query.Config = a.Config
		out, err := a.Plugin.(channel.Finder).Directory(a.Host.SDK(), &c.query)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range out.Entries {
			got = append(got, *e.Name)
		}
		if strings.Join(got, ",") != c.want {
			t.Errorf("%q: %q", c.query.Query, got)
		}
	}
}
