package twilio_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/twilio/twiliotest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestSend(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.Refusals)
	a := newAccount(t, twiliotest.Config{}, plain)
	n := 0
	send := func(s wit.ChannelSend) []twiliotest.Message {
		t.Helper()
		n++
		before := len(a.server.Sent())
		if s.To.ID == "" {
			s.To = toAda
		}
		s.IdempotencyKey = strings.Repeat("k", n)
		ids, got := a.Send(s), a.server.Sent()[before:]
		if len(ids) != len(got) || len(ids) > 0 && ids[0] != got[0].SID {
			t.Errorf("ids %v of %+v", ids, got)
		}
		return got
	}
	if m := send(wit.ChannelSend{Text: "12 & 3 + ü 🎉\nmore "})[0]; m.To != ada || m.Body != "12 & 3 + ü 🎉\nmore" || m.From != twiliotest.DefaultNumber {
		t.Errorf("%+v", m)
	}
	if got := send(wit.ChannelSend{Text: " \n "}); len(got) != 0 {
		t.Errorf("of nothing: %+v", got)
	}
	if m := send(wit.ChannelSend{Text: strings.Repeat("ä", 1600)})[0]; len(m.Body) != 3200 {
		t.Errorf("the longest: %d bytes", len(m.Body))
	}
	web := wit.Attachment{Kind: wit.AttachmentKindImage, Fetch: &wit.HTTPRequest{URL: "https://e.org/x.png"}}
	if m := send(wit.ChannelSend{Text: "look", Attachments: []wit.Attachment{web}})[0]; m.Body != "look" || len(m.Media) != 1 || m.Media[0] != "https://e.org/x.png" {
		t.Errorf("%+v", m)
	}
	stored := wit.Attachment{Kind: wit.AttachmentKindDocument, Media: new("m1"), Name: new("a.pdf")}
	if m := send(wit.ChannelSend{Text: "look", Attachments: []wit.Attachment{stored}})[0]; m.Body != "look\n[a.pdf could not be sent]" {
		t.Errorf("%+v", m)
	}
	if got := send(wit.ChannelSend{Text: strings.Repeat("x", 1600), Attachments: []wit.Attachment{stored}}); len(got) != 2 || got[1].Body != "[a.pdf could not be sent]" {
		t.Errorf("%+v", got)
	}
	a.host.Public = "https://gw.example.org"
	const at = "https://gw.example.org/media/m1?sig=test"
	picture := wit.Attachment{Kind: wit.AttachmentKindImage, Media: new("m1"), Name: new("a.png"), Mime: new("image/png"), Caption: new("a cat")}
	if m := send(wit.ChannelSend{Text: "look", Attachments: []wit.Attachment{picture}})[0]; m.Body != "look\na cat" || len(m.Media) != 1 || m.Media[0] != at {
		t.Errorf("%+v", m)
	}
	if m := send(wit.ChannelSend{Attachments: []wit.Attachment{stored}})[0]; m.Body != "a.pdf: "+at || len(m.Media) != 0 {
		t.Errorf("of a type that is not known: %+v", m)
	}
	if m := send(wit.ChannelSend{Attachments: slices.Repeat([]wit.Attachment{picture}, 11)})[0]; len(m.Media) != 10 || !strings.HasSuffix(m.Body, "a.png: "+at) {
		t.Errorf("more than there is room for: %+v", m)
	}
	const evil = "{{credential:authToken}}"
	if m := send(wit.ChannelSend{Text: evil})[0]; m.Body != evil {
		t.Errorf("%+v", m)
	}
	sent, err := a.TrySend(wit.ChannelSend{To: wit.Conversation{ID: "15005551234"}, Text: "x", IdempotencyKey: "plus"})
	if err != nil || sent.Moved == nil || sent.Moved.ID != ada {
		t.Errorf("a number without +: %+v %v", sent, err)
	}
	b := newAccount(t, twiliotest.Config{Service: "MG0123"}, `,"from":"MG0123"`)
	b.Connected()
	b.Send(wit.ChannelSend{To: toAda, Text: "by a service", IdempotencyKey: "k"})
	b.server.Missed(ada, "to a service")
	b.Command("probe")
	if m := b.Last(1); m.Text != "to a service" || len(b.server.Sent()) != 1 {
		t.Errorf("%+v", m)
	}
}

// TestFilesAreNotReached: where the gateway has no public address, the account's status says what to set, until a file could be sent.
func TestFilesAreNotReached(t *testing.T) {
	a := newAccount(t, twiliotest.Config{}, plain)
	a.Connected()
	file := wit.ChannelSend{To: toAda, Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage, Media: new("m1"), Mime: new("image/png")}}, IdempotencyKey: "a"}
	message := func() string {
		a.Command("probe")
		a.Connected()
		if s := a.Status(); s.Message != nil {
			return *s.Message
		}
		return ""
	}
	if got := message(); got != "" {
		t.Errorf("before any file: %q", got)
	}
	a.Send(file)
	if got := message(); !strings.Contains(got, "files cannot be sent") || !strings.Contains(got, "gateway.publicUrl") {
		t.Errorf("the status is %q", got)
	}
	a.host.Public, file.IdempotencyKey = "https://gw.example.org", "b"
	a.Send(file)
	if got := message(); got != "" {
		t.Errorf("once a file was sent: %q", got)
	}
}

// TestAnAnswerThatIsLost: what was sent is found in the list and not sent again; what was not is.
func TestAnAnswerThatIsLost(t *testing.T) {
	a := newAccount(t, twiliotest.Config{}, plain)
	for i, fault := range []twiliotest.Fault{{CutAfter: true}, {Cut: true}, {Status: 502, Body: "<html>"}, {Status: 503, Code: 20503}} {
		a.Send(wit.ChannelSend{To: toAda, Text: "the same", IdempotencyKey: string(rune('a' + i))})
		before := len(a.server.Sent())
		fault.Call = "create"
		a.server.Fail(fault)
		send := wit.ChannelSend{To: toAda, Text: "the same", IdempotencyKey: string(rune('A' + i))}
		if _, err := a.TrySend(send); !wit.CodeOf(err).Transient() {
			t.Fatalf("%+v: %v", fault, err)
		}
		a.server.Fail(twiliotest.Fault{Call: "list", Status: 503, Code: 20503})
		if _, err := a.TrySend(send); !wit.CodeOf(err).Transient() {
			t.Fatalf("%+v while it cannot be looked for: %v", fault, err)
		}
		if ids, got := a.Send(send), a.server.Sent()[before:]; len(got) != 1 || len(ids) != 1 || got[0].SID != ids[0] {
			t.Errorf("%+v: %v %+v", fault, ids, got)
		}
	}
}

// TestWhatBecomesOfIt: once statuses come, what was sent waits for its own, and one whose answer was lost is found by it.
func TestWhatBecomesOfIt(t *testing.T) {
	a := newAccount(t, twiliotest.Config{}, webhook)
	a.Connected()
	if sent, err := a.TrySend(wit.ChannelSend{To: toAda, Text: "x", IdempotencyKey: "k"}); err != nil || sent.Awaits != nil {
		t.Errorf("before any status: %+v %v", sent, err)
	}
	a.Until("it was delivered", func() bool { return len(a.Receipts()) > 0 })
	sent, err := a.TrySend(wit.ChannelSend{To: toAda, Text: "y", IdempotencyKey: "l"})
	if err != nil || sent.Awaits == nil || !sent.Awaits.Taken || len(sent.IDs) != 1 {
		t.Fatalf("with statuses: %+v %v", sent, err)
	}
	a.server.Fail(twiliotest.Fault{Call: "create", CutAfter: true})
	lost, err := a.TrySend(wit.ChannelSend{To: toAda, Text: "z", IdempotencyKey: "m"})
	if err != nil || lost.Awaits == nil || lost.Awaits.Taken || len(lost.IDs) != 0 || lost.Awaits.Token == sent.Awaits.Token {
		t.Errorf("whose answer was lost: %+v %v", lost, err)
	}
	a.Until("it was called with the key", func() bool {
		for _, c := range a.server.Calls() {
			if c.URL == hookURL+"status?key="+lost.Awaits.Token && c.Status == 200 {
				return true
			}
		}
		return false
	})
}

// TestErrors lists what Twilio's codes become. What is not tried again was not sent.
func TestErrors(t *testing.T) {
	channeltest.Proves(t, channeltest.Health, channeltest.Limits)
	for name, c := range map[string]struct {
		fault twiliotest.Fault
		code  wit.Code
		after int64 // milliseconds; 0 is not by itself
		tries bool
		words string
	}{
		"login":           {twiliotest.Fault{Status: 401, Code: 20003}, wit.CodeUnauthorized, 0, true, "authToken"},
		"too fast":        {twiliotest.Fault{Status: 429, Code: 20429}, wit.CodeRateLimited, 2_000, true, ""},
		"too fast, told":  {twiliotest.Fault{Status: 429, Code: 20429, RetryAfter: 9}, wit.CodeRateLimited, 9_000, true, ""},
		"queue":           {twiliotest.Fault{Status: 400, Code: 21611}, wit.CodeRateLimited, 60_000, true, "waits"},
		"the day":         {twiliotest.Fault{Status: 429, Code: 63038}, wit.CodeRateLimited, 3_600_000, true, "used up"},
		"no number":       {twiliotest.Fault{Status: 400, Code: 21211}, wit.CodeInvalid, 0, false, "country's code"},
		"landline":        {twiliotest.Fault{Status: 400, Code: 21614}, wit.CodeNotFound, 0, false, "cannot get SMS"},
		"unsubscribed":    {twiliotest.Fault{Status: 400, Code: 21610}, wit.CodeForbidden, 0, false, "START"},
		"trial":           {twiliotest.Fault{Status: 400, Code: 21608}, wit.CodeForbidden, 0, false, "verified"},
		"country":         {twiliotest.Fault{Status: 400, Code: 21408}, wit.CodeForbidden, 0, false, "Geo permissions"},
		"from":            {twiliotest.Fault{Status: 400, Code: 21606}, wit.CodeInvalid, 0, false, "from"},
		"too long":        {twiliotest.Fault{Status: 400, Code: 21617}, wit.CodeTooLarge, 0, false, ""},
		"a new code":      {twiliotest.Fault{Status: 400, Code: 29999}, wit.CodeInvalid, 0, false, "29999"},
		"server error":    {twiliotest.Fault{Status: 500, Code: 20500}, wit.CodeUnavailable, 5_000, true, ""},
		"garbage":         {twiliotest.Fault{Body: "<html>"}, wit.CodeUnavailable, 0, true, "apiRoot"},
		"another's":       {twiliotest.Fault{Body: `{"ok":true}`}, wit.CodeUnavailable, 0, true, "apiRoot"},
		"a proxy's error": {twiliotest.Fault{Status: 502, Body: "<html>"}, wit.CodeUnavailable, 0, true, ""},
	} {
		a := newAccount(t, twiliotest.Config{}, plain)
		c.fault.Times = -1
		a.server.Fail(c.fault)
		_, err := a.TrySend(wit.ChannelSend{To: toAda, Text: "x", IdempotencyKey: "k"})
		e := wit.AsError(err)
		if e == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		after := int64(0)
		if e.RetryAfter != nil {
			after = *e.RetryAfter
		}
		if e.Code != c.code || after != c.after || e.Retryable != c.tries || !strings.Contains(e.Message, c.words) || len(a.server.Sent()) != 0 {
			t.Errorf("%s: %+v after %d; want %s after %d, tried again %t", name, e, after, c.code, c.after, c.tries)
		}
	}
}
