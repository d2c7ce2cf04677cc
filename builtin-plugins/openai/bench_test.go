package openai_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// BenchmarkRequest reads a conversation, plans the request and writes that, as a guest does.
func BenchmarkRequest(b *testing.B) {
	host := sdk.NewHost(func(string, []byte) ([]byte, error) { return []byte("{}"), nil })
	for _, turns := range []int{1, 10, 100} {
		chat := &wit.Chat{Model: "m", System: strings.Repeat("You are an assistant. ", 40), Config: wit.JSON(`{"baseUrl":"http://127.0.0.1/v1"}`)}
		for n := range turns {
			role, text := wit.RoleUser, "question "+strconv.Itoa(n)+" of a conversation"
			if n%2 == 1 {
				role, text = wit.RoleAssistant, strings.Repeat("an answer with words. ", 18)+"\n"
			}
			chat.Turns = append(chat.Turns, wit.ChatTurn{Role: role, Content: []wit.Part{{Kind: wit.PartKindText, Text: &text}}})
		}
		in := wit.Marshal(chat)
		b.Run("turns="+strconv.Itoa(turns), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				var chat wit.Chat
				if err := wit.UnmarshalShared(in, &chat); err != nil {
					b.Fatal(err)
				}
				plan, err := openai.New().Request(host, &chat)
				if err != nil {
					b.Fatal(err)
				}
				wit.Marshal(plan)
			}
		})
	}
}

// BenchmarkChunk reads events of a stream, as a guest does.
func BenchmarkChunk(b *testing.B) {
	for _, events := range []int{1, 10} {
		chunk := &wit.ProviderChunk{State: wit.JSON(`{"status":200,"begun":true,"spoke":true}`)}
		for range events {
			chunk.Events = append(chunk.Events, wit.StreamEvent{Kind: wit.StreamEventKindData,
				Data: `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}`})
		}
		in := wit.Marshal(chunk)
		b.Run("events="+strconv.Itoa(events), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				var chunk wit.ProviderChunk
				if err := wit.UnmarshalShared(in, &chunk); err != nil {
					b.Fatal(err)
				}
				answer, err := openai.New().Chunk(nil, &chunk)
				if err != nil {
					b.Fatal(answer, err)
				}
				wit.Marshal(answer)
			}
		})
	}
}

// BenchmarkItems reads events of a stream of the Responses API, as a guest does.
func BenchmarkItems(b *testing.B) {
	for _, events := range []int{1, 10} {
		chunk := &wit.ProviderChunk{State: wit.JSON(`{"api":"responses","status":200,"begun":true,"size":40,"streamed":true}`)}
		for n := range events {
			chunk.Events = append(chunk.Events, wit.StreamEvent{Kind: wit.StreamEventKindData, Name: new("response.output_text.delta"),
				Data: `{"type":"response.output_text.delta","sequence_number":` + strconv.Itoa(n) + `,"item_id":"msg_68c1","output_index":0,"content_index":0,"delta":"word ","logprobs":[]}`})
		}
		in := wit.Marshal(chunk)
		b.Run("events="+strconv.Itoa(events), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				var chunk wit.ProviderChunk
				if err := wit.UnmarshalShared(in, &chunk); err != nil {
					b.Fatal(err)
				}
				answer, err := openai.New().Chunk(nil, &chunk)
				if err != nil {
					b.Fatal(answer, err)
				}
				wit.Marshal(answer)
			}
		})
	}
}
