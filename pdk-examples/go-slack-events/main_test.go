package main

import (
	"io"
	"net/http"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func called(t *testing.T, body string) *wit.ChannelAnswer {
	t.Helper()
	answer, err := slack{}.Event((&sdktest.Host{}).SDK(), &wit.ChannelEvent{Kind: wit.EventKindWebhook, Webhook: &wit.WebhookRequest{Method: "POST", Text: &body}})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestEvents(t *testing.T) {
	if a := called(t, `{"type":"url_verification","challenge":"3eZb"}`); a.Reply == nil || *a.Reply.Text != "3eZb" {
		t.Errorf("the address is not verified: %+v", a)
	}
	a := called(t, `{"type":"event_callback","event":{"type":"message","channel":"D1","user":"U1","text":"hi","ts":"1.2"}}`)
	if len(a.Messages) != 1 || a.Messages[0].ID != "D1/1.2" || a.Messages[0].Sender.ID != "U1" || a.Messages[0].Conversation.ID != "D1" {
		t.Errorf("%+v", a)
	}
	for _, body := range []string{
		`{"type":"event_callback","event":{"type":"message","channel":"D1","user":"U2","bot_id":"B1","text":"its own","ts":"1.3"}}`,
		`{"type":"event_callback","event":{"type":"reaction_added","user":"U1"}}`, `{"type":"app_rate_limited"}`, `{}`,
	} {
		if a := called(t, body); len(a.Messages) != 0 || a.Reply != nil {
			t.Errorf("%s: %+v", body, a)
		}
	}
	if a := called(t, `no JSON`); a.Reply == nil || a.Reply.Status != 400 {
		t.Errorf("%+v", a)
	}
}

func TestSend(t *testing.T) {
	answer := `{"ok":true,"ts":"1.4"}`
	host := &sdktest.Host{Credentials: map[string]string{"botToken": "xoxb-1"}, HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.String() != "https://slack.com/api/chat.postMessage" || r.Header.Get("Authorization") != "Bearer xoxb-1" || string(body) != `{"channel":"D1","text":"yes"}` {
			t.Errorf("%s %v %s", r.URL, r.Header, body)
		}
		_, _ = io.WriteString(w, answer)
	})}
	send := &wit.ChannelSend{Config: wit.JSON(`{"api":"https://slack.com/api"}`), To: wit.Conversation{ID: "D1"}, Text: "yes"}
	if sent, err := (slack{}).Send(host.SDK(), send); err != nil || sent.IDs[0] != "1.4" {
		t.Errorf("%+v, %v", sent, err)
	}
	answer = `{"ok":false,"error":"channel_not_found"}`
	if _, err := (slack{}).Send(host.SDK(), send); wit.CodeOf(err) != wit.CodeInvalid {
		t.Error(err)
	}
}
