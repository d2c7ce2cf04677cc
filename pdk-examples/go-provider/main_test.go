package main

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/pdk-examples/go-provider/toymodel"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// ask has a chat answered as the kernel would: plan, request, pieces.
func ask(t *testing.T, text, key string) (string, *wit.ProviderAnswer) {
	t.Helper()
	host := &sdktest.Host{HTTP: toymodel.New(), Credentials: map[string]string{"key": key}}
	plan, err := echo{}.Request(host.SDK(), &wit.Chat{Model: "echo", Config: wit.JSON(`{"url":"http://toy"}`),
		Turns: []wit.ChatTurn{{Role: wit.RoleUser, Content: []wit.Part{{Text: &text}}}}})
	if err != nil {
		t.Fatal(err)
	}
	response, err := host.Do(plan.Request)
	if err != nil {
		t.Fatal(err)
	}
	events := []wit.StreamEvent{{Kind: wit.StreamEventKindHead, Status: response.Status}}
	for _, event := range strings.Split(strings.TrimSpace(*response.Text), "\n\n") {
		events = append(events, wit.StreamEvent{Kind: wit.StreamEventKindData, Data: strings.TrimPrefix(event, "data: ")})
	}
	heard := ""
	for i := range events { // one by one, as they come from a slow server
		answer, err := echo{}.Chunk(host.SDK(), &wit.ProviderChunk{Events: events[i : i+1]})
		if err != nil {
			t.Fatal(err)
		}
		for _, delta := range answer.Deltas {
			heard += delta.Text
		}
		if answer.Stop != nil || answer.Error != nil {
			all, err := echo{}.Chunk(host.SDK(), &wit.ProviderChunk{Events: events}) // and all at once
			if err != nil || all.Error == nil && len(all.Deltas) == 0 {
				t.Errorf("at once: %+v, %v", all, err)
			}
			return heard, answer
		}
	}
	t.Fatal("the answer has no end")
	return "", nil
}

func TestAnswer(t *testing.T) {
	heard, last := ask(t, "say \"it\" again", toymodel.Key)
	if heard != "say \"it\" again " || last.Usage == nil || last.Usage.Output != 3 {
		t.Errorf("heard %q, %+v", heard, last)
	}
}

func TestWrongKey(t *testing.T) {
	if _, last := ask(t, "hello", "stolen"); wit.CodeOf(last.Error) != wit.CodeUnauthorized {
		t.Errorf("%+v", last)
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, echo{}, "testdata/*.jsonl") }
