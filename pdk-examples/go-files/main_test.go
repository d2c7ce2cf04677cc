package main

import (
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/pdk-examples/go-files/toypost"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

const config = `{"url":"http://toy"}`

// takes returns the message that the server posts.
func takes(t *testing.T, text string) wit.Message {
	t.Helper()
	answer, err := post{}.Event(new(sdktest.Host).SDK(), &wit.ChannelEvent{Kind: wit.EventKindWebhook, Config: wit.JSON(config), Webhook: &wit.WebhookRequest{Text: &text}})
	if err != nil || len(answer.Messages) != 1 {
		t.Fatalf("%+v, %v", answer, err)
	}
	return answer.Messages[0]
}

// TestTaken: a message says what came with it and what it is about.
func TestTaken(t *testing.T) {
	picture := takes(t, `{"id":"8","from":"ann","text":"look","file":{"path":"/files/1","type":"image/png","name":"dot.png","size":70,"width":2,"height":1}}`).Attachments
	if len(picture) != 1 || picture[0].Kind != wit.AttachmentKindImage || picture[0].Fetch.URL != "http://toy/files/1" || *picture[0].Name != "dot.png" || *picture[0].Size != 70 || *picture[0].Width != 2 {
		t.Errorf("a picture: %+v", picture)
	}
	note := takes(t, `{"id":"9","from":"ann","file":{"path":"/files/2","type":"audio/ogg","seconds":3,"voice":true}}`).Attachments
	if len(note) != 1 || note[0].Kind != wit.AttachmentKindVoice || *note[0].Duration != 3000 {
		t.Errorf("a voice note: %+v", note)
	}
	if m := takes(t, `{"id":"10","from":"ann","text":"is it?","answers":{"id":"3","from":"bob","text":"the sun is cold"}}`); m.ReplyTo == nil || m.ReplyTo.ID != "3" || *m.ReplyTo.Text != "the sun is cold" || m.ReplyTo.Sender.ID != "bob" {
		t.Errorf("an answer: %+v", m.ReplyTo)
	}
	if m := takes(t, `{"id":"11","from":"ann","text":"the sun is cold","forwarded":{"from":"bob","at":1700000000}}`); m.Forwarded == nil || m.Forwarded.Sender.ID != "bob" || m.Forwarded.Time != 1700000000_000 {
		t.Errorf("what is handed on: %+v", m.Forwarded)
	}
}

// TestSent: files go along, those on the web by their address; a repeated message is sent once.
func TestSent(t *testing.T) {
	server := toypost.New()
	host := (&sdktest.Host{HTTP: server, Credentials: map[string]string{"token": toypost.Token}, Files: map[string][]byte{"m1": []byte("a dot")}}).SDK()
	for range 2 {
		sent, err := post{}.Send(host, &wit.ChannelSend{Config: wit.JSON(config), To: wit.Conversation{ID: "ann"}, Text: "look", IdempotencyKey: "k1", ReplyTo: new("8"), Attachments: []wit.Attachment{
			{Media: new("m1"), Name: new("dot.png"), Mime: new("image/png")}, {Fetch: &wit.HTTPRequest{URL: "https://example.org/line.png"}},
		}})
		if err != nil || !slices.Equal(sent.IDs, []string{"1"}) {
			t.Fatalf("%+v, %v", sent, err)
		}
	}
	posts := server.Posts(t.Context(), 1)
	if p := posts[0]; len(posts) != 1 || p.Text != "look\nhttps://example.org/line.png" || p.Answers != "8" || !slices.Equal(p.Files, []string{"a dot"}) {
		t.Errorf("the bot has sent %+v", posts)
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, post{}, "testdata/*.jsonl") }
