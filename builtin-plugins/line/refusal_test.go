package line_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/line/linetest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestErrors(t *testing.T) {
	channeltest.Proves(t, channeltest.Limits)
	a := newAccount(t, linetest.Config{})
	for _, c := range []struct {
		fault linetest.Fault
		code  wit.Code
		after int64
		says  string
	}{
		{linetest.Fault{Status: 429}, wit.CodeRateLimited, 5_000, "too many calls"},
		{linetest.Fault{Status: 429, RetryAfter: 60}, wit.CodeRateLimited, 60_000, "too many calls"},
		{linetest.Fault{Status: 401}, wit.CodeUnauthorized, 0, "carapace setup line"},
		{linetest.Fault{Status: 403}, wit.CodeForbidden, 0, "plan"},
		{linetest.Fault{Status: 404}, wit.CodeNotFound, 0, "injected (404)"},
		{linetest.Fault{Status: 503}, wit.CodeUnavailable, 0, "injected"},
		{linetest.Fault{Body: "<html>"}, wit.CodeUnavailable, 0, "is apiRoot right?"},
		{linetest.Fault{Body: `{}`}, wit.CodeUnavailable, 0, "is apiRoot right?"},
	} {
		c.fault.Call = "push"
		a.server.Fail(c.fault)
		_, err := a.send(wit.ChannelSend{Text: "x"})
		e := wit.AsError(err)
		if err == nil || e.Code != c.code || !strings.Contains(e.Message, c.says) || c.after > 0 && (!e.Retryable || e.RetryAfter == nil || *e.RetryAfter != c.after) {
			t.Errorf("%+v: %+v", c.fault, e)
		}
	}
	if _, err := a.send(wit.ChannelSend{To: wit.Conversation{Kind: wit.ConversationKindDirect, ID: "Unobody"}, Text: "x"}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Error(err)
	}
	if _, err := a.Plugin.Send(a.Host.SDK(), &wit.ChannelSend{Config: a.Config, Text: "x"}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Error(err)
	}
}

// TestTheMonthsMessages: a month whose messages are used up is another thing than too many calls; answers go on.
func TestTheMonthsMessages(t *testing.T) {
	channeltest.Proves(t, channeltest.Limits)
	a := newAccount(t, linetest.Config{Quota: 1})
	a.mustSend(t, wit.ChannelSend{Text: "the last one"})
	_, err := a.send(wit.ChannelSend{Text: "x", IdempotencyKey: "too many"})
	if e := wit.AsError(err); err == nil || e.Code != wit.CodeRateLimited || *e.RetryAfter != 3_600_000 || !strings.Contains(e.Message, "used up") {
		t.Errorf("%+v", e)
	}
	a.server.Say(ada, "are you there?")
	a.Messages(1)
	if m := a.mustSend(t, wit.ChannelSend{Text: "yes", IdempotencyKey: "answer"})[0]; !m.Reply {
		t.Errorf("%+v", m)
	}
}

// TestWhatIsRefused is tried in another way before it is lost.
func TestWhatIsRefused(t *testing.T) {
	channeltest.Proves(t, channeltest.Refusals)
	a := newAccount(t, linetest.Config{})
	rows := []wit.ActionRow{{Actions: []wit.Action{{Label: "Yes", Value: "y"}, {Label: "a label of more than twenty", Value: "n"}}}}
	a.server.Say(ada, "ask me")
	a.Messages(1)
	got := a.mustSend(t, wit.ChannelSend{Text: "sure?", Formatted: new("■ sure?"), Actions: rows, Attachments: []wit.Attachment{{Kind: wit.AttachmentKindImage, Media: new("m1"), Name: new("a.png"), Mime: new("image/png")}}})
	if len(got) != 2 || got[0].Type != "text" || got[0].Text != "sure?\n- Yes\n- a label of more than twenty" || got[1].Type != "text" || !strings.HasPrefix(got[1].Text, "a.png: https://") {
		t.Errorf("%+v", got)
	}
}

func TestHealth(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	a := newAccount(t, linetest.Config{})
	a.Holds = func(string) bool { return true }
	if s := a.Status(); s.Self == nil || s.Self.ID != linetest.DefaultBot || *s.Self.Name != "Carapace" || *s.Self.Username != "216ru" {
		t.Errorf("%+v", s)
	}
	for _, c := range []struct {
		fault linetest.Fault
		state wit.ConnectionState
		says  string
	}{
		{linetest.Fault{Status: 401}, wit.ConnectionStateNeedsLogin, "carapace setup line"},
		{linetest.Fault{Status: 403}, wit.ConnectionStateFailed, "plan"},
		{linetest.Fault{Status: 503}, wit.ConnectionStateDisconnected, ""},
		{linetest.Fault{Body: `{}`}, wit.ConnectionStateDisconnected, "is apiRoot right?"},
		{linetest.Fault{Body: `{"userId":"Ubot","chatMode":"chat"}`}, wit.ConnectionStateConnected, "Response settings"},
	} {
		c.fault.Call = "info"
		a.server.Fail(c.fault)
		a.Fire("ask")
		a.Says(c.state, c.says)
		a.Fire("ask")
		a.Until("it is well again", func() bool { s := a.Status(); return s.State == wit.ConnectionStateConnected && s.Message == nil })
	}
	a.Command("probe")
	a.Says(wit.ConnectionStateConnected, "")
	a.Command("logout")
	a.Says(wit.ConnectionStateDisconnected, "log in again")
	a.Command("login")
	a.Says(wit.ConnectionStateConnected, "")
	a.Host.Credentials = nil
	a.Fire("ask")
	a.Says(wit.ConnectionStateNeedsLogin, "")
}
