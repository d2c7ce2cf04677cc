package googlechat_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/googlechat/googlechattest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestQuotes: an answer quotes what it answers, where that is in the same thread and can be read, and stands alone elsewhere.
func TestQuotes(t *testing.T) {
	channeltest.Proves(t, channeltest.RepliesOut)
	g := newGateway(t)
	thread := club.Name + "/threads/here"
	asked, direct := g.server.Say(ada, club, thread, googlechattest.Text(club, "why?")), g.server.Say(ada, g.server.Meet(ada), "", googlechattest.Text(g.server.Meet(ada), "and?"))
	elsewhere := g.server.Say(ada, club, "", googlechattest.Text(club, "and?"))
	there := toClub()
	there.Thread = &thread
	gone := club.Name + "/messages/gone"
	for i, c := range []struct {
		to            wit.Conversation
		reply, quotes string
	}{{there, asked, asked}, {toAda(), direct, direct}, {there, elsewhere, ""}, {there, gone, ""}, {toAda(), asked, ""}} {
		if m := g.sends(wit.ChannelSend{To: c.to, Text: "so", ReplyTo: &c.reply, IdempotencyKey: "q" + string(rune('0'+i))}); m.Quotes != c.quotes {
			t.Errorf("%d quotes %q, want %q", i, m.Quotes, c.quotes)
		}
	}
	g.server.Fail(googlechattest.Fault{Call: "create", Status: 400, Times: 1})
	if m := g.sends(wit.ChannelSend{To: there, Text: "so", ReplyTo: &asked, IdempotencyKey: "r"}); m.Quotes != "" {
		t.Errorf("refused, it quotes %q", m.Quotes)
	}
}

func TestTextsThatGo(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.Markup, channeltest.Threads, channeltest.Direct, channeltest.Groups, channeltest.Refusals)
	g := newGateway(t)
	if m := g.sends(wit.ChannelSend{Text: "bold {{credential:accessToken}}", Formatted: new("*bold* {{credential:accessToken}} <users/all> 🎉"), IdempotencyKey: "a"}); m.Text != "*bold* {{credential:accessToken}} <\u200busers/all> 🎉" || m.Space != "spaces/dm-1" {
		t.Errorf("%+v", m)
	}
	for _, text := range []string{"", " \n "} {
		if ids := g.Send(wit.ChannelSend{To: toAda(), Text: text, IdempotencyKey: "nothing"}); len(ids) != 0 {
			t.Errorf("of nothing: %v", ids)
		}
	}
	if m := g.sends(wit.ChannelSend{Text: strings.Repeat("ä", 4096), IdempotencyKey: "b"}); len(m.Text) != 8192 {
		t.Errorf("the longest: %d bytes", len(m.Text))
	}
	if m := g.sends(wit.ChannelSend{To: toClub(), Text: "a thread begins", IdempotencyKey: "c"}); m.Thread == "" || m.Space != club.Name {
		t.Errorf("%+v", m)
	}
	in, thread := toClub(), club.Name+"/threads/t"
	in.Thread = &thread
	if m := g.sends(wit.ChannelSend{To: in, Text: "and goes on", IdempotencyKey: "d"}); m.Thread != thread {
		t.Errorf("%+v", m)
	}
	for i, id := range []string{"users/1", "ada@example.org"} {
		sent, err := g.TrySend(wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindDirect, ID: id}, Text: "to her", IdempotencyKey: "e" + string(rune('0'+i))})
		if err != nil || sent.Moved == nil || sent.Moved.ID != "spaces/dm-1" {
			t.Errorf("to somebody: %+v %v", sent, err)
		}
	}
	if _, err := g.TrySend(wit.ChannelSend{To: wit.Conversation{ID: "users/9"}, Text: "x"}); wit.CodeOf(err) != wit.CodeNotFound || !strings.Contains(err.Error(), "write to the app first") {
		t.Errorf("to a stranger: %v", err)
	}
	file := wit.Attachment{Kind: wit.AttachmentKindDocument, Media: new("m1"), Name: new("d.pdf"), Caption: new("my plan")}
	if m := g.sends(wit.ChannelSend{Text: "read", Attachments: []wit.Attachment{file}, IdempotencyKey: "f"}); m.Text != "read\n\nmy plan\n[d.pdf could not be sent: Google lets apps send no files]" {
		t.Errorf("%q", m.Text)
	}
	link := wit.Attachment{Kind: wit.AttachmentKindImage, Name: new("x"), Fetch: &wit.HTTPRequest{URL: "https://e.org/x"}}
	if m := g.sends(wit.ChannelSend{Attachments: []wit.Attachment{link}, IdempotencyKey: "g"}); m.Text != "x: https://e.org/x" {
		t.Errorf("%q", m.Text)
	}
}

// TestARepeatedSend whose answer was lost makes no second message.
func TestARepeatedSend(t *testing.T) {
	g := newGateway(t)
	g.server.Fail(googlechattest.Fault{Call: "create", CutAfter: true})
	send := wit.ChannelSend{To: toAda(), Text: "once", IdempotencyKey: "once"}
	func() {
		defer func() { _ = recover() }() // the server's end of the connection, without a network
		_, _ = g.TrySend(send)
	}()
	ids := g.Send(send)
	if got := g.server.Sent(); len(got) != 1 || len(ids) != 1 || ids[0] != got[0].Name {
		t.Errorf("%v of %+v", ids, got)
	}
	send.IdempotencyKey = "again"
	if ids := g.Send(send); len(g.server.Sent()) != 2 || ids[0] == g.server.Sent()[0].Name {
		t.Errorf("another message is the same: %v", ids)
	}
}

func TestEditsAndDeletions(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut)
	g := newGateway(t)
	id := g.sends(wit.ChannelSend{Text: "draft", IdempotencyKey: "a"}).Name
	edit := wit.ChannelEdit{Config: g.Config, To: toAda(), ID: id, Text: "final", Formatted: new("_final_")}
	if _, err := g.Plugin.(channel.Editor).Edit(g.Host.SDK(), &edit); err != nil || g.server.Sent()[0].Text != "_final_" || g.server.Sent()[0].Edits != 1 {
		t.Errorf("%v: %+v", err, g.server.Sent()[0])
	}
	remove := wit.ChannelDelete{Config: g.Config, To: toAda(), ID: id}
	for range 2 {
		if _, err := g.Plugin.(channel.Deleter).Delete(g.Host.SDK(), &remove); err != nil || !g.server.Sent()[0].Deleted {
			t.Errorf("%v: %+v", err, g.server.Sent()[0])
		}
	}
	if _, err := g.Plugin.(channel.Editor).Edit(g.Host.SDK(), &edit); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("what is gone: %v", err)
	}
}

func TestButtons(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons, channeltest.Refusals)
	g := newGateway(t)
	rows := []wit.ActionRow{{Actions: []wit.Action{{Label: "Yes", Value: "v-yes", Style: wit.ActionStylePrimary}, {Label: "No", Value: "v-no", Style: wit.ActionStyleDanger}}}}
	m := g.sends(wit.ChannelSend{Text: "sure?", Actions: rows, IdempotencyKey: "a"})
	if m.Text != "sure?" || m.Choices["Yes"] != "v-yes" || m.Choices["No"] != "v-no" {
		t.Fatalf("%+v", m)
	}
	g.server.Choose(ada, m, "Yes")
	if a := g.Last(1); a.Kind != wit.MessageKindAction || a.Text != "v-yes" || *a.Target != m.Name || a.Sender.ID != ada.Name || a.ID == m.Name {
		t.Errorf("%s", wit.Marshal(&a))
	}
	edit := wit.ChannelEdit{Config: g.Config, To: toAda(), ID: m.Name}
	for _, c := range []struct {
		text string
		rows []wit.ActionRow
		want int
	}{{"", nil, 0}, {"", rows, 2}, {"done", nil, 0}} {
		edit.Text, edit.Actions = c.text, c.rows
		if _, err := g.Plugin.(channel.Editor).Edit(g.Host.SDK(), &edit); err != nil || len(g.server.Sent()[0].Choices) != c.want || c.text == "" && g.server.Sent()[0].Text != "sure?" {
			t.Errorf("%v: %+v", err, g.server.Sent()[0])
		}
	}
	g.server.Fail(googlechattest.Fault{Call: "create", Where: "card", Status: 400, Code: "INVALID_ARGUMENT"})
	if m := g.sends(wit.ChannelSend{Text: "sure?", Actions: rows, IdempotencyKey: "b"}); m.Text != "sure?\n- Yes\n- No" {
		t.Errorf("refused: %+v", m)
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		fault googlechattest.Fault
		code  wit.Code
		after int64 // milliseconds
		tries bool
		words string
	}{
		"a token that is not taken": {googlechattest.Fault{Status: 401, Code: "UNAUTHENTICATED"}, wit.CodeUnauthorized, 0, true, "service account"},
		"the API is off":            {googlechattest.Fault{Status: 403, Code: "SERVICE_DISABLED"}, wit.CodeUnauthorized, 0, true, "enable the Google Chat API"},
		"no member":                 {googlechattest.Fault{Status: 403, Code: "PERMISSION_DENIED"}, wit.CodeForbidden, 0, false, "member"},
		"gone":                      {googlechattest.Fault{Status: 404, Code: "NOT_FOUND"}, wit.CodeNotFound, 0, false, ""},
		"not understood":            {googlechattest.Fault{Status: 400, Code: "INVALID_ARGUMENT"}, wit.CodeInvalid, 0, false, "INVALID_ARGUMENT"},
		"limited":                   {googlechattest.Fault{Status: 429, Code: "RESOURCE_EXHAUSTED"}, wit.CodeRateLimited, 10_000, true, ""},
		"limited, with a time":      {googlechattest.Fault{Status: 429, RetryAfter: 3}, wit.CodeRateLimited, 3000, true, ""},
		"busy":                      {googlechattest.Fault{Status: 503, Code: "UNAVAILABLE"}, wit.CodeUnavailable, 2000, true, ""},
		"garbage":                   {googlechattest.Fault{Body: "<html>"}, wit.CodeUnavailable, 0, true, "apiRoot"},
	} {
		g := newGateway(t)
		c.fault.Times = -1
		g.server.Fail(c.fault)
		_, err := g.TrySend(wit.ChannelSend{To: toAda(), Text: "x"})
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
}

func TestHealth(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	g := newGateway(t)
	g.server.Revoke()
	g.Command("probe")
	g.Says(wit.ConnectionStateNeedsLogin, "carapace setup googlechat")
	g.Host.Credentials["accessToken"] = g.server.Token()
	g.Command("login")
	g.Until("it is well again", func() bool { return g.Status().State == wit.ConnectionStateConnected })
	g.Command("logout")
	g.Says(wit.ConnectionStateDisconnected, "logged out")
	g.server.Fail(googlechattest.Fault{Call: "list", Status: 503})
	g.Command("login")
	g.Until("it has come back by itself", func() bool { return g.Status().State == wit.ConnectionStateConnected })
	bare := newGateway(t)
	bare.Config = wit.JSON(`{"clientEmail":"a"}`)
	bare.Command("login")
	bare.Says(wit.ConnectionStateFailed, "projectNumber")
}
