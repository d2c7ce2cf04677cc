package main

import (
	"net/http"
	"testing"

	"github.com/carapace-gateway/carapace/pdk-examples/go-sse/toyfeed"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

const config = `{"url":"http://toy"}`

func event(t *testing.T, e wit.ChannelEvent) *wit.ChannelAnswer {
	t.Helper()
	e.Config = wit.JSON(config)
	answer, err := feed{}.Event(new(sdktest.Host).SDK(), &e)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestStream: it is opened from where the state is, and each of its events is the new state.
func TestStream(t *testing.T) {
	open := event(t, wit.ChannelEvent{Kind: wit.EventKindStart}).Open[0]
	if open.URL != "http://toy/events" || open.Transport != wit.TransportSSE || len(open.Headers) != 1 {
		t.Errorf("at first it opens %+v", open)
	}
	open = event(t, wit.ChannelEvent{Kind: wit.EventKindStart, State: wit.JSON(`"7"`)}).Open[0]
	if len(open.Headers) != 2 || open.Headers[1] != (wit.Header{Name: "Last-Event-ID", Value: "7"}) {
		t.Errorf("then it opens %+v", open)
	}
	said := event(t, wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{
		ID: new("8"), Text: new(`{"room":"r1","from":"ann","text":"hello, @bot"}`)}})
	if m := said.Messages; len(m) != 1 || m[0].ID != "8" || m[0].Conversation.ID != "r1" || !m[0].Mentioned || string(said.State) != `"8"` {
		t.Errorf("it takes in %+v", said)
	}
	moved := event(t, wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{
		ID: new("9"), Event: new("moved"), Text: new(`{"from":"r1","to":"r2"}`)}})
	if m := moved.Moved; len(m) != 1 || m[0].From != "r1" || m[0].To.ID != "r2" || string(moved.State) != `"9"` {
		t.Errorf("it takes in %+v", moved)
	}
}

// TestSend: a repeated message is posted once, and one to a room that has moved not at all.
func TestSend(t *testing.T) {
	server, err := toyfeed.Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	host := &sdktest.Host{HTTP: http.HandlerFunc(server.ServeHTTP), Credentials: map[string]string{"token": toyfeed.Token}}
	send := func() (*wit.Sent, error) {
		return feed{}.Send(host.SDK(), &wit.ChannelSend{Config: wit.JSON(config), To: room("r1"), Text: "hi", IdempotencyKey: "k1"})
	}
	server.Move("r1", "r2")
	if sent, err := send(); err != nil || sent.Moved == nil || sent.Moved.ID != "r2" || len(sent.IDs) > 0 {
		t.Errorf("to a room that has moved: %+v, %v", sent, err)
	}
	server.Move("r1", "")
	for range 2 {
		if sent, err := send(); err != nil || len(sent.IDs) != 1 || sent.IDs[0] != "1" {
			t.Errorf("%+v, %v", sent, err)
		}
	}
	if said, _, _ := server.Said(); len(said) != 1 || said[0] != "r1 hi" {
		t.Errorf("the bot has said %q", said)
	}
	host.Credentials["token"] = "stolen"
	if _, err := send(); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("with a wrong token: %v", err)
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, feed{}, "testdata/*.jsonl") }
