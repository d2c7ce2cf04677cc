package runtime_test

import (
	"cmp"
	"context"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// BenchmarkProvider is what a turn asks of a provider's guest, whose code is the built-in plugins': the request for a
// conversation, and what a stream's events say.
func BenchmarkProvider(b *testing.B) {
	bundle, err := os.ReadFile(cmp.Or(os.Getenv("BUNDLE"), "../../builtin-plugins/dist/popular.wasm"))
	if err != nil {
		b.Skip("the built-in plugins are not built: make plugins")
	}
	p := newPool(b, newEngine(b, runtime.Config{}), bundle, runtime.Spec{Mode: runtime.Warm, Plugin: "openai", Functions: map[string]runtime.HostFunc{
		"credential_has": func(context.Context, []byte) ([]byte, error) { return []byte("{}"), nil },
	}})
	for _, turns := range []int{1, 10, 100} {
		b.Run("request/turns="+strconv.Itoa(turns), func(b *testing.B) { benchExport(b, p, "provider_request", wit.Marshal(conversation(turns))) })
	}
	for _, events := range []int{1, 5} {
		b.Run("chunk/events="+strconv.Itoa(events), func(b *testing.B) { benchExport(b, p, "provider_chunk", wit.Marshal(chunk(events))) })
	}
}

func benchExport(b *testing.B, p *runtime.Pool, export string, in []byte) {
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, err := p.Call(context.Background(), export, in); err != nil {
			b.Fatal(err)
		}
	}
}

// conversation is one of questions and answers.
func conversation(turns int) *wit.Chat {
	chat := &wit.Chat{Model: "m", System: strings.Repeat("You are an assistant. ", 40), Config: wit.JSON(`{"baseUrl":"http://127.0.0.1/v1"}`)}
	for n := range turns {
		role, text := wit.RoleUser, "question "+strconv.Itoa(n)+" of a conversation"
		if n%2 == 1 {
			role, text = wit.RoleAssistant, strings.Repeat("an answer with words. ", 18)+"\n"
		}
		chat.Turns = append(chat.Turns, wit.ChatTurn{Role: role, Content: []wit.Part{{Kind: wit.PartKindText, Text: &text}}})
	}
	return chat
}

// chunk is what has arrived of a stream at once.
func chunk(events int) *wit.ProviderChunk {
	c := &wit.ProviderChunk{State: wit.JSON(`{"status":200,"begun":true,"spoke":true}`)}
	for range events {
		c.Events = append(c.Events, wit.StreamEvent{Kind: wit.StreamEventKindData,
			Data: `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}`})
	}
	return c
}
