package teams_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/teams/teamstest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTextsThatGo(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.Markup, channeltest.RepliesOut, channeltest.Threads, channeltest.Direct, channeltest.Groups)
	g := newGateway(t)
	chat := g.server.Meet(ada)
	if m := g.sends(wit.ChannelSend{Text: "plain <b> & {{credential:accessToken}} 🎉\nmore"})[0]; m.Text != "plain <b> & {{credential:accessToken}} 🎉\nmore" || m.Chat != chat.ID {
		t.Errorf("%+v", m)
	}
	formatted := "<strong>bold</strong>\n&lt;x&gt;\n<pre>a\nb</pre>\n<blockquote>q</blockquote>"
	if m := g.sends(wit.ChannelSend{Text: "bold\n<x>\na\nb\nq", Formatted: &formatted})[0]; m.Text != "bold\n<x>\na\nbq" || m.Source != "<strong>bold</strong><br>&lt;x&gt;<br><pre>a\nb</pre><blockquote>q</blockquote>" {
		t.Errorf("%q of %q", m.Text, m.Source)
	}
	for _, text := range []string{"", " \n "} {
		if got := g.sends(wit.ChannelSend{Text: text}); len(got) != 0 {
			t.Errorf("of nothing: %+v", got)
		}
	}
	if m := g.sends(wit.ChannelSend{Text: strings.Repeat("ä", 10_000)})[0]; len(m.Text) != 20_000 {
		t.Errorf("the longest: %d bytes", len(m.Text))
	}
	asked := g.server.Say(ada, chat, "", "hi")
	g.Last(1)
	if m := g.sends(wit.ChannelSend{Text: "a reply", ReplyTo: new(chat.ID + "/" + asked)})[0]; m.ReplyTo != asked {
		t.Errorf("%+v", m)
	}
	if m := g.sends(wit.ChannelSend{Text: "a reply to nothing", ReplyTo: new(chat.ID + "/1")})[0]; m.ReplyTo != "" {
		t.Errorf("%+v", m)
	}
	if m := g.sends(wit.ChannelSend{To: to(club), Text: "hello club"})[0]; m.Chat != club.ID {
		t.Errorf("%+v", m)
	}
	root := g.sends(wit.ChannelSend{To: to(news), Text: "a thread begins"})[0]
	in := to(news)
	in.Thread = &root.ID
	if m := g.sends(wit.ChannelSend{To: in, Text: "and goes on"})[0]; root.Thread != root.ID || m.Thread != root.ID {
		t.Errorf("%+v %+v", root, m)
	}
	sent, err := g.TrySend(wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindDirect, ID: ada.ID}, Text: "to her"})
	if err != nil || sent.Moved == nil || sent.Moved.ID != chat.ID {
		t.Errorf("to somebody: %+v %v", sent, err)
	}
	if _, err := g.TrySend(wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindDirect, ID: "29:stranger"}, Text: "x"}); wit.CodeOf(err) != wit.CodeForbidden || !strings.Contains(err.Error(), "add the app") {
		t.Errorf("to a stranger: %v", err)
	}
}

func TestEditsDeletionsAndTyping(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut, channeltest.TypingOut)
	g := newGateway(t)
	in := to(news)
	in.Thread = &g.sends(wit.ChannelSend{To: in, Text: "root"})[0].ID
	id := g.Send(wit.ChannelSend{To: in, Text: "draft"})[0]
	last := func() teamstest.Sent { all := g.server.Sent(); return all[len(all)-1] }
	edit := wit.ChannelEdit{Config: g.Config, State: g.State(), To: in, ID: id, Text: "final", Formatted: new("<em>final</em>")}
	if _, err := g.Plugin.(channel.Editor).Edit(g.Host.SDK(), &edit); err != nil || last().Text != "final" || last().Edits != 1 {
		t.Errorf("%v: %+v", err, last())
	}
	remove := wit.ChannelDelete{Config: g.Config, State: g.State(), To: in, ID: id}
	for range 2 {
		if _, err := g.Plugin.(channel.Deleter).Delete(g.Host.SDK(), &remove); err != nil || !last().Deleted {
			t.Errorf("%v: %+v", err, last())
		}
	}
	if _, err := g.Plugin.(channel.Editor).Edit(g.Host.SDK(), &edit); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("what is gone: %v", err)
	}
	for _, c := range []wit.Conversation{to(g.server.Meet(ada)), in, to(news)} {
		if _, err := g.Plugin.(channel.Typer).Typing(g.Host.SDK(), &wit.ChannelTyping{Config: g.Config, State: g.State(), To: c}); err != nil {
			t.Error(err)
		}
	}
	if got := g.server.Typed(); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

func TestButtons(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons)
	g := newGateway(t)
	rows := []wit.ActionRow{{Actions: []wit.Action{{Label: "Yes", Value: "v-yes", Style: wit.ActionStylePrimary}, {Label: "No", Value: "v-no", Style: wit.ActionStyleDanger}}}}
	id := g.Send(wit.ChannelSend{To: to(g.server.Meet(ada)), Text: "sure?", Formatted: new("<strong>sure?</strong>"), Actions: rows})[0]
	m := g.server.Sent()[0]
	if m.Text != "sure?" || m.Choices["Yes"] != "v-yes" || m.Choices["No"] != "v-no" {
		t.Fatalf("%+v", m)
	}
	g.server.Choose(ada, m, "Yes", true)
	g.server.Choose(ada, m, "No", false)
	for i, want := range []string{"v-yes", "v-no"} {
		if a := g.Messages(2)[i]; a.Kind != wit.MessageKindAction || a.Text != want || *a.Target != id || a.Sender.ID != ada.ID {
			t.Errorf("%s", wit.Marshal(&a))
		}
	}
	g.Until("the invoke was answered", func() bool { return len(g.server.Answers()) == 1 })
	if got := g.server.Answers()[0]; !strings.Contains(got, `"statusCode":200`) {
		t.Errorf("%s", got)
	}
	take := wit.ChannelEdit{Config: g.Config, State: g.State(), To: to(g.server.Meet(ada)), ID: id}
	if _, err := g.Plugin.(channel.Editor).Edit(g.Host.SDK(), &take); err != nil || len(g.server.Sent()[0].Choices) != 0 || g.server.Sent()[0].Text != "sure?" {
		t.Errorf("%v: %+v", err, g.server.Sent()[0])
	}
	take.ID = "a:other/1"
	if _, err := g.Plugin.(channel.Editor).Edit(g.Host.SDK(), &take); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("%v", err)
	}
	g.server.Fail(teamstest.Fault{Call: "post", Where: "application/vnd.microsoft.card.adaptive", Status: 400, Code: "BadSyntax", Times: 2})
	if m := g.sends(wit.ChannelSend{Text: "sure?", Formatted: new("<strong>sure?</strong>"), Actions: rows})[0]; m.Text != "sure?\n- Yes\n- No" {
		t.Errorf("refused: %+v", m)
	}
}

// TestPolls: a question is a card, and what people choose in it is told, whatever their client knows of cards.
func TestPolls(t *testing.T) {
	channeltest.Proves(t, channeltest.Polls)
	g := newGateway(t)
	poll := &wit.ChannelPoll{Config: g.Config, State: g.State(), To: to(g.server.Meet(ada)), Question: "Tea?", Options: []string{"green", "black", "none, really"}, MaxSelections: 2}
	ask := func() (*wit.Sent, error) { return g.Plugin.(channel.Poller).Poll(g.Host.SDK(), poll) }
	sent, err := ask()
	if err != nil || len(sent.IDs) != 1 {
		t.Fatalf("asked %+v, %v", sent, err)
	}
	m := g.server.Sent()[0]
	if m.Poll == nil || m.Poll.Question != "Tea?" || len(m.Poll.Values) != 3 || !m.Poll.Multiple {
		t.Fatalf("%+v", m.Poll)
	}
	g.server.Vote(ada, m, true, "green", "none, really")
	g.server.Vote(ada, m, false, "black")
	g.server.Vote(ada, m, false)
	for i, want := range []string{"[voted in the poll “Tea?”: green, none, really]", "[voted in the poll “Tea?”: black]", "[took back the vote in the poll “Tea?”]"} {
		if v := g.Messages(3)[i]; v.Kind != wit.MessageKindService || v.Text != want || v.ReplyTo.ID != sent.IDs[0] || v.Sender.ID != ada.ID {
			t.Errorf("told %s", wit.Marshal(&v))
		}
	}
	shows := func(want string) {
		g.Until("the card shows "+want, func() bool {
			p := g.server.Sent()[0].Poll
			return strings.Join(p.Facts, ", ") == want && p.Multiple && p.Question == "Tea?"
		})
	}
	shows("green: 0, black: 0, none, really: 0")
	g.server.Vote(ada, g.server.Sent()[0], true, "green", "black")
	g.server.Vote(teamstest.Person{ID: "29:grace", Name: "Grace"}, m, true, "black")
	shows("green: 1, black: 2, none, really: 0")
	for _, n := range []int{0, 21} {
		poll.Options = make([]string, n)
		if _, err := ask(); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%d options: %v", n, err)
		}
	}
}

func TestFilesThatGo(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	g := newGateway(t)
	picture := wit.Attachment{Kind: wit.AttachmentKindImage, Media: new("m1"), Mime: new("image/png"), Name: new("p.png"), Size: new(int64(8))}
	if m := g.sends(wit.ChannelSend{Text: "{{media:m1}} look", Formatted: new("<em>{{media:m1}} look</em>"), Attachments: []wit.Attachment{picture}})[0]; m.Text != "{{media:m1}} look" || string(m.File) != "media:m1" || m.FileName != "p.png" {
		t.Errorf("%+v", m)
	}
	document := wit.Attachment{Kind: wit.AttachmentKindDocument, Media: new("m2"), Mime: new("application/pdf"), Name: new("d.pdf"), Size: new(int64(8))}
	got := g.sends(wit.ChannelSend{Text: "read", Attachments: []wit.Attachment{document}})
	if m := got[0]; m.Text != "read" || m.FileName != "d.pdf" || m.Offered == nil || len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	before := len(g.server.Sent())
	g.server.Answer(ada, got[0], true)
	g.Until("the file was put there, and the offer is gone", func() bool {
		all := g.server.Sent()
		return len(all) == before+1 && all[before-1].Deleted
	})
	if m := g.server.Sent()[before]; string(m.File) != "media:m2" || m.FileName != "d.pdf" {
		t.Errorf("%+v", m)
	}
	offer := g.sends(wit.ChannelSend{Attachments: []wit.Attachment{document}})[0]
	g.server.Answer(ada, offer, false)
	g.Until("the offer is gone", func() bool { all := g.server.Sent(); return all[len(all)-1].Deleted })
	for name, c := range map[string]struct {
		send wit.ChannelSend
		want string
	}{
		"a document for a group": {wit.ChannelSend{To: to(club), Text: "read", Attachments: []wit.Attachment{document}}, "read\n\n[d.pdf could not be sent: Teams lets bots send files in personal chats only]"},
		"a link":                 {wit.ChannelSend{Text: "see", Attachments: []wit.Attachment{{Kind: wit.AttachmentKindDocument, Name: new("x"), Fetch: &wit.HTTPRequest{URL: "https://e.org/x"}}}}, "see\n\nx: https://e.org/x"},
		"a place":                {wit.ChannelSend{Attachments: []wit.Attachment{{Kind: wit.AttachmentKindLocation, Name: new("Home"), Caption: new("1,2")}}}, "1,2\n📍 Home\n1,2"},
	} {
		if m := g.sends(c.send)[0]; m.Text != c.want {
			t.Errorf("%s: %q", name, m.Text)
		}
	}
	if _, err := g.TrySend(wit.ChannelSend{To: to(club), Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage}}}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("no file: %v", err)
	}
}

// TestASecondAttemptSendsTheRest, and no part again.
func TestASecondAttemptSendsTheRest(t *testing.T) {
	g := newGateway(t)
	picture := wit.Attachment{Kind: wit.AttachmentKindImage, Media: new("m1"), Mime: new("image/png"), Caption: new("a caption")}
	send := wit.ChannelSend{To: to(news), Text: "and a text", Attachments: []wit.Attachment{picture}, IdempotencyKey: "k"}
	g.server.Fail(teamstest.Fault{Call: "post", Status: 503})
	if _, err := g.TrySend(send); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Fatalf("first attempt: %v", err)
	}
	ids := g.Send(send)
	if got := g.server.Sent(); len(ids) != 2 || len(got) != 2 || got[0].File == nil || got[1].Text != "and a text" || got[1].Thread != got[0].ID {
		t.Errorf("%v: %+v", ids, got)
	}
}

func TestErrors(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	for name, c := range map[string]struct {
		fault teamstest.Fault
		code  wit.Code
		after int64 // milliseconds
		tries bool
		words string
	}{
		"a token that is not taken": {teamstest.Fault{Status: 401}, wit.CodeUnauthorized, 0, true, "appId"},
		"blocked by an admin":       {teamstest.Fault{Status: 403, Code: "BotDisabledByAdmin"}, wit.CodeForbidden, 0, false, "admin center"},
		"blocked by them":           {teamstest.Fault{Status: 403, Code: "ConversationBlockedByUser"}, wit.CodeForbidden, 0, false, "blocked the bot"},
		"not a member":              {teamstest.Fault{Status: 403, Code: "BotNotInConversationRoster"}, wit.CodeForbidden, 0, false, "add the app"},
		"gone":                      {teamstest.Fault{Status: 404, Code: "ConversationNotFound"}, wit.CodeNotFound, 0, false, ""},
		"too long":                  {teamstest.Fault{Status: 413, Code: "MessageSizeTooBig"}, wit.CodeTooLarge, 0, false, ""},
		"limited":                   {teamstest.Fault{Status: 429, Code: "TooManyRequests"}, wit.CodeRateLimited, 5000, true, ""},
		"limited, with a time":      {teamstest.Fault{Status: 429, RetryAfter: 9}, wit.CodeRateLimited, 9000, true, ""},
		"412":                       {teamstest.Fault{Status: 412, Code: "PreconditionFailed"}, wit.CodeUnavailable, 2000, true, ""},
		"a gateway in between":      {teamstest.Fault{Status: 502}, wit.CodeUnavailable, 2000, true, ""},
		"garbage":                   {teamstest.Fault{Body: "<html>"}, wit.CodeUnavailable, 0, true, "serviceUrl"},
		"something new":             {teamstest.Fault{Status: 400, Code: "NewOne"}, wit.CodeInvalid, 0, false, "NewOne"},
	} {
		g := newGateway(t)
		c.fault.Times = -1
		g.server.Fail(c.fault)
		_, err := g.TrySend(wit.ChannelSend{To: to(g.server.Meet(ada)), Text: "x"})
		e := wit.AsError(err)
		if e == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		after := int64(0)
		if e.RetryAfter != nil {
			after = *e.RetryAfter
		}
		if e.Code != c.code || after != c.after || e.Retryable != c.tries || !strings.Contains(e.Message, c.words) {
			t.Errorf("%s: %+v after %d; want %s after %d, tried again %t", name, e, after, c.code, c.after, c.tries)
		}
	}
	g := newGateway(t)
	g.server.Fail(teamstest.Fault{Call: "post", Where: "xml", Status: 400, Code: "BadSyntax"})
	if m := g.sends(wit.ChannelSend{Text: "bold", Formatted: new("<strong>bold</strong>")})[0]; m.Text != "bold" || m.Source != "bold" {
		t.Errorf("marks that are refused: %+v", m)
	}
	g.server.Fail(teamstest.Fault{Call: "post", Where: "image/png", Status: 413, Code: "MessageSizeTooBig"})
	picture := wit.Attachment{Kind: wit.AttachmentKindImage, Media: new("m1"), Mime: new("image/png"), Name: new("p.png")}
	if m := g.sends(wit.ChannelSend{To: to(club), Text: "look", Attachments: []wit.Attachment{picture}})[0]; !strings.HasPrefix(m.Text, "look\n\n[p.png could not be sent") {
		t.Errorf("a picture that is refused: %+v", m)
	}
}

func TestHealth(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	g := newGateway(t)
	g.server.Revoke()
	g.Command("probe")
	g.Says(wit.ConnectionStateNeedsLogin, "carapace setup teams")
	g.Host.Credentials["accessToken"] = g.server.Token()
	g.Command("login")
	g.Until("it is well again", func() bool { return g.Status().State == wit.ConnectionStateConnected })
	g.Command("logout")
	g.Says(wit.ConnectionStateDisconnected, "logged out")
	g.server.Fail(teamstest.Fault{Call: "list", Status: 503})
	g.Command("login")
	g.Until("it has come back by itself", func() bool { return g.Status().State == wit.ConnectionStateConnected })
	bare := newGateway(t)
	bare.Config = wit.JSON(`{"appId":"a"}`)
	bare.Command("login")
	bare.Says(wit.ConnectionStateFailed, "tenantId")
}
