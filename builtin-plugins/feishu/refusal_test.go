package feishu_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/feishu/feishutest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestErrors(t *testing.T) {
	channeltest.Proves(t, channeltest.Limits)
	a := newAccount(t)
	for _, c := range []struct {
		fault feishutest.Fault
		code  wit.Code
		after int64
		says  string
	}{
		{feishutest.Fault{Status: 429, Code: 99991400, RetryAfter: 52}, wit.CodeRateLimited, 52_000, "too many calls"},
		{feishutest.Fault{Code: 99991400}, wit.CodeRateLimited, 5_000, "injected (99991400)"},
		{feishutest.Fault{Code: 230020}, wit.CodeRateLimited, 1_000, "this chat"},
		{feishutest.Fault{Status: 200, Code: 230020}, wit.CodeRateLimited, 1_000, "this chat"},
		{feishutest.Fault{Code: 99991663}, wit.CodeUnauthorized, 0, "carapace setup feishu"},
		{feishutest.Fault{Code: 99991672}, wit.CodeForbidden, 0, "Permissions & Scopes"},
		{feishutest.Fault{Code: 230002}, wit.CodeForbidden, 0, "not in this group"},
		{feishutest.Fault{Code: 230013}, wit.CodeForbidden, 0, "Availability"},
		{feishutest.Fault{Code: 230029}, wit.CodeNotFound, 0, "left the organization"},
		{feishutest.Fault{Status: 500, Code: 190002}, wit.CodeUnavailable, 5_000, ""},
		{feishutest.Fault{Status: 503, Code: 1}, wit.CodeUnavailable, 0, ""},
		{feishutest.Fault{Status: 403, Code: 1}, wit.CodeForbidden, 0, ""},
		{feishutest.Fault{Status: 404, Code: 1}, wit.CodeNotFound, 0, ""},
		{feishutest.Fault{Body: "<html>"}, wit.CodeUnavailable, 0, "is apiRoot right?"},
		{feishutest.Fault{Body: `{"code":0,"data":{}}`}, wit.CodeUnavailable, 0, "is apiRoot right?"},
	} {
		c.fault.Call = "send"
		a.server.Fail(c.fault)
		_, err := a.send(wit.ChannelSend{Text: "x"})
		e := wit.AsError(err)
		if err == nil || e.Code != c.code || !strings.Contains(e.Message, c.says) || c.after > 0 && (!e.Retryable || e.RetryAfter == nil || *e.RetryAfter != c.after) {
			t.Errorf("%+v: %+v", c.fault, e)
		}
		if c.after == 0 && c.code != wit.CodeUnauthorized && c.code != wit.CodeUnavailable && e.Retryable {
			t.Errorf("%+v may be tried again", c.fault)
		}
	}
	for name, s := range map[string]wit.ChannelSend{"nobody": {Text: "x"}, "a config that is none": {Text: "x", To: toAda}} {
		s.Config = a.Config
		if name != "nobody" {
			s.Config = wit.JSON(`{`)
		}
		if _, err := a.Plugin.Send(a.Host.SDK(), &s); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhatIsRefused is tried in another way before it is lost.
func TestWhatIsRefused(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	a := newAccount(t)
	a.server.Fail(feishutest.Fault{Call: "send", Code: 230099})
	rows := []wit.ActionRow{{Actions: []wit.Action{{Label: "Yes", Value: "y"}, {Label: "No", Value: "n"}}}}
	if m := a.mustSend(t, wit.ChannelSend{Text: "sure?", Formatted: new("**sure?**"), Actions: rows})[0]; m.Type != "text" || m.Text != "sure?\n- Yes\n- No" {
		t.Errorf("%+v", m)
	}
	if m := a.mustSend(t, wit.ChannelSend{Text: strings.Repeat("x", 40_000), IdempotencyKey: "huge"})[0]; m.Type != "text" {
		t.Errorf("a card that is too large: %+v", m.Type)
	}
	a.server.Fail(feishutest.Fault{Call: "file", Code: 234006, Times: 1})
	got := a.mustSend(t, wit.ChannelSend{Text: "look", IdempotencyKey: "file", Attachments: []wit.Attachment{{Kind: wit.AttachmentKindDocument, Media: new("m1"), Name: new("a_b.zip")}}})
	if len(got) != 2 || got[1].Text != `\[a\_b.zip could not be sent\]` || got[1].Summary != "[a_b.zip could not be sent]" {
		t.Errorf("%+v", got)
	}
}

func TestHealth(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	a := newAccount(t)
	a.Holds = func(string) bool { return true }
	if s := a.Status(); s.Self == nil || s.Self.ID != feishutest.DefaultBot || *s.Self.Name != "Carapace" {
		t.Errorf("%+v", s)
	}
	for _, c := range []struct {
		fault feishutest.Fault
		state wit.ConnectionState
		says  string
	}{
		{feishutest.Fault{Code: 99991663}, wit.ConnectionStateNeedsLogin, "App"},
		{feishutest.Fault{Code: 230006}, wit.ConnectionStateFailed, "add the feature Bot"},
		{feishutest.Fault{Status: 503, Code: 1}, wit.ConnectionStateDisconnected, ""},
		{feishutest.Fault{Body: `{"code":0}`}, wit.ConnectionStateDisconnected, "is apiRoot right?"},
	} {
		c.fault.Call = "bot"
		a.server.Fail(c.fault)
		a.Fire("ask")
		if c.state == wit.ConnectionStateNeedsLogin {
			a.Says(c.state, "id and secret")
		} else {
			a.Says(c.state, c.says)
		}
		a.Fire("ask")
		a.Says(wit.ConnectionStateConnected, "")
	}
	a.Command("probe")
	a.Says(wit.ConnectionStateConnected, "")
	a.Command("logout")
	a.Says(wit.ConnectionStateDisconnected, "log in again")
	a.Command("login")
	a.Says(wit.ConnectionStateConnected, "")
	delete(a.Host.Credentials, "encryptKey")
	a.Fire("ask")
	a.Says(wit.ConnectionStateNeedsLogin, "set `mode` to connection")
	a.Host.Credentials = nil
	a.Fire("ask")
	a.Says(wit.ConnectionStateNeedsLogin, "")
}
