package signal_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/signal"
	"github.com/carapace-gateway/carapace/builtin-plugins/signal/signaltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// rig is the plugin with a daemon, as much of a gateway as sends need.
type rig struct {
	t      *testing.T
	server *signaltest.Server
	host   *sdktest.Host
	plugin channel.Channel
	config wit.JSON
	state  wit.JSON
}

var (
	ada   = signaltest.Person{Number: "+15550101", ACI: "bbbbbbbb-0000-4000-8000-000000000001", Name: "Ada"}
	toAda = wit.Conversation{Kind: wit.ConversationKindDirect, ID: ada.Number}
	crew  = wit.Conversation{Kind: wit.ConversationKindGroup, ID: "Pmpi+EfPWmsxiomLe9Nx2XF9HOE483p6iKiFj65iMwI="}
)

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, server: signaltest.New(signaltest.Config{}), plugin: signal.New(), config: wit.JSON(`{"url":"http://daemon","account":"+15550100"}`)}
	t.Cleanup(func() { _ = r.server.Close() })
	r.host = &sdktest.Host{HTTP: r.server}
	r.server.Meet(ada)
	r.state = wit.JSON(`{"generation":1,"me":"` + signaltest.DefaultACI + `"}`)
	return r
}

func (r *rig) send(s wit.ChannelSend) (*wit.Sent, error) {
	if s.To.ID == "" {
		s.To = toAda
	}
	s.Config, s.State = r.config, r.state
	return r.plugin.Send(r.host.SDK(), &s)
}

// mustSend returns what reached Signal.
func (r *rig) mustSend(s wit.ChannelSend) signaltest.Sent {
	r.t.Helper()
	sent, err := r.send(s)
	if err != nil {
		r.t.Fatalf("send: %v", err)
	}
	list := r.server.Sent()
	m := list[len(list)-1]
	if len(sent.IDs) != 1 || !strings.HasPrefix(sent.IDs[0], signaltest.DefaultACI+":") {
		r.t.Errorf("ids %v", sent.IDs)
	}
	return m
}

func TestSendText(t *testing.T) {
	channeltest.Proves(t, channeltest.TextOut, channeltest.RepliesOut, channeltest.Markup, channeltest.Groups)
	r := newRig(t)
	m := r.mustSend(wit.ChannelSend{Text: "😀 bold & italic, <x> code", Formatted: new("😀 <b>bold</b> &amp; <i>ital<s>ic</s></i>, &lt;x&gt; <code>code</code> <spoiler>s</spoiler>"), ReplyTo: new(ada.ACI + ":1693064367769")})
	if m.Text != "😀 bold & italic, <x> code s" || strings.Join(m.Styles, " ") != "3:4:BOLD 14:2:STRIKETHROUGH 10:6:ITALIC 22:4:MONOSPACE 27:1:SPOILER" {
		t.Errorf("%q %q", m.Text, m.Styles)
	}
	if m.To != ada.Number || m.QuoteAuthor != ada.ACI || m.QuoteTime != 1693064367769 {
		t.Errorf("%+v", m)
	}
	if m := r.mustSend(wit.ChannelSend{Text: "x", ReplyTo: new("nothing"), To: crew}); m.Group != crew.ID || m.QuoteTime != 0 {
		t.Errorf("%+v", m)
	}
	if m := r.mustSend(wit.ChannelSend{Text: "x", To: wit.Conversation{Kind: wit.ConversationKindDirect, ID: signaltest.DefaultAccount}}); !m.Note {
		t.Errorf("to the account itself: %+v", m)
	}
	if sent, err := r.send(wit.ChannelSend{Text: " \n"}); err != nil || len(sent.IDs) != 0 {
		t.Errorf("of nothing: %+v %v", sent, err)
	}
	place := wit.Attachment{Kind: wit.AttachmentKindLocation, Name: new("Home"), Caption: new("1.5,-2")}
	link := wit.Attachment{Kind: wit.AttachmentKindDocument, Fetch: &wit.HTTPRequest{URL: "https://e.org/x.pdf"}}
	if m := r.mustSend(wit.ChannelSend{Text: "x", Attachments: []wit.Attachment{place, link, {Kind: wit.AttachmentKindImage}}}); m.Text != "x\n📍 Home: 1.5,-2\nhttps://e.org/x.pdf\n[image could not be sent]" {
		t.Errorf("%q", m.Text)
	}
	for _, evil := range []string{"{{credential:x}} {{media:m1}}", `","noteToSelf":true,"x":"`} {
		if m := r.mustSend(wit.ChannelSend{Text: evil}); m.Text != evil || m.Note {
			t.Errorf("%+v", m)
		}
	}
}

func TestChangeWhatWasSent(t *testing.T) {
	channeltest.Proves(t, channeltest.EditsOut, channeltest.DeletionsOut, channeltest.ReactionsOut, channeltest.TypingOut)
	r := newRig(t)
	sent, err := r.send(wit.ChannelSend{Text: "one"})
	if err != nil {
		t.Fatal(err)
	}
	id, first := sent.IDs[0], r.server.Sent()[0].Timestamp
	last := func() signaltest.Sent { list := r.server.Sent(); return list[len(list)-1] }
	edited, err := r.plugin.(channel.Editor).Edit(r.host.SDK(), &wit.ChannelEdit{Config: r.config, State: r.state, To: toAda, ID: id, Text: "two", Formatted: new("<b>two</b>")})
	if m := last(); err != nil || edited.IDs[0] != id || m.Edits != first || m.Text != "two" || m.Styles[0] != "0:3:BOLD" {
		t.Errorf("%+v %v", m, err)
	}
	for emoji, removed := range map[string]bool{"👍": false, "": true} {
		_, err := r.plugin.(channel.Reactor).React(r.host.SDK(), &wit.ChannelReaction{Config: r.config, State: r.state, To: toAda, ID: ada.ACI + ":5", Emoji: emoji})
		if m := last(); err != nil || m.Target != ada.ACI+":5" || m.Removed != removed {
			t.Errorf("%+v %v", m, err)
		}
	}
	_, err = r.plugin.(channel.Deleter).Delete(r.host.SDK(), &wit.ChannelDelete{Config: r.config, State: r.state, To: toAda, ID: id})
	if m := last(); err != nil || m.Deletes != first {
		t.Errorf("%+v %v", m, err)
	}
	for _, to := range []wit.Conversation{toAda, crew, {Kind: wit.ConversationKindDirect, ID: signaltest.DefaultAccount}} {
		if _, err := r.plugin.(channel.Typer).Typing(r.host.SDK(), &wit.ChannelTyping{Config: r.config, State: r.state, To: to}); err != nil {
			t.Error(err)
		}
	}
	if n := len(r.server.Calls("sendTyping")); n != 2 {
		t.Errorf("typing was shown %d times", n)
	}
	for _, bad := range []string{"", "x", ada.ACI, ada.ACI + ":", ada.ACI + ":1,2", ":5", ada.ACI + ":05"} {
		if _, err := r.plugin.(channel.Deleter).Delete(r.host.SDK(), &wit.ChannelDelete{Config: r.config, To: toAda, ID: bad}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestErrors lists what the daemon's errors become.
func TestErrors(t *testing.T) {
	channeltest.Proves(t, channeltest.Limits, channeltest.Health)
	for name, c := range map[string]struct {
		fault signaltest.Fault
		code  wit.Code
		after int64 // milliseconds; 0 is not by itself
		tries bool
		words string
	}{
		"untrusted":            {signaltest.Fault{Code: -4, Message: "Failed to send", Type: "IDENTITY_FAILURE"}, wit.CodeForbidden, 0, false, "signal-cli trust +15550199"},
		"untrusted, in short":  {signaltest.Fault{Code: -4, Message: "Failed to send"}, wit.CodeForbidden, 0, false, "safety number"},
		"unregistered":         {signaltest.Fault{Code: -1, Message: "Failed to send", Type: "UNREGISTERED_FAILURE"}, wit.CodeNotFound, 0, false, "+15550199 has no Signal account"},
		"limited":              {signaltest.Fault{Code: -5, Message: "rate", Type: "RATE_LIMIT_FAILURE", RetryAfter: 9}, wit.CodeRateLimited, 9000, true, ""},
		"limited, without end": {signaltest.Fault{Code: -5, Message: "rate"}, wit.CodeRateLimited, 60_000, true, ""},
		"captcha":              {signaltest.Fault{Code: -5, Message: "proof", Type: "RATE_LIMIT_FAILURE", Token: "tok", RetryAfter: 86400}, wit.CodeRateLimited, 86_400_000, true, "--challenge tok"},
		"no network":           {signaltest.Fault{Code: -3, Message: "no network"}, wit.CodeUnavailable, 0, true, ""},
		"no network to one":    {signaltest.Fault{Code: -1, Message: "x", Type: "NETWORK_FAILURE"}, wit.CodeUnavailable, 0, true, ""},
		"no account":           {signaltest.Fault{Code: -32602, Message: "Specified account does not exist"}, wit.CodeUnauthorized, 0, true, "signal-cli link"},
		"not in the group":     {signaltest.Fault{Code: -1, Message: "User is not a group member"}, wit.CodeInvalid, 0, false, "group member"},
		"too old":              {signaltest.Fault{Code: -32601, Message: "Method not implemented"}, wit.CodeInvalid, 0, false, "too old"},
		"internal":             {signaltest.Fault{Code: -32603, Message: "NullPointerException"}, wit.CodeUnavailable, 0, true, ""},
		"wrong host":           {signaltest.Fault{Status: 421}, wit.CodeUnavailable, 0, true, "url"},
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
	if _, err := r.send(wit.ChannelSend{Text: "x", To: wit.Conversation{ID: "+1999"}}); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("to somebody without Signal: %v", err)
	}
}

// TestWhatTheDaemonWillNotHave is sent another way: as no reply, and without styles.
func TestWhatTheDaemonWillNotHave(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	r := newRig(t)
	r.server.Fail(signaltest.Fault{Method: "send", Code: -1, Message: "Invalid quote"})
	if m := r.mustSend(wit.ChannelSend{Text: "x", ReplyTo: new(ada.ACI + ":5")}); m.QuoteTime != 0 {
		t.Errorf("%+v", m)
	}
	r.server.Fail(signaltest.Fault{Method: "send", Code: -1, Message: "Invalid style"})
	if m := r.mustSend(wit.ChannelSend{Text: "x", Formatted: new("<b>x</b>")}); len(m.Styles) != 0 || m.Text != "x" {
		t.Errorf("%+v", m)
	}
}
