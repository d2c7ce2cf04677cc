package ollamatest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ollama/ollama/api"

	"github.com/carapace-gateway/carapace/builtin-plugins/ollama/ollamatest"
)

// TestRealClient is the proof that the server is one that the project's own client takes for Ollama.
func TestRealClient(t *testing.T) {
	s := ollamatest.New()
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	base, err := url.Parse(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := api.NewClient(base, http.DefaultClient)
	ask := func(q *api.ChatRequest) (all api.ChatResponse, err error) {
		err = c.Chat(t.Context(), q, func(r api.ChatResponse) error {
			r.Message.Content, r.Message.Thinking = all.Message.Content+r.Message.Content, all.Message.Thinking+r.Message.Thinking
			r.Message.ToolCalls = append(all.Message.ToolCalls, r.Message.ToolCalls...)
			all = r
			return nil
		})
		return all, err
	}
	s.Play(ollamatest.Answer{Thinking: "a sum", Text: "I count.", Calls: []ollamatest.Call{{ID: "call_1", Name: "calc", Args: `{"expression":"1+1"}`}, {Name: "time", Args: `{}`}}})
	q := &api.ChatRequest{Model: "qwen3:8b", Think: &api.ThinkValue{Value: true}, Messages: []api.Message{{Role: "user", Content: "work it out, please"}}}
	if err := json.Unmarshal([]byte(`[{"type":"function","function":{"name":"calc","parameters":{"type":"object","properties":{"expression":{"type":"string"}}}}}]`), &q.Tools); err != nil {
		t.Fatal(err)
	}
	got, err := ask(q)
	if err != nil || got.Message.Thinking != "a sum" || got.Message.Content != "I count." || !got.Done || got.DoneReason != "stop" || got.PromptEvalCount == 0 || got.EvalCount == 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	calls := got.Message.ToolCalls
	if len(calls) != 2 || calls[0].ID != "call_1" || calls[0].Function.Arguments.String() != `{"expression":"1+1"}` || calls[1].Function.Name != "time" {
		t.Errorf("calls %+v", calls)
	}
	s.Play(ollamatest.Answer{Text: "2"})
	whole := false
	q.Messages, q.Stream = append(q.Messages, got.Message, api.Message{Role: "tool", ToolName: "calc", Content: "2"}), &whole
	if got, err := ask(q); err != nil || got.Message.Content != "2" || !got.Done {
		t.Errorf("%+v, %v", got, err)
	}
	failures(t, s, ask)
	list, err := c.List(t.Context())
	if err != nil || len(list.Models) != len(ollamatest.Models()) || list.Models[0].Name != "qwen3:8b" {
		t.Errorf("%+v, %v", list, err)
	}
	shown, err := c.Show(t.Context(), &api.ShowRequest{Model: "gemma3:4b"})
	if err != nil || shown.Capabilities[1] != "vision" || shown.ModelInfo["f.context_length"] != 131072.0 {
		t.Errorf("%+v, %v", shown, err)
	}
	s.Offer("llama3.2:latest", ollamatest.Pull{Size: 100, Steps: 4})
	var far []string
	err = c.Pull(t.Context(), &api.PullRequest{Model: "llama3.2"}, func(p api.ProgressResponse) error {
		far = append(far, fmt.Sprintf("%s %d/%d", p.Status, p.Completed, p.Total))
		return nil
	})
	if want := "pulling manifest 0/0,pulling 6a0746a1ec1a 25/100,pulling 6a0746a1ec1a 50/100,pulling 6a0746a1ec1a 75/100,pulling 6a0746a1ec1a 100/100,verifying sha256 digest 0/0,writing manifest 0/0,success 0/0"; err != nil || strings.Join(far, ",") != want {
		t.Errorf("%s, %v", strings.Join(far, ","), err)
	}
	if err := c.Pull(t.Context(), &api.PullRequest{Model: "none"}, func(api.ProgressResponse) error { return nil }); err == nil || err.Error() != "pull model manifest: file does not exist" {
		t.Errorf("fetching what there is not: %v", err)
	}
	vectors, err := c.Embed(t.Context(), &api.EmbedRequest{Model: "nomic-embed-text", Input: []string{"a", "bbb"}})
	if err != nil || len(vectors.Embeddings) != 2 || vectors.Embeddings[1][0] != 3 {
		t.Errorf("%+v, %v", vectors, err)
	}
}

// failures: of requests, and in the middle of a stream.
func failures(t *testing.T, s *ollamatest.Server, ask func(*api.ChatRequest) (api.ChatResponse, error)) {
	t.Helper()
	status := func(model string) int {
		_, err := ask(&api.ChatRequest{Model: model, Messages: []api.Message{{Role: "user", Content: "hi"}}})
		var e api.StatusError
		errors.As(err, &e)
		return e.StatusCode
	}
	if got := status("none"); got != 404 {
		t.Errorf("no model: %d", got)
	}
	if got := status("qwen3:8b"); got != 503 {
		t.Errorf("busy: %d", got)
	}
	s.Play(ollamatest.Answer{Text: "I begin", After: 1, Error: "it broke"})
	if _, err := ask(&api.ChatRequest{Model: "qwen3:8b", Messages: []api.Message{{Role: "user", Content: "hi"}}}); err == nil || !strings.Contains(err.Error(), "it broke") {
		t.Errorf("in the stream: %v", err)
	}
}
