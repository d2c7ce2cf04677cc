package anthropictest_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/anthropictest"
)

// client is the vendor's own, pointed at a server.
func client(t *testing.T, s *anthropictest.Server, options ...option.RequestOption) anthropic.Client {
	t.Helper()
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return anthropic.NewClient(append([]option.RequestOption{option.WithBaseURL(web.URL), option.WithAPIKey("sk-test"), option.WithMaxRetries(0)}, options...)...)
}

func ask(text string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: anthropic.ModelClaudeSonnet5_5, MaxTokens: 1024,
		System:   []anthropic.TextBlockParam{{Text: "Be brief.", CacheControl: anthropic.NewCacheControlEphemeralParam()}},
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))},
		Thinking: anthropic.ThinkingConfigParamUnion{OfAdaptive: &anthropic.ThinkingConfigAdaptiveParam{Display: "summarized"}},
		Tools: []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{
			Name: "calc", InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{"expression": map[string]any{"type": "string"}}},
		}}},
	}
}

// TestRealClient is the proof that the server is one that the vendor's own client takes for the API: a stream with thinking and
// two calls, and what follows their results.
func TestRealClient(t *testing.T) {
	s := anthropictest.New("sk-test")
	c := client(t, s)
	s.Play(
		anthropictest.Answer{Blocks: []anthropictest.Block{
			anthropictest.Thinking("two sums"), anthropictest.Redacted("b2s="), anthropictest.Text("I count 😀."),
			anthropictest.Call("toolu_1", "calc", `{"expression":"1+1"}`), anthropictest.Call("toolu_2", "calc", `{"expression":"2+2"}`),
		}},
		anthropictest.Answer{Blocks: []anthropictest.Block{anthropictest.Text("2 and 4")}},
	)
	q := ask("work it out")
	stream := c.Messages.NewStreaming(t.Context(), q)
	var m anthropic.Message
	for stream.Next() {
		if err := m.Accumulate(stream.Current()); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if len(m.Content) != 5 || m.StopReason != anthropic.StopReasonToolUse || m.Content[0].Thinking != "two sums" || m.Content[2].Text != "I count 😀." {
		t.Fatalf("%+v", m)
	}
	var input struct{ Expression string }
	if err := json.Unmarshal(m.Content[4].Input, &input); err != nil || input.Expression != "2+2" || m.Usage.CacheCreationInputTokens == 0 {
		t.Errorf("%+v %v %+v", input, err, m.Usage)
	}
	q.Messages = append(q.Messages, m.ToParam(), anthropic.NewUserMessage(
		anthropic.NewToolResultBlock("toolu_1", "2", false), anthropic.NewToolResultBlock("toolu_2", "4", false)))
	next, err := c.Messages.New(t.Context(), q)
	if err != nil || next.Content[0].Text != "2 and 4" || next.StopReason != anthropic.StopReasonEndTurn || next.Usage.CacheReadInputTokens == 0 {
		t.Errorf("%+v, %v", next, err)
	}
	// Thinking that has been changed is refused.
	q.Messages[1].Content[0].OfThinking.Thinking = "three sums"
	var e *anthropic.Error
	if _, err = c.Messages.New(t.Context(), q); !errors.As(err, &e) || e.StatusCode != 400 {
		t.Errorf("changed thinking: %v", err)
	}
}

// TestRealClientReadsFailures: of requests, and in the middle of a stream; and the list of models, page by page.
func TestRealClientReadsFailures(t *testing.T) {
	s := anthropictest.New("sk-test")
	c := client(t, s)
	status := func(err error) int {
		var e *anthropic.Error
		if !errors.As(err, &e) {
			return 0
		}
		return e.StatusCode
	}
	if _, err := c.Messages.New(t.Context(), ask("hi")); status(err) != 529 {
		t.Errorf("overloaded: %v", err)
	}
	s.Play(anthropictest.Answer{Status: 429, Kind: "rate_limit_error", Message: "slow down", Header: map[string]string{"retry-after": "7"}})
	if _, err := c.Messages.New(t.Context(), ask("hi")); status(err) != 429 {
		t.Errorf("slow down: %v", err)
	}
	q := ask("hi")
	q.Model = "claude-none"
	if _, err := c.Messages.New(t.Context(), q); status(err) != 404 {
		t.Errorf("no model: %v", err)
	}
	if _, err := c.Messages.New(t.Context(), ask(" ")); status(err) != 400 {
		t.Errorf("blank: %v", err)
	}
	stranger := client(t, s, option.WithAPIKey("sk-wrong"))
	if _, err := stranger.Messages.New(t.Context(), ask("hi")); status(err) != 401 {
		t.Errorf("bad key: %v", err)
	}
	s.Play(anthropictest.Answer{Blocks: []anthropictest.Block{anthropictest.Text("I begin")}, After: 4, Kind: "overloaded_error", Message: "Overloaded"})
	stream := c.Messages.NewStreaming(t.Context(), ask("hi"))
	for stream.Next() {
	}
	if stream.Err() == nil {
		t.Error("the stream had no failure in it")
	}
	s.Serve(2, anthropictest.Models()...)
	var ids []string
	pages := c.Models.ListAutoPaging(t.Context(), anthropic.ModelListParams{})
	for pages.Next() {
		m := pages.Current()
		if ids = append(ids, m.ID); m.MaxInputTokens == 0 || !m.Capabilities.ImageInput.Supported {
			t.Errorf("%+v", m)
		}
	}
	if err := pages.Err(); err != nil || len(ids) != len(anthropictest.Models()) {
		t.Errorf("%q, %v", ids, err)
	}
}
