package main

import (
	"testing"

	"github.com/carapace-gateway/carapace/pdk-examples/go-eventstream/toystream"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func chunk(packets ...[]byte) (*wit.ProviderAnswer, error) {
	c := &wit.ProviderChunk{Events: []wit.StreamEvent{{Kind: wit.StreamEventKindHead, Status: 200}}}
	for _, p := range packets {
		c.Events = append(c.Events, wit.StreamEvent{Kind: wit.StreamEventKindData, Bytes: p})
	}
	return stream{}.Chunk(new(sdktest.Host).SDK(), c)
}

func TestChunk(t *testing.T) {
	plan, err := stream{}.Request(new(sdktest.Host).SDK(), &wit.Chat{Config: wit.JSON(`{"url":"http://toy"}`)})
	if err != nil || plan.Framing != wit.FramingPackets || plan.Length == nil || !plan.Length.Whole || plan.Request.URL != "http://toy/stream" {
		t.Fatalf("%+v, %v", plan, err)
	}
	text := func(s string) []byte { return toystream.Message("event", "text", map[string]string{"text": s}) }
	answer, err := chunk(text("good "), text("morning"), toystream.Message("event", "stop", nil))
	if err != nil || len(answer.Deltas) != 2 || answer.Deltas[1].Text != "morning" || answer.Stop == nil {
		t.Errorf("%+v, %v", answer, err)
	}
	answer, err = chunk(toystream.Message("exception", "", map[string]string{"message": "no"}))
	if err != nil || answer.Error == nil {
		t.Errorf("an exception: %+v, %v", answer, err)
	}
}

func TestDamage(t *testing.T) {
	good := toystream.Message("event", "text", map[string]string{"text": "x"})
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0x40
		if _, err := chunk(bad); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("byte %d is another one: %v", i, err)
		}
		if _, err := chunk(good[:i]); err == nil {
			t.Errorf("only the first %d bytes are taken", i)
		}
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, stream{}, "testdata/*.jsonl") }
