// Package openai_test drives the gateway with OpenAI's own client libraries, for Go and for Node, as they are published.
package openai_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

// model says what it was told and how many pictures it saw in it, or calls the client's tool weather when it is asked for it.
func model(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
	text, last := kerneltest.Heard(c), c.Turns[len(c.Turns)-1]
	offered := false
	for _, t := range c.Tools {
		offered = offered || t.Name == "weather"
	}
	if offered && last.Role == wit.RoleUser && strings.Contains(text, "weather") {
		return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "call_w", Name: "weather", Args: wit.JSON(`{"city":"Bern"}`)}},
			Stop: new(wit.StopReasonToolCalls), Usage: &wit.Usage{Input: 7, Output: 3}}, nil
	}
	if c.Format != nil {
		return kerneltest.Says(fmt.Sprintf(`{"name":%q,"stop":%q}`, c.Format.Name, strings.Join(c.Stop, "|"))), nil
	}
	pictures := 0
	for _, p := range last.Content {
		if p.Kind == wit.PartKindImage {
			pictures++
		}
	}
	a := kerneltest.Says(fmt.Sprintf("%d turns, %d pictures: %s", len(c.Turns), pictures, text))
	a.Usage = &wit.Usage{Input: 7, Output: 3}
	return a, nil
}

// vectors makes of each text its length, and another number.
func vectors(_ context.Context, q *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	a := &wit.EmbeddingAnswer{Usage: &wit.Usage{Input: uint64(len(q.Texts))}}
	for _, text := range q.Texts {
		v := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(len(text))))
		a.Embeddings = append(a.Embeddings, wit.Embedding{Vector: binary.LittleEndian.AppendUint32(v, math.Float32bits(0.5))})
	}
	return a, nil
}

// start boots a gateway on a port of this machine and returns the API's address.
func start(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	provider := kerneltest.Provider("model", model)
	provider.Manifest.Provides.Provider.Heeds = []wit.ChatWish{wit.ChatWishFormat, wit.ChatWishStop}
	provider.Exports["provider_embeddings"] = kerneltest.Export(vectors)
	kerneltest.Start(t, kerneltest.Plugin(provider), func(o *kernel.Options) { o.Listener = ln })
	return "http://" + ln.Addr().String() + "/v1/"
}

func TestNode(t *testing.T) {
	if _, err := os.Stat("node_modules/openai"); err != nil {
		t.Fatal("the library is not here: npm ci --prefix .ci/openai")
	}
	cmd := exec.CommandContext(t.Context(), "node", "client.mjs", start(t), kerneltest.Token)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func TestGo(t *testing.T) {
	client := openai.NewClient(option.WithBaseURL(start(t)), option.WithAPIKey(kerneltest.Token))
	ctx := t.Context()
	tool := openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "weather", Parameters: shared.FunctionParameters{"type": "object"}})

	t.Run("models", func(t *testing.T) {
		var ids []string
		list := client.Models.ListAutoPaging(ctx)
		for list.Next() {
			ids = append(ids, list.Current().ID)
		}
		if err := list.Err(); err != nil || fmt.Sprint(ids) != "[carapace carapace/main model/model]" {
			t.Fatalf("%v %v", ids, err)
		}
		if m, err := client.Models.Get(ctx, "model/model"); err != nil || m.ID != "model/model" {
			t.Fatalf("%v %v", m, err)
		}
	})
	t.Run("completion and tools", func(t *testing.T) {
		params := openai.ChatCompletionNewParams{Model: "carapace", Tools: []openai.ChatCompletionToolUnionParam{tool},
			Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("Be kind."), openai.UserMessage("the weather?")}}
		got, err := client.Chat.Completions.New(ctx, params)
		if err != nil {
			t.Fatal(err)
		}
		c := got.Choices[0]
		if c.FinishReason != "tool_calls" || len(c.Message.ToolCalls) != 1 || c.Message.ToolCalls[0].Function.Arguments != `{"city":"Bern"}` || got.Usage.TotalTokens != 10 {
			t.Fatalf("%+v", got)
		}
		params.Messages = append(params.Messages, c.Message.ToParam(), openai.ToolMessage("sunny", c.Message.ToolCalls[0].ID))
		if got, err = client.Chat.Completions.New(ctx, params); err != nil || got.Choices[0].Message.Content != "3 turns, 0 pictures: sunny" {
			t.Fatalf("%+v %v", got, err)
		}
	})
	t.Run("stream", func(t *testing.T) {
		stream := client.Chat.Completions.NewStreaming(ctx, openai.ChatCompletionNewParams{Model: "carapace", User: openai.String("ann"),
			Tools: []openai.ChatCompletionToolUnionParam{tool}, StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("the weather?")}})
		acc := openai.ChatCompletionAccumulator{}
		for stream.Next() {
			if !acc.AddChunk(stream.Current()) {
				t.Fatalf("a piece does not fit: %s", stream.Current().RawJSON())
			}
		}
		if err := stream.Err(); err != nil || acc.Choices[0].FinishReason != "tool_calls" || acc.Usage.TotalTokens != 10 ||
			acc.Choices[0].Message.ToolCalls[0].ID != "call_w" || acc.Choices[0].Message.ToolCalls[0].Function.Arguments != `{"city":"Bern"}` {
			t.Fatalf("%+v %v", acc.ChatCompletion, err)
		}
	})
	t.Run("responses", func(t *testing.T) {
		stream := client.Responses.NewStreaming(ctx, responses.ResponseNewParams{Model: "carapace", Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("hi")}})
		text, id := "", ""
		for stream.Next() {
			switch e := stream.Current().AsAny().(type) {
			case responses.ResponseTextDeltaEvent:
				text += e.Delta
			case responses.ResponseCompletedEvent:
				id = e.Response.ID
				if e.Response.OutputText() != text {
					t.Errorf("%q, but %q", e.Response.OutputText(), text)
				}
			}
		}
		if err := stream.Err(); err != nil || text != "1 turns, 0 pictures: hi" {
			t.Fatalf("%q %v", text, err)
		}
		got, err := client.Responses.New(ctx, responses.ResponseNewParams{Model: "carapace", PreviousResponseID: openai.String(id), Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("more")}})
		if err != nil || got.OutputText() != "3 turns, 0 pictures: more" || got.Usage.TotalTokens != 10 {
			t.Fatalf("%+v %v", got, err)
		}
	})
	t.Run("embeddings", func(t *testing.T) {
		got, err := client.Embeddings.New(ctx, openai.EmbeddingNewParams{Model: "model/small", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a", "bbb"}}})
		if err != nil || len(got.Data) != 2 || fmt.Sprint(got.Data[1].Embedding) != "[3 0.5]" || got.Usage.TotalTokens != 2 {
			t.Fatalf("%+v %v", got, err)
		}
	})
	t.Run("errors", func(t *testing.T) {
		_, err := client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{Model: "none/such", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("x")}})
		if e := (*openai.Error)(nil); !errors.As(err, &e) || e.StatusCode != 404 || e.Param != "model" {
			t.Errorf("%v", err)
		}
		stranger := openai.NewClient(option.WithBaseURL(start(t)), option.WithAPIKey("wrong"))
		_, err = stranger.Models.List(ctx)
		if e := (*openai.Error)(nil); !errors.As(err, &e) || e.StatusCode != 401 || e.Code != "invalid_api_key" {
			t.Errorf("%v", err)
		}
	})
}
