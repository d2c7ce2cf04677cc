package openai_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestEventsThatAreAlike: what events come to does not depend on which of them arrived together, whatever makes two of
// them look alike. read compares.
func TestEventsThatAreAlike(t *testing.T) {
	named := data(`{"choices":[{"delta":{"content":"named"}}]}`)
	named.Name = new("error")
	var events []wit.StreamEvent
	for _, text := range []string{
		`{"choices":[{"delta":{"content":"a"}}]}`,
		`{"choices":[{"delta":{"content":"b\n\u00e9\""}}]}`,
		`{"choices":[{"delta":{"content":"\ud83d"}}]}`,
		`{"choices":[{"delta":{"content":"\ude00"}}]}`,
		`{"choices":[{"delta":{"content":""}}]}`,
		`{"choices":[{"delta":{"content":null}}]}`,
		`{"choices":[{"delta":{"content":7}}]}`,
		`{"choices":[{"delta":{"content":[{"type":"text","text":"part"}]}}]}`,
		`{"choices":[{"delta":{"content":"c","refusal":"no"}}]}`,
		`{"choices":[{"delta":{"content":"","tool_calls":[{"index":0,"id":"i","function":{"name":"f","arguments":"{}"}}]}}]}`,
		`{"choices":[{"delta":{"content":"<think>"}}]}`,
		`{"choices":[{"delta":{"content":"</think>"}}]}`,
		`{"choices":[{"delta":{"content":"d","content":"e"}}]}`,
		`{"choices":[{"delta":{"content":"f"}},{"delta":{"content":"g"}}]}`,
		`{"choices":[{"delta":{"content":"h"}},{"index":1,"delta":{"content":"i"}}]}`,
		`{"choices":[{"delta":{"content":"j"},"finish_reason":"stop"}]}`,
		`{"choices":[{"delta":{"content":"k"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`,
		`{"choices":[{"message":{"content":"l"}}]}`,
		`{"choices":[{"delta":{"reasoning":"m"}}]}`,
		`{"choices":[{"delta":{"reasoning":"n"}}]}`,
		`{"choices":[{"delta":{"reasoning":"\ud83d"}}]}`,
		`{"choices":[{"delta":{"reasoning":"\ude00"}}]}`,
		`{"choices":[{"delta":{"reasoning":"o","content":"p"}}]}`,
		`{"choices":[{"delta":{"reasoning_content":"q"}}]}`,
		`{"choices":[{"delta":{"content":"r"`,
		`{"choices":[{"delta":{"content":"s}}]}`,
		`{"choices":[{"delta":{"content":t}}]}`,
		` {"choices":[{"delta":{"content":"u"}}]} `,
		`{"choices":[{"delta":{"content": "v" }}]}`,
		`{"content":"w","choices":[{"delta":{"content":"w"}}]}`,
		`{"content":"x","choices":[{"delta":{"content":"w"}}]}`,
		`{"error":{"message":"broken"}}`,
		`[DONE]`, "", "ping",
	} {
		events = append(events, data(text))
	}
	events = append(events, named, end)
	for _, first := range events {
		for _, second := range events {
			for _, third := range []wit.StreamEvent{events[0], second} {
				read(t, head(200), first, second, third, end)
			}
		}
	}
}

// TestTheClosingTagIsRead: a text with it is not left to the gateway, until the owner was told.
func TestTheClosingTagIsRead(t *testing.T) {
	host := &sdktest.Host{}
	chunk := &wit.ProviderChunk{}
	for _, step := range []struct{ text, unless string }{{"a", "</think>"}, {"b", "</think>"}, {"</think>", ""}} {
		chunk.Events = append(chunk.Events, data(`{"choices":[{"delta":{"content":"`+step.text+`"}}]}`))
		answer, err := openai.New().Chunk(host.SDK(), chunk)
		if err != nil || answer.Like == nil || answer.Like.Unless != step.unless {
			t.Fatalf("%s: %+v, %v", step.text, answer.Like, err)
		}
		chunk.State, chunk.Events = answer.State, nil
	}
}
