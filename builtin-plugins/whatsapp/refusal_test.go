package whatsapp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp/whatsapptest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestErrors lists what Meta's codes become. What is not tried again was not sent.
func TestErrors(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	for name, c := range map[string]struct {
		fault whatsapptest.Fault
		code  wit.Code
		after int64 // milliseconds; 0 is not by itself
		tries bool
		words string
	}{
		"token ended":         {whatsapptest.Fault{Status: 401, Code: 190}, wit.CodeUnauthorized, 0, true, "access token"},
		"token without right": {whatsapptest.Fault{Status: 403, Code: 10}, wit.CodeUnauthorized, 0, true, "whatsapp_business_messaging"},
		"a lacking right":     {whatsapptest.Fault{Status: 403, Code: 294}, wit.CodeUnauthorized, 0, true, "whatsapp_business_messaging"},
		"not registered":      {whatsapptest.Fault{Code: 133010}, wit.CodeUnauthorized, 0, true, "register"},
		"throughput":          {whatsapptest.Fault{Status: 429, Code: 130429}, wit.CodeRateLimited, 5000, true, ""},
		"throughput, told":    {whatsapptest.Fault{Status: 429, Code: 130429, RetryAfter: 9}, wit.CodeRateLimited, 9000, true, ""},
		"pair rate":           {whatsapptest.Fault{Code: 131056}, wit.CodeRateLimited, 6000, true, "this person"},
		"spam":                {whatsapptest.Fault{Code: 131048}, wit.CodeRateLimited, 3_600_000, true, "quality"},
		"app's calls":         {whatsapptest.Fault{Code: 4}, wit.CodeRateLimited, 300_000, true, ""},
		"24 hours":            {whatsapptest.Fault{Code: 131047}, wit.CodeForbidden, 0, false, "template"},
		"no WhatsApp":         {whatsapptest.Fault{Code: 131026}, wit.CodeNotFound, 0, false, "no WhatsApp"},
		"test number":         {whatsapptest.Fault{Code: 131030}, wit.CodeForbidden, 0, false, "dashboard"},
		"blocked account":     {whatsapptest.Fault{Status: 403, Code: 368}, wit.CodeForbidden, 0, false, "WhatsApp Manager"},
		"not understood":      {whatsapptest.Fault{Code: 100}, wit.CodeInvalid, 0, false, ""},
		"new code":            {whatsapptest.Fault{Code: 139999}, wit.CodeInvalid, 0, false, "139999"},
		"new code, refused":   {whatsapptest.Fault{Status: 403, Code: 139999}, wit.CodeForbidden, 0, false, ""},
		"server error":        {whatsapptest.Fault{Status: 500, Code: 131000}, wit.CodeUnavailable, 5000, true, ""},
		"maintenance":         {whatsapptest.Fault{Code: 131057}, wit.CodeUnavailable, 60_000, true, ""},
		"garbage":             {whatsapptest.Fault{Body: "<html>"}, wit.CodeUnavailable, 0, true, "apiRoot"},
		"somebody else's 502": {whatsapptest.Fault{Status: 502}, wit.CodeUnavailable, 0, true, "apiRoot"},
	} {
		r := newRig(t)
		c.fault.Times = -1
		r.server.Fail(c.fault)
		_, err := r.send(wit.ChannelSend{Text: "x"})
		e := wit.AsError(err)
		if e == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		after := int64(0)
		if e.RetryAfter != nil {
			after = *e.RetryAfter
		}
		if e.Code != c.code || after != c.after || e.Retryable != c.tries || !strings.Contains(e.Message, c.words) || len(r.server.Sent()) != 0 {
			t.Errorf("%s: %+v after %d; want %s after %d, tried again %t", name, e, after, c.code, c.after, c.tries)
		}
	}
	r := newRig(t)
	for name, s := range map[string]wit.ChannelSend{
		"too long": {Text: strings.Repeat("x", 5000)}, "nobody": {To: wit.Conversation{Kind: wit.ConversationKindDirect}, Text: "x"},
		"no file": {Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage}}},
	} {
		s.Config, s.State = r.config, r.state
		if s.To.Kind == "" {
			s.To = toAda
		}
		if _, err := r.plugin.Send(r.sdk(), &s); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAFileThatWhatsAppDoesNotTake does not take its text with it.
func TestAFileThatWhatsAppDoesNotTake(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	r := newRig(t)
	send := wit.ChannelSend{Text: "look", Attachments: []wit.Attachment{{Kind: wit.AttachmentKindDocument, Media: new("m1"), Name: new("a.zip"), Mime: new("application/zip")}}}
	if got := r.mustSend(send); len(got) != 1 || got[0].Text != "look\n\n[a.zip could not be sent]" {
		t.Errorf("%+v", got)
	}
	send.Text = ""
	if _, err := r.send(send); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("without a text: %v", err)
	}
}

// TestOutsideOfTheWindow: who has not written for 24 hours gets the configured template with the text in it.
func TestOutsideOfTheWindow(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	r := newRig(t)
	r.server.Template("notice", "de")
	r.config = wit.JSON(`{"phoneNumberId":"106540352242922","template":"notice","templateLanguage":"de"}`)
	r.server.Leave(ada.Number, 25*time.Hour)
	// The status of what was sent says that it is closed, and the state knows it from then on.
	r.state = wit.JSON(`{"generation":1,"people":[{"id":"16505551234","closed":true}]}`)
	file := wit.Attachment{Kind: wit.AttachmentKindImage, Media: new("m"), Name: new("cat.png"), Mime: new("image/png")}
	got := r.mustSend(wit.ChannelSend{Text: "one\n\n\ttwo      three\n", Attachments: []wit.Attachment{file}})
	if m := got[0]; m.Type != "template" || m.Text != "one / two three / [cat.png can be sent once you have written]" || m.Failed != 0 {
		t.Errorf("%+v", m)
	}
	got = r.mustSend(wit.ChannelSend{Text: strings.Repeat("word ", 800), IdempotencyKey: "long"})
	if len(got) != 5 || len(got[0].Text) > 900 {
		t.Errorf("a long text becomes %d messages", len(got))
	}
	if got := r.mustSend(wit.ChannelSend{Text: strings.Repeat("word ", 2000), IdempotencyKey: "longer"}); len(got) != 5 || !strings.HasSuffix(got[4].Text, " …") {
		t.Errorf("a longer text becomes %d messages", len(got))
	}
	// WhatsApp may also say so at once.
	r.state = wit.JSON(`{"generation":1}`)
	r.server.Fail(whatsapptest.Fault{Call: "messages", Where: "text", Code: 131047})
	if got := r.mustSend(wit.ChannelSend{Text: "x", IdempotencyKey: "at once"}); len(got) != 1 || got[0].Type != "template" {
		t.Errorf("%+v", got)
	}
	r.config = wit.JSON(`{"phoneNumberId":"106540352242922","template":"missing"}`)
	r.state = wit.JSON(`{"generation":1,"people":[{"id":"16505551234","closed":true}]}`)
	if _, err := r.send(wit.ChannelSend{Text: "x"}); wit.CodeOf(err) != wit.CodeNotFound || !strings.Contains(err.Error(), "templateLanguage") {
		t.Errorf("a template that is not there: %v", err)
	}
}

// TestWhatIsWaitedFor: once statuses come, what was sent waits for its own, and one whose answer was lost is found by it.
func TestWhatIsWaitedFor(t *testing.T) {
	r := newRig(t)
	if sent, err := r.send(wit.ChannelSend{Text: "x"}); err != nil || sent.Awaits != nil {
		t.Errorf("before any status: %+v %v", sent, err)
	}
	r.state = wit.JSON(`{"generation":1,"statuses":true}`)
	sent, err := r.send(wit.ChannelSend{Text: "x"})
	if err != nil || len(sent.IDs) != 1 || sent.Awaits == nil || sent.Awaits.Token != "k/0" || !sent.Awaits.Taken {
		t.Errorf("with statuses: %+v %v", sent, err)
	}
	if sent, err := r.send(wit.ChannelSend{Text: "x", IdempotencyKey: strings.Repeat("k", 600)}); err != nil || sent.Awaits != nil {
		t.Errorf("with a key that is too long: %+v %v", sent, err)
	}
	r.host.HTTP = nil // it is not permitted
	if sent, err := r.send(wit.ChannelSend{Text: "x"}); err == nil {
		t.Errorf("a call that was not made has not arrived: %+v", sent)
	}
}
