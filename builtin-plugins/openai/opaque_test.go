package openai_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestOpaque: what a server wants to have again comes back where it was, and nothing else does.
func TestOpaque(t *testing.T) {
	for delta, want := range map[string]string{
		`{"reasoning_content":"why"}`: `{"role":"assistant","content":null,"reasoning_content":"why","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
		`{"reasoning":"why","reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}`: `{"role":"assistant","content":null,"reasoning":"why","reasoning_details":[{"type":"reasoning.encrypted","data":"x"}],` +
			`"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
		`{"thinking":"why"}`: `{"role":"assistant","content":null,"thinking":"why","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
		`{"reasoning_details":[{"type":"reasoning.text","text":"why","signature":"s"}]}`: `{"role":"assistant","content":null,"reasoning_details":[{"type":"reasoning.text","text":"why","signature":"s"}],` +
			`"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
		`{"extra_content":{"google":{"thought_signature":"s"}}}`:                            `{"role":"assistant","content":null,"extra_content":{"google":{"thought_signature":"s"}},"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
		`{"tool_calls":[{"index":0,"extra_content":{"google":{"thought_signature":"t"}}}]}`: `{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"t"}}}]}`,
		`{"content":"<think>why</think>"}`:                                                  `{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
		`{"reasoning_content":""}`:                                                          `{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
		`{"extra_content":"` + strings.Repeat("x", 64<<10) + `"}`:                           `{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
	} {
		answer := read(t, head(200), piece(`{"index":0,"id":"a","function":{"name":"f"}}`), data(`{"choices":[{"delta":`+delta+`}]}`), data("[DONE]"))
		turn := wit.ChatTurn{Role: wit.RoleAssistant, ToolCalls: answer.ToolCalls, Thinking: said(answer, wit.DeltaKindThinking), Opaque: answer.Opaque}
		request := plan(t, &sdktest.Host{Credentials: key}, &wit.Chat{Model: "m", Turns: []wit.ChatTurn{turn}})
		for m := range body(t, request).Get("messages").Items() {
			if got := string(m.Raw()); got != want {
				t.Errorf("%.80s\nsent %.500s\nwant %s", delta, got, want)
			}
		}
	}
}
