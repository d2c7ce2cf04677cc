package anthropic_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic"
	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/anthropictest"
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// BenchmarkRequest reads a conversation, plans the request and writes that, as a guest does.
func BenchmarkRequest(b *testing.B) {
	host := sdk.NewHost(func(string, []byte) ([]byte, error) { return []byte("{}"), nil })
	for _, turns := range []int{1, 10, 100} {
		chat := &wit.Chat{Model: "claude-opus-5-5", System: strings.Repeat("You are an assistant. ", 40), Config: wit.JSON(`{"baseUrl":"http://127.0.0.1"}`)}
		for n := range turns {
			turn := says(wit.RoleUser, "question "+strconv.Itoa(n)+" of a conversation")
			if n%2 == 1 {
				turn = says(wit.RoleAssistant, strings.Repeat("an answer with words. ", 18)+"\n")
			}
			chat.Turns = append(chat.Turns, turn)
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
				plan, err := anthropic.New().Request(host, &chat)
				if err != nil {
					b.Fatal(err)
				}
				wit.Marshal(plan)
			}
		})
	}
}

// BenchmarkChunk reads events of a stream, as a guest does: of a text, of which the gateway leaves it few, and of thinking, which
// is kept until it has ended.
func BenchmarkChunk(b *testing.B) {
	for _, events := range []int{1, 10} {
		for kind, event := range map[string]wit.StreamEvent{"text": says1("word "), "thinking": delta(0, "thinking_delta", "thinking", "word ")} {
			chunk := &wit.ProviderChunk{State: wit.JSON(`{"status":200,"begun":true,"spoke":true,"texts":1,"open":[{"kind":"` + kind + `"}],"usage":{"in":12,"out":1}}`)}
			for range events {
				chunk.Events = append(chunk.Events, event)
			}
			in := wit.Marshal(chunk)
			b.Run(kind+"/events="+strconv.Itoa(events), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(in)))
				for b.Loop() {
					var chunk wit.ProviderChunk
					if err := wit.UnmarshalShared(in, &chunk); err != nil {
						b.Fatal(err)
					}
					answer, err := anthropic.New().Chunk(nil, &chunk)
					if err != nil {
						b.Fatal(answer, err)
					}
					wit.Marshal(answer)
				}
			})
		}
	}
}

// BenchmarkCache says which part of what a conversation of 20 questions, each with a round of tools, has the model read comes
// from the server's cache, by the fields of its usage.
func BenchmarkCache(b *testing.B) {
	var used wit.Usage
	for b.Loop() {
		used = wit.Usage{}
		s := anthropictest.New("sk-test")
		host := &sdktest.Host{Credentials: key, HTTP: s}
		chat := &wit.Chat{Model: "claude-opus-5-5", System: strings.Repeat("You are an assistant. ", 100), Tools: []wit.ToolSpec{{Name: "calc", Description: "sums"}}}
		ask := func() {
			plan, err := anthropic.New().Request(host.SDK(), chat)
			if err != nil {
				b.Fatal(err)
			}
			s.Play(anthropictest.Answer{Blocks: []anthropictest.Block{anthropictest.Text("fine")}})
			response, err := host.Do(plan.Request)
			if err != nil || response.Status != 200 {
				b.Fatal(err, response)
			}
			answer, err := anthropic.New().Chunk(nil, &wit.ProviderChunk{Events: eventsOf(*response.Text)})
			if err != nil || answer.Usage == nil {
				b.Fatal(err)
			}
			used.Input, used.CacheRead, used.CacheWrite = used.Input+answer.Usage.Input, used.CacheRead+answer.Usage.CacheRead, used.CacheWrite+answer.Usage.CacheWrite
		}
		for n := range 20 {
			chat.Turns = append(chat.Turns, says(wit.RoleUser, "question "+strconv.Itoa(n)+" of a conversation"))
			ask()
			id := "toolu_" + strconv.Itoa(n)
			calls := says(wit.RoleAssistant, "I count.")
			calls.ToolCalls = []wit.ToolCall{{ID: id, Name: "calc", Args: wit.JSON(`{"expression":"1+1"}`)}}
			chat.Turns = append(chat.Turns, calls, result(id, "2"))
			ask()
			chat.Turns = append(chat.Turns, says(wit.RoleAssistant, strings.Repeat("an answer with words. ", 18)))
		}
	}
	b.ReportMetric(100*float64(used.CacheRead)/float64(used.Input+used.CacheRead+used.CacheWrite), "%-from-cache")
}
