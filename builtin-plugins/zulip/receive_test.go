package zulip_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/zulip/zuliptest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTexts(t *testing.T) {
	channeltest.Proves(t, channeltest.TextIn, channeltest.Direct, channeltest.EditsIn, channeltest.DeletionsIn, channeltest.ReactionsIn, channeltest.Unreactions)
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	long := strings.Repeat("a🦀 ", 3000)
	first := a.ann.Direct("hello **you**", a.bot)
	a.ann.Direct(long, a.bot)
	a.ann.Direct("/me waves", a.bot)
	a.ann.Direct("see #**kitchen>tea** at <time:2026-11-29T18:00:00Z>, @_**Ann|8** & @*cooks*: a@b.c # x < y", a.bot)
	a.ann.Preview(first)
	a.ann.Edit(first, "hello all")
	a.ann.React(first, "+1", "1f44d")
	a.ann.React(first, "flag_germany", "1f1e9-1f1ea")
	a.ann.React(first, "parrot", "")
	a.ann.Unreact(first)
	a.ann.Delete(first)
	got := a.Messages(12)
	for i, want := range []struct {
		kind wit.MessageKind
		text string
	}{
		{wit.MessageKindText, "hello **you**"}, {wit.MessageKindText, strings.TrimSpace(long)}, {wit.MessageKindText, "* Ann waves"},
		{wit.MessageKindText, "see #kitchen>tea at 2026-11-29T18:00:00Z, @Ann & @cooks: a@b.c # x < y"}, {wit.MessageKindEdited, "hello all"},
		{wit.MessageKindReaction, "👍"}, {wit.MessageKindReaction, "🇩🇪"}, {wit.MessageKindReaction, ":parrot:"},
		{wit.MessageKindReaction, ""}, {wit.MessageKindReaction, ""}, {wit.MessageKindReaction, ""}, {wit.MessageKindDeleted, ""},
	} {
		m := got[i]
		if m.Kind != want.kind || m.Text != want.text {
			t.Errorf("message %d: %s %.100q, want %s %.100q", i, m.Kind, m.Text, want.kind, want.text)
		}
		if m.Conversation.Kind != wit.ConversationKindDirect || m.Conversation.ID != id(a.ann.ID) || m.Sender.ID != id(a.ann.ID) || m.Time == 0 {
			t.Errorf("message %d: %+v", i, m)
		}
		if i > 3 && (m.Target == nil || *m.Target != id(first)) {
			t.Errorf("message %d is about %v", i, m.Target)
		}
	}
	if s := got[0].Sender; got[0].ID != id(first) || s.Name == nil || *s.Name != "Ann" || s.Username == nil || *s.Username != a.ann.Email || s.Bot {
		t.Errorf("%+v", got[0])
	}
}

func TestPlaces(t *testing.T) {
	channeltest.Proves(t, channeltest.Groups, channeltest.Threads, channeltest.Mentions)
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	bob, other := a.server.Register("Bob", false), a.server.Register("Other", true)
	for i, c := range []struct {
		say       func()
		kind      wit.ConversationKind
		id        string
		name      string
		topic     string
		mentioned bool
	}{
		{func() { a.ann.Say(a.kitchen, "tea", "hello") }, wit.ConversationKindGroup, "channel:" + id(a.kitchen.ID), "kitchen", "tea", false},
		{func() { a.ann.Say(a.kitchen, "tea", "@**Carapace** hello") }, wit.ConversationKindGroup, "channel:" + id(a.kitchen.ID), "kitchen", "tea", true},
		{func() { a.ann.Say(a.kitchen, "milk", fmt.Sprintf("@**|%d** hello", a.bot.ID)) }, wit.ConversationKindGroup, "channel:" + id(a.kitchen.ID), "kitchen", "milk", true},
		{func() { a.ann.Say(a.kitchen, "milk", "@**all** hello, not @_**Carapace**") }, wit.ConversationKindGroup, "channel:" + id(a.kitchen.ID), "kitchen", "milk", false},
		{func() { bob.Direct("we three", a.ann, a.bot) }, wit.ConversationKindGroup, id(a.ann.ID) + "," + id(bob.ID), "Bob, Ann", "", false},
		{func() { other.Direct("I am a program", a.bot) }, wit.ConversationKindDirect, id(other.ID), "Other", "", false},
	} {
		c.say()
		m := a.Last(i + 1)
		topic, name := "", ""
		if m.Conversation.Thread != nil {
			topic = *m.Conversation.Thread
		}
		if m.Conversation.Name != nil {
			name = *m.Conversation.Name
		}
		if m.Conversation.Kind != c.kind || m.Conversation.ID != c.id || name != c.name || topic != c.topic || m.Mentioned != c.mentioned {
			t.Errorf("%d: %+v", i, m)
		}
		if m.Sender.Bot != (i == 5) {
			t.Errorf("%d is by %+v", i, m.Sender)
		}
	}
	a.Config = wit.JSON(strings.Replace(string(a.Config), `{`, `{"wildcardMentions":true,`, 1))
	a.ann.Say(a.kitchen, "milk", "@**all** tea is ready")
	if m := a.Last(7); !m.Mentioned {
		t.Errorf("to everybody, as the owner wants it: %+v", m)
	}
}

func TestQuotations(t *testing.T) {
	channeltest.Proves(t, channeltest.RepliesIn)
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	quote := func(who string, of int64, said, answer string) string {
		return fmt.Sprintf("@_**%s** [said](https://zulip.test/#narrow/channel/41-kitchen/topic/tea/near/%d):\n```quote\n%s\n```\n%s", who, of, said, answer)
	}
	mine := fmt.Sprintf("Carapace|%d", a.bot.ID)
	for i, c := range []struct {
		said, text, quoted, of string
		mentioned              bool
	}{
		{quote(mine, 1234, "tea is **ready**", "thanks"), "thanks", "tea is **ready**", "1234", true},
		{quote("Bob|9", 1234, "two\nlines", "\nmany\nthanks"), "many\nthanks", "two\nlines", "1234", false},
		{quote("Bob|9", 1234, "alone", ""), strings.TrimSpace(strings.Replace(quote("Bob|9", 1234, "alone", ""), "@_**Bob|9**", "@Bob", 1)), "", "", false},
		{"@_**Bob|9** [is](https://example.org):\nhere", "@Bob [is](https://example.org):\nhere", "", "", false},
	} {
		a.ann.Say(a.kitchen, "tea", c.said)
		m := a.Last(i + 1)
		if m.Text != c.text || m.Mentioned != c.mentioned || (m.ReplyTo != nil) != (c.of != "") {
			t.Errorf("%d: %+v", i, m)
			continue
		}
		if q := m.ReplyTo; q != nil && (q.ID != c.of || *q.Text != c.quoted || q.Sender == nil) {
			t.Errorf("%d answers %+v", i, q)
		}
	}
}

func TestFiles(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn)
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	picture := a.server.AddFile(zuliptest.File{Name: "p.png", Type: "image/png", Data: []byte("PNG!")})
	paper := a.server.AddFile(zuliptest.File{Name: "f.pdf", Type: "application/pdf", Data: []byte("PDF!")})
	for i, c := range []struct {
		said, text string
		want       []string // kind, name and what is in it
	}{
		{"[p.png](" + picture + ")", "", []string{"image p.png PNG!"}},
		{"look:\n![](" + picture + ")\n[my paper](" + paper + ")", "look:", []string{"image p.png PNG!", "document my paper PDF!"}},
		{"see [this](" + site + paper + ") and that", "see this and that", []string{"document this PDF!"}},
		{"[a](https://evil.example/user_uploads/x.png) [b](/user_uploads/../api/v1/x)", "[a](https://evil.example/user_uploads/x.png) [b](/user_uploads/../api/v1/x)", nil},
	} {
		a.ann.Direct(c.said, a.bot)
		m := a.Last(i + 1)
		var got []string
		for _, f := range m.Attachments {
			got = append(got, string(f.Kind)+" "+*f.Name+" "+a.fetch(t, &f))
		}
		if m.Text != c.text || !slices.Equal(got, c.want) {
			t.Errorf("%d: %q %q, want %q %q", i, m.Text, got, c.text, c.want)
		}
	}
}

// TestWhatIsNotRemembered: an edit and a reaction say only which message they are about, and one that is not known is asked for
// first; order is kept.
func TestWhatIsNotRemembered(t *testing.T) {
	t.Parallel()
	a := newAccount(t, zuliptest.Config{})
	old, gone := a.ann.Say(a.kitchen, "tea", "before the bot came"), a.ann.Direct("also before", a.bot)
	a.Start()
	a.Until("it reads", a.reads)
	a.server.Fail(zuliptest.Fault{Call: "message", Status: 502, Code: "X"}, zuliptest.Fault{Call: "events", Status: 502})
	a.ann.React(old, "+1", "1f44d")
	a.ann.Direct("and then this", a.bot)
	a.ann.Edit(old, "before the bot came in")
	a.ann.Delete(gone)
	got := a.Messages(3)
	for i, want := range []string{"reaction 👍 tea", "text and then this ", "edited before the bot came in tea"} {
		topic := ""
		if got[i].Conversation.Thread != nil {
			topic = *got[i].Conversation.Thread
		}
		if text := string(got[i].Kind) + " " + got[i].Text + " " + topic; text != want {
			t.Errorf("%d: %q, want %q", i, text, want)
		}
	}
	a.Until("it reads", a.reads)
	a.server.Fail(zuliptest.Fault{Call: "message", Status: 400, Code: "BAD_REQUEST"})
	a.ann.React(gone, "eyes", "1f440") // nobody has it any more
	a.ann.Direct("still there?", a.bot)
	if m := a.Last(4); m.Text != "still there?" {
		t.Errorf("%+v", m)
	}
}

// TestMovedMessages: what happens to a message later is told of the topic that it is in now.
func TestMovedMessages(t *testing.T) {
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	hall := a.server.NewChannel("hall", a.bot, a.ann)
	m := a.ann.Say(a.kitchen, "tea", "who has the key?")
	a.Last(1)
	a.ann.Move(m, nil, "keys")
	a.ann.React(m, "eyes", "1f440")
	if c := a.Last(2).Conversation; *c.Thread != "keys" || c.ID != "channel:"+id(a.kitchen.ID) {
		t.Errorf("%+v", c)
	}
	a.ann.Move(m, hall, "lost")
	a.ann.Edit(m, "who has the keys?")
	if c := a.Last(3).Conversation; *c.Thread != "lost" || c.ID != "channel:"+id(hall.ID) {
		t.Errorf("%+v", c)
	}
}

// TestTopicsThatMove: a topic that is renamed, or put into another channel, goes on there; messages that are put into a topic that is there
// belong to that one.
func TestTopicsThatMove(t *testing.T) {
	channeltest.Proves(t, channeltest.Moves)
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	hall := a.server.NewChannel("hall", a.bot, a.ann)
	tea := a.ann.Say(a.kitchen, "tea", "who has the key?")
	a.ann.Say(a.kitchen, "tea", "not me")
	a.ann.Say(a.kitchen, "milk", "is out")
	a.Last(3)
	a.ann.MoveTopic(tea, nil, "✔ tea")
	a.ann.MoveTopic(tea, hall, "keys")
	a.ann.MoveTopic(tea, a.kitchen, "milk")
	a.ann.React(tea, "eyes", "1f440")
	if c := a.Last(4).Conversation; *c.Thread != "milk" || c.ID != "channel:"+id(a.kitchen.ID) {
		t.Errorf("%+v", c)
	}
	moved := a.Moved()
	if len(moved) != 2 {
		t.Fatalf("%+v", moved)
	}
	for i, want := range [][4]string{{id(a.kitchen.ID), "tea", id(a.kitchen.ID), "✔ tea"}, {id(a.kitchen.ID), "✔ tea", id(hall.ID), "keys"}} {
		m := moved[i]
		if m.From != "channel:"+want[0] || *m.Thread != want[1] || m.To.ID != "channel:"+want[2] || *m.To.Thread != want[3] || m.To.Kind != wit.ConversationKindGroup {
			t.Errorf("%d: %+v", i, m)
		}
	}
}

func TestTypingIn(t *testing.T) {
	channeltest.Proves(t, channeltest.TypingIn)
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	a.ann.Type(nil, "", a.bot)
	a.ann.Type(a.kitchen, "tea")
	a.Until("somebody types", func() bool { return len(a.Receipts()) == 2 })
	for i, want := range []string{id(a.ann.ID), "channel:" + id(a.kitchen.ID)} {
		if r := a.Receipts()[i]; r.Kind != wit.ReceiptKindTyping || r.Conversation.ID != want || r.Sender.ID != id(a.ann.ID) {
			t.Errorf("%+v", r)
		}
	}
}
