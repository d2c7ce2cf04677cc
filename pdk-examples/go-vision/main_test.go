package main

import (
	"testing"

	"github.com/carapace-gateway/carapace/pdk-examples/go-vision/toyeye"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestPictures: the server is shown the pictures that somebody sends, and not what somebody only writes.
func TestPictures(t *testing.T) {
	server := toyeye.New()
	host := &sdktest.Host{HTTP: server, Files: map[string][]byte{"m1": []byte("a dot"), "m2": []byte("a line")}}
	plan, err := eye{}.Request(host.SDK(), &wit.Chat{Config: wit.JSON(`{"url":"http://toy"}`), Turns: []wit.ChatTurn{{Role: wit.RoleUser, Content: []wit.Part{
		{Text: new("what is {{media:m1}}?")},
		{Kind: wit.PartKindImage, Media: new("m1"), Mime: new("image/png")},
		{Kind: wit.PartKindImage, Media: new("m2"), Mime: new("image/jpeg")},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	response, err := host.Do(plan.Request)
	if err != nil {
		t.Fatal(err)
	}
	looks, _ := server.Looks()
	if len(looks) != 1 || len(looks[0]) != 2 || string(looks[0][0].Data) != "a dot" || string(looks[0][1].Data) != "a line" {
		t.Errorf("it was shown %q", looks)
	}
	answer, err := eye{}.Chunk(host.SDK(), &wit.ProviderChunk{Events: []wit.StreamEvent{
		{Kind: wit.StreamEventKindHead, Status: response.Status}, {Kind: wit.StreamEventKindData, Data: *response.Text}}})
	if err != nil || len(answer.Deltas) != 1 || answer.Deltas[0].Text != "image/png with 5 bytes, image/jpeg with 6 bytes" || answer.Stop == nil {
		t.Errorf("%+v, %v", answer, err)
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, eye{}, "testdata/*.jsonl") }
