package slack_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/slack"
	"github.com/carapace-gateway/carapace/builtin-plugins/slack/slacktest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// called hands in a call of the webhook, which the kernel would have checked, and returns the reply.
func (g *gateway) called(body string) *wit.WebhookReply {
	g.mu.Lock()
	g.reply = nil
	g.mu.Unlock()
	g.deliver(&wit.ChannelEvent{Kind: wit.EventKindWebhook, Webhook: &wit.WebhookRequest{Method: "POST", Path: "/", Text: &body}})
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reply
}

func TestWebhook(t *testing.T) {
	s := workspace(slacktest.Config{})
	g := newGateway(t, s, `,"mode":"events"`)
	g.connected()
	if n := len(s.Calls("apps.connections.open")); n != 0 {
		t.Errorf("%d connections were asked for", n)
	}
	if r := g.called(`{"type":"url_verification","challenge":"abc","token":"x"}`); r.Status != 200 || text(r.Text) != "abc" {
		t.Errorf("the challenge is answered with %s", wit.Marshal(r))
	}
	event := `{"type":"event_callback","event_id":"Ev1","event":{"type":"message","channel":"D0ADA","channel_type":"im","user":"U0ADA","text":"hi","ts":"1700000000.000100"}}`
	press := `{"type":"block_actions","user":{"id":"U0ADA"},"container":{"channel_id":"C0CLUB","message_ts":"1700000000.000200"},
		"message":{"thread_ts":"1700000000.000150"},"actions":[{"type":"button","value":"yes %+","action_ts":"1700000001.000000"}]}`
	command := url.Values{"command": {"/carapace"}, "text": {"50% of ä + b"}, "user_id": {"U0ADA"}, "user_name": {"ada"}, "channel_id": {"D0ADA"}, "trigger_id": {"1.2.3"}}
	for range 2 { // Slack repeats what it thinks is not answered
		for _, body := range []string{event, url.Values{"payload": {press}}.Encode(), command.Encode()} {
			if r := g.called(body); r.Status != 200 {
				t.Errorf("%.40s is answered with %s", body, wit.Marshal(r))
			}
		}
	}
	if r := g.called(command.Encode()); !strings.Contains(text(r.Text), "in_channel") {
		t.Errorf("a slash command is answered with %s", wit.Marshal(r))
	}
	got := g.messages(3)
	if got[0].Text != "hi" || got[1].Kind != wit.MessageKindAction || got[1].Text != "yes %+" || *got[1].Target != "C0CLUB:1700000000.000200" ||
		text(got[1].Conversation.Thread) != "1700000000.000150" || got[2].Text != "50% of ä + b" {
		t.Errorf("%s", wit.Marshal(&wit.ChannelAnswer{Messages: got}))
	}
	g.until("the name is known", func() bool { return strings.Contains(g.host.KV["names/default/A"], "Ada Lovelace") })
	g.called(strings.ReplaceAll(event, "000100", "000300"))
	if m := g.messages(4)[3]; text(m.Sender.Name) != "Ada Lovelace" {
		t.Errorf("the second message is from %s", wit.Marshal(&m.Sender))
	}
}

// TestWhatIsNoCallOfSlacks comes to nothing, and is answered.
func TestWhatIsNoCallOfSlacks(t *testing.T) {
	g := newGateway(t, workspace(slacktest.Config{}), `,"mode":"events"`)
	g.connected()
	for _, body := range []string{"", "{", "{}", `{"type":"event_callback"}`, `{"event":{"type":"message"}}`, `{"event":{"type":"message","channel":7,"ts":[]}}`,
		"payload=", "payload=%7B", "payload=x%zz", "command=", "a=b&&=", `{"type":"app_rate_limited","minute_rate_limited":1}`,
		`{"event":{"type":"message","subtype":"message_changed","channel":"C1"}}`, `{"event":{"type":"reaction_added","item":{}}}`,
		`{"event":{"type":"member_joined_channel"}}`, `{"event":{"type":"channel_rename"}}`, `{"event":{"type":"user_change"}}`,
		`payload={"type":"view_submission"}`, `payload={"type":"block_actions","actions":[{}]}`, strings.Repeat("a=b&", 500)} {
		if r := g.called(body); r == nil || r.Status != 200 {
			t.Errorf("%.60q is answered with %v", body, r)
		}
	}
	g.messages(0)
}

// FuzzFrames feeds whatever a server may send: nothing fails, all that has an envelope's id is acknowledged or waits, and the
// answer stays within its bounds.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{
		`{"type":"hello"}`, `{"type":"disconnect","reason":"warning"}`, `{"envelope_id":"e","type":"events_api"}`, `[]`, `{`,
		`{"envelope_id":"e","type":"events_api","payload":{"event":{"type":"message","channel":"C0CLUB","user":"U0ADA","ts":"1.1","thread_ts":"1.0","text":"<@U0BOB|b> <!date^1^{x}|y> <https://x|> <","files":[{"id":"F"}],"attachments":[{"is_share":true}]}}}`,
		`{"envelope_id":"e","type":"interactive","payload":{"type":"block_actions","actions":[{"value":"x"}],"container":{"message_ts":"1.1"}}}`,
		`{"envelope_id":"e","type":"slash_commands","accepts_response_payload":true,"payload":{"command":"/x","user_id":"U1","trigger_id":"t"}}`,
	} {
		f.Add(seed)
	}
	plugin := slack.New()
	f.Fuzz(func(t *testing.T, frame string) {
		host := (&sdktest.Host{KV: map[string]string{}}).SDK()
		event := &wit.ChannelEvent{Kind: wit.EventKindMessage, Account: "default", State: wit.JSON(`{"generation":1,"me":{"user":"U0ME"},"socket":"a"}`),
			Message: &wit.Frame{Connection: "a", Text: &frame}}
		out, err := plugin.Event(host, event)
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Validate(); err != nil {
			t.Errorf("%s: %v", wit.Marshal(out), err)
		}
		if out.State != nil {
			event.Kind, event.State, event.Timer = wit.EventKindTimer, out.State, new("names")
			if _, err := plugin.Event(host, event); err != nil {
				t.Errorf("state %s: %v", out.State, err)
			}
		}
	})
}
