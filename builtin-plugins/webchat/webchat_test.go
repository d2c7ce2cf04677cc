package webchat_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/webchat"
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

const visitor = "abcdefghijklmnopqrstuvwxyz"

var to = wit.Conversation{Kind: wit.ConversationKindDirect, ID: visitor}

// shown is what the page's script gets of a push.
type shown struct {
	Kind, From, Text, HTML string
	Actions                [][]struct{ Label, Value, Style string }
	Files                  []struct {
		ID, Name, Mime, Caption string
		Size                    int64
	}
}

func read(t *testing.T, p wit.Push) (s shown) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.Data), &s); err != nil {
		t.Fatalf("%s: %v", p.Data, err)
	}
	return s
}

// called answers a call of the script's.
func called(t *testing.T, path, body string, files ...wit.Attachment) *wit.ChannelAnswer {
	t.Helper()
	a, err := webchat.New().Event(&sdk.Host{}, &wit.ChannelEvent{
		Kind: wit.EventKindWebhook, Config: wit.JSON(`{"title":"Shop","greeting":"Hello"}`), Now: 5,
		Webhook: &wit.WebhookRequest{Method: "POST", Path: path, Text: &body, Visitor: &wit.Visitor{ID: visitor, Files: files}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestButtons: a message has buttons, a choice comes back as an action of that message, and the buttons go when they are taken away.
func TestButtons(t *testing.T) {
	channeltest.Proves(t, channeltest.Buttons)
	rows := []wit.ActionRow{{Actions: []wit.Action{{Label: "Yes", Value: "yes-1", Style: wit.ActionStylePrimary}, {Label: `"No"`, Value: "no-1", Style: wit.ActionStyleDanger}}}}
	sent, err := webchat.New().Send(&sdk.Host{}, &wit.ChannelSend{To: to, Text: "May I?", Actions: rows, IdempotencyKey: "q:0"})
	if err != nil || len(sent.IDs) != 1 || len(sent.Pushes) != 1 || *sent.Pushes[0].Key != sent.IDs[0] || sent.Pushes[0].Visitor != visitor {
		t.Fatalf("%+v %v", sent, err)
	}
	if s := read(t, sent.Pushes[0]); s.Text != "May I?" || len(s.Actions) != 1 || s.Actions[0][1].Label != `"No"` || s.Actions[0][0].Style != "primary" {
		t.Errorf("shown is %+v", s)
	}
	a := called(t, "/message", `{"id":"c1","action":"yes-1","target":"`+sent.IDs[0]+`"}`)
	if m := a.Messages[0]; len(a.Pushes) != 0 || m.Kind != wit.MessageKindAction || m.Text != "yes-1" || *m.Target != sent.IDs[0] || m.Sender.ID != visitor {
		t.Errorf("the choice is %+v", a)
	}
	edited, err := webchat.New().(channel.Editor).Edit(&sdk.Host{}, &wit.ChannelEdit{To: to, ID: sent.IDs[0]})
	if err != nil || len(edited.Pushes) != 1 || *edited.Pushes[0].Key == sent.IDs[0] {
		t.Fatalf("%+v %v", edited, err)
	}
	if s := read(t, edited.Pushes[0]); s.Kind != "actions" || len(s.Actions) != 0 {
		t.Errorf("without buttons it is %+v", s)
	}
}

func TestWhatAVisitorSays(t *testing.T) {
	size := int64(7)
	a := called(t, "/message", `{"id":"m1","text":"hi","name":"`+strings.Repeat("Ä", 90)+`"}`, wit.Attachment{Media: new("file-1"), Name: new("a.txt"), Size: &size})
	m, p := a.Messages[0], a.Pushes[0]
	if m.ID != visitor+":m1" || m.Conversation != to || m.Time != 5 || *m.Sender.Name != strings.Repeat("Ä", 80) || len(m.Attachments) != 1 {
		t.Errorf("%+v", m)
	}
	if s := read(t, p); *p.Key != "v:m1" || s.From != "visitor" || s.Text != "hi" || s.Files[0].ID != "file-1" || s.Files[0].Size != 7 || p.Files[0] != "file-1" {
		t.Errorf("%+v", p)
	}
	if a := called(t, "/about", `{}`); !strings.Contains(*a.Reply.Text, `"title":"Shop"`) || !strings.Contains(*a.Reply.Text, `"maxText":16000`) {
		t.Errorf("%s", *a.Reply.Text)
	}
	for body, want := range map[string]uint16{`{`: 400, `[]`: 400, `{"id":"` + strings.Repeat("x", 65) + `","text":"x"}`: 400, `{"id":"x","action":"a","target":"` + strings.Repeat("x", 1025) + `"}`: 400} {
		if a := called(t, "/message", body); a.Reply.Status != want || len(a.Messages)+len(a.Pushes) != 0 {
			t.Errorf("%.80s: %+v", body, a.Reply)
		}
	}
}

func TestTheSameSendIsTheSameMessage(t *testing.T) {
	send := &wit.ChannelSend{To: to, Text: "x", Formatted: new("<p>x</p>"), IdempotencyKey: "k:0", Attachments: []wit.Attachment{{Media: new("f")}}}
	one, err := webchat.New().Send(&sdk.Host{}, send)
	two, again := webchat.New().Send(&sdk.Host{}, send)
	if err != nil || again != nil || *one.Pushes[0].Key != *two.Pushes[0].Key || one.Pushes[0].Data != two.Pushes[0].Data || one.Pushes[0].Files[0] != "f" {
		t.Errorf("%+v and %+v", one, two)
	}
	if _, err := webchat.New().Send(&sdk.Host{}, &wit.ChannelSend{To: to, Text: "x", IdempotencyKey: strings.Repeat("k", 1020)}); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("an endless key: %v", err)
	}
	if sent, err := webchat.New().Send(&sdk.Host{}, &wit.ChannelSend{To: to, IdempotencyKey: "k"}); err != nil || len(sent.Pushes) != 0 {
		t.Errorf("nothing: %+v %v", sent, err)
	}
}
