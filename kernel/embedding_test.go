package kernel_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestEmbeddings: the vectors of a provider that makes them, asked for in pieces, as numbers and in base64; and what is refused.
func TestEmbeddings(t *testing.T) {
	t.Parallel()
	pieces := []int{}
	var mu sync.Mutex
	vectors := kerneltest.Echo("vectors")
	vectors.Exports["provider_embeddings"] = kerneltest.Export(func(_ context.Context, q *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
		mu.Lock()
		pieces = append(pieces, len(q.Texts))
		mu.Unlock()
		a := &wit.EmbeddingAnswer{Usage: &wit.Usage{Input: uint64(len(q.Texts))}}
		for _, text := range q.Texts {
			v := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(len(text))))
			a.Embeddings = append(a.Embeddings, wit.Embedding{Vector: binary.LittleEndian.AppendUint32(v, math.Float32bits(float32(q.Dimensions)))})
		}
		if q.Model == "short" {
			a.Embeddings = a.Embeddings[1:]
		}
		return a, nil
	})
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("aaa"), vectors))
	got := posted(t, k, 200, "/v1/embeddings", `{"model":"vectors/small","input":["a","bbb"],"dimensions":2}`)
	if at(got, "object") != "list" || at(got, "model") != "vectors/small" || at(got, "data", 1, "index") != 1.0 || at(got, "usage", "total_tokens") != 2.0 ||
		fmt.Sprint(at(got, "data", 0, "embedding"), at(got, "data", 1, "embedding")) != "[1 2] [3 2]" {
		t.Errorf("%v", got)
	}
	if got := posted(t, k, 200, "/v1/embeddings", `{"model":"small","input":"a","encoding_format":"base64"}`); at(got, "data", 0, "embedding") != "AACAPwAAAAA=" || at(got, "model") != "vectors/small" {
		t.Errorf("%v", got)
	}
	pieces = nil
	many := `["x"` + strings.Repeat(`,"x"`, 69) + `]`
	if got := posted(t, k, 200, "/v1/embeddings", `{"model":"vectors/small","input":`+many+`}`); at(got, "data", 69, "index") != 69.0 || fmt.Sprint(pieces) != "[32 32 6]" {
		t.Errorf("pieces %v", pieces)
	}
	for body, want := range map[string]string{
		`{"input":"a"}`:                                                        "model",
		`{"model":"vectors/m"}`:                                                "input",
		`{"model":"vectors/m","input":[]}`:                                     "input",
		`{"model":"vectors/m","input":[""]}`:                                   "input",
		`{"model":"vectors/m","input":[[1,2]]}`:                                "input",
		`{"model":"vectors/m","input":"a","dimensions":0}`:                     "dimensions",
		`{"model":"vectors/m","input":"a","encoding_format":"int8"}`:           "encoding_format",
		`{"model":"aaa/m","input":"a"}`:                                        "model",
		`{"model":"vectors/m","input":"` + strings.Repeat("x", 300<<10) + `"}`: "input",
	} {
		if got := posted(t, k, 400, "/v1/embeddings", body); at(got, "error", "param") != want || at(got, "error", "type") != "invalid_request_error" {
			t.Errorf("%.80s: %v", body, got)
		}
	}
	posted(t, k, 503, "/v1/embeddings", `{"model":"vectors/short","input":["a","b"]}`)
}

// TestAnswerWishes: what a request asks of its answer reaches a provider that heeds it, and is refused where it would be passed
// over.
func TestAnswerWishes(t *testing.T) {
	t.Parallel()
	var r recorder
	heeding := func(id string, heeds ...wit.ChatWish) plugintest.Fake {
		f := kerneltest.Provider(id, func(ctx context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
			r.note(c)
			return hello(c), nil
		})
		f.Manifest.Provides.Provider.Heeds = heeds
		return f
	}
	k := kerneltest.Start(t, kerneltest.Plugin(heeding("able", wit.ChatWishFormat, wit.ChatWishStop, wit.ChatWishSeed), heeding("plain")))
	ask := func(status int, path, model, more string) map[string]any {
		body := `{"model":"` + model + `","messages":[{"role":"user","content":"hi"}],"input":"hi",` + more + `}`
		return posted(t, k, status, path, body)
	}
	const chat, responses = "/v1/chat/completions", "/v1/responses"
	const schema = `"name":"n","strict":true,"schema":{"type":"object"}`
	for path, more := range map[string]string{
		chat:      `"stop":["A","B"],"seed":7,"n":1,"logprobs":false,"logit_bias":{},"response_format":{"type":"json_schema","json_schema":{` + schema + `}}`,
		responses: `"text":{"format":{"type":"json_schema",` + schema + `}}`,
	} {
		ask(200, path, "able/m", more)
		c := r.last()
		if c.Format == nil || c.Format.Name != "n" || !c.Format.Strict || string(c.Format.Schema) != `{"type":"object"}` {
			t.Errorf("%s: %+v", path, c.Format)
		}
		if path == chat && (fmt.Sprint(c.Stop) != "[A B]" || c.Seed == nil || *c.Seed != 7) {
			t.Errorf("%v %v", c.Stop, c.Seed)
		}
	}
	ask(200, chat, "able/m", `"stop":"A","response_format":{"type":"json_object"}`)
	if c := r.last(); c.Format == nil || len(c.Format.Schema) > 0 || fmt.Sprint(c.Stop) != "[A]" {
		t.Errorf("%+v %v", c.Format, c.Stop)
	}
	ask(200, chat, "plain/m", `"seed":7,"stop":null,"response_format":{"type":"text"}`)
	if c := r.last(); c.Seed != nil {
		t.Errorf("a seed that means nothing there: %v", *c.Seed)
	}
	for more, param := range map[string]any{
		`"response_format":{"type":"json_object"}`: "response_format",
		`"stop":["A"]`:                             "stop",
		`"stop":["A","B","C","D","E"]`:             "stop",
		`"stop":[""]`:                              "stop",
		`"stop":7`:                                 "stop",
		`"n":2`:                                    "n",
		`"logprobs":true`:                          "logprobs",
		`"top_logprobs":2`:                         "top_logprobs",
		`"logit_bias":{"50256":-100}`:              "logit_bias",
		`"modalities":["text","audio"]`:            "modalities",
		`"response_format":{"type":"xml"}`:         "response_format",
		`"response_format":{"type":"json_schema"}`: "response_format.name",
		`"response_format":{"type":"json_schema","json_schema":{"name":"n"}}`: "response_format.json_schema.schema",
	} {
		if got := ask(400, chat, "plain/m", more); at(got, "error", "param") != param || at(got, "error", "type") != "invalid_request_error" {
			t.Errorf("%s: %v", more, got)
		}
	}
}
