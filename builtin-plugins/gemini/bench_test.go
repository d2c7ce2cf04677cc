package gemini_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/gemini"
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// BenchmarkRequest reads a conversation, plans the request and writes that, as a guest does.
func BenchmarkRequest(b *testing.B) {
	host := sdk.NewHost(func(string, []byte) ([]byte, error) { return []byte(`{"present":true}`), nil })
	for _, turns := range []int{1, 10, 100} {
		chat := &wit.Chat{Model: "gemini-2.5-flash", System: strings.Repeat("You are an assistant. ", 40)}
		for n := range turns {
			role, text := wit.RoleUser, "question "+strconv.Itoa(n)+" of a conversation"
			if n%2 == 1 {
				role, text = wit.RoleAssistant, strings.Repeat("an answer with words. ", 18)+"\n"
			}
			chat.Turns = append(chat.Turns, says(role, text))
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
				plan, err := gemini.New().Request(host, &chat)
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
		chunk := &wit.ProviderChunk{State: wit.JSON(`{"status":200,"begun":true,"said":40}`)}
		for n := range events {
			chunk.Events = append(chunk.Events, data(`{"candidates":[{"content":{"parts":[{"text":"some words of an answer, as many as come at once "}],"role":"model"},"index":0}],`+
				`"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":`+strconv.Itoa(10*n)+`,"totalTokenCount":`+strconv.Itoa(12+10*n)+`,"promptTokensDetails":[{"modality":"TEXT","tokenCount":12}]},"modelVersion":"gemini-2.5-flash","responseId":"abc"}`))
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
				answer, err := gemini.New().Chunk(nil, &chunk)
				if err != nil {
					b.Fatal(answer, err)
				}
				wit.Marshal(answer)
			}
		})
	}
}
