package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestEmbeddings: vectors in base64 and as numbers, in any order; and what is no answer.
func TestEmbeddings(t *testing.T) {
	for says, want := range map[string]string{
		`{"data":[{"index":1,"embedding":"AACAPw=="},{"index":0,"embedding":"AAAAQA=="}],"usage":{"prompt_tokens":5}}`: "\x00\x00\x00\x40|\x00\x00\x80\x3f",
		`{"data":[{"embedding":[2]},{"embedding":[1.0]}]}`:                                                             "\x00\x00\x00\x40|\x00\x00\x80\x3f",
		`{"data":[{"index":0,"embedding":[2]},{"index":0,"embedding":[1]}]}`:                                           "",
		`{"data":[{"index":0,"embedding":[2]},{"index":7,"embedding":[1]}]}`:                                           "",
		`{"data":[{"index":0,"embedding":"AAA="},{"index":1,"embedding":[1]}]}`:                                        "",
		`{"data":[]}`: "",
		`{}`:          "",
		`no JSON`:     "",
	} {
		host := &sdktest.Host{Credentials: key, HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var q map[string]any
			if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.URL.Path != "/v1/embeddings" || q["model"] != "m" || q["dimensions"] != 8.0 || q["encoding_format"] != "base64" {
				t.Errorf("%s %v %v", r.URL, q, err)
			}
			_, _ = io.WriteString(w, says)
		})}
		query := &wit.EmbeddingQuery{Model: "m", Texts: []string{"a", "b"}, Dimensions: 8}
		plan, err := openai.New().Embeddings(host.SDK(), query)
		if err != nil {
			t.Fatal(err)
		}
		if query.Response, err = host.Do(plan.Request); err != nil {
			t.Fatal(err)
		}
		answer, err := openai.New().Embeddings(host.SDK(), query)
		var got []string
		if err == nil {
			for _, e := range answer.Embeddings {
				got = append(got, string(e.Vector))
			}
		}
		if strings.Join(got, "|") != want || (want == "") != (wit.CodeOf(err) == wit.CodeUnavailable) {
			t.Errorf("%s: %q %v", says, got, err)
		}
	}
}

// TestWishes: what a chat asks of its answer stands in the request.
func TestWishes(t *testing.T) {
	host := &sdktest.Host{Credentials: key}
	body := func(c *wit.Chat) string {
		plan, err := openai.New().Request(host.SDK(), completions(c))
		if err != nil {
			t.Fatal(err)
		}
		return string(plan.Request.JSON)
	}
	got := body(&wit.Chat{Model: "m", Stop: []string{"END"}, Seed: new(int64(7)), Format: &wit.AnswerFormat{Schema: wit.JSON(`{"type":"object"}`), Name: "n", Strict: true}})
	if want := `"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}},"stop":["END"],"seed":7}`; !strings.HasSuffix(got, want) {
		t.Errorf("%s", got)
	}
	if got := body(&wit.Chat{Model: "m", Format: &wit.AnswerFormat{}}); !strings.HasSuffix(got, `"response_format":{"type":"json_object"}}`) {
		t.Errorf("%s", got)
	}
	if got := body(&wit.Chat{Model: "m"}); strings.Contains(got, "stop") || strings.Contains(got, "seed") || strings.Contains(got, "format") {
		t.Errorf("%s", got)
	}
}
