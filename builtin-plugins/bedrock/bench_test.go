package bedrock_test

import (
	"strconv"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/bedrock"
	"github.com/carapace-gateway/carapace/builtin-plugins/bedrock/bedrocktest"
	"github.com/carapace-gateway/carapace/wit"
)

// BenchmarkChunk reads packets of a stream, as a guest does.
func BenchmarkChunk(b *testing.B) {
	for _, events := range []int{1, 10} {
		chunk := &wit.ProviderChunk{State: wit.JSON(`{"status":200}`)}
		for range events {
			chunk.Events = append(chunk.Events, wit.StreamEvent{Kind: wit.StreamEventKindData,
				Bytes: bedrocktest.Packet("event", "contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"text":"some words of an answer "},"p":"abcdefghij"}`))})
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
				answer, err := bedrock.New().Chunk(nil, &chunk)
				if err != nil || answer.Error != nil {
					b.Fatal(answer, err)
				}
				wit.Marshal(answer)
			}
		})
	}
}
