// Package bedrock_test drives the Bedrock server of the tests with Amazon's own client library for Go, as it is published:
// what the library accepts, signatures included, the plugin was tested against.
package bedrock_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"

	"github.com/carapace-gateway/carapace/builtin-plugins/bedrock/bedrocktest"
)

const model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"

func client(t *testing.T, secret string, s *bedrocktest.Server) *bedrockruntime.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return bedrockruntime.New(bedrockruntime.Options{
		Region: bedrocktest.Region, BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1, HTTPClient: whole{},
		Credentials: credentials.NewStaticCredentialsProvider(bedrocktest.AccessKey, secret, ""),
	})
}

// whole sends requests whose body is the connection's own. The library closes its body as soon as there is a head of an answer; from a
// server as near as this one that may come while the transport still looks for the body's end, and then it ends the connection.
type whole struct{}

// Do implements bedrockruntime.HTTPClient.
func (whole) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return http.DefaultClient.Do(r)
}

func user(text string) types.Message {
	return types.Message{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: text}}}
}

// TestConversation: the library reads thinking, text, a call and usage of the server's packets, and sends them back.
func TestConversation(t *testing.T) {
	s := bedrocktest.New(
		bedrocktest.Reply{Blocks: []bedrocktest.Output{{Thinking: []string{"I th", "ink."}, Signature: "c2ln"}, {Text: []string{"Let me ", "see."}}, {ID: "t1", Name: "calc", Input: []string{`{"a"`, `:1}`}}}},
		bedrocktest.Says("1"))
	c := client(t, bedrocktest.SecretKey, s)
	in := &bedrockruntime.ConverseStreamInput{ModelId: aws.String(model), Messages: []types.Message{user("hi")}, System: []types.SystemContentBlock{&types.SystemContentBlockMemberText{Value: "be brief"}},
		ToolConfig: &types.ToolConfiguration{Tools: []types.Tool{&types.ToolMemberToolSpec{Value: types.ToolSpecification{Name: aws.String("calc"), InputSchema: &types.ToolInputSchemaMemberJson{Value: document.NewLazyDocument(map[string]any{"type": "object"})}}}}}}
	ask := func() (text, thinking, input string, stop types.StopReason, cached int32) {
		out, err := c.ConverseStream(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		stream := out.GetStream()
		for event := range stream.Events() {
			switch e := event.(type) {
			case *types.ConverseStreamOutputMemberContentBlockDelta:
				switch d := e.Value.Delta.(type) {
				case *types.ContentBlockDeltaMemberText:
					text += d.Value
				case *types.ContentBlockDeltaMemberToolUse:
					input += *d.Value.Input
				case *types.ContentBlockDeltaMemberReasoningContent:
					if r, ok := d.Value.(*types.ReasoningContentBlockDeltaMemberText); ok {
						thinking += r.Value
					}
				}
			case *types.ConverseStreamOutputMemberMessageStop:
				stop = e.Value.StopReason
			case *types.ConverseStreamOutputMemberMetadata:
				cached = *e.Value.Usage.CacheReadInputTokens
			}
		}
		if err := stream.Err(); err != nil {
			t.Fatal(err)
		}
		return text, thinking, input, stop, cached
	}
	text, thinking, input, stop, cached := ask()
	if text != "Let me see." || thinking != "I think." || input != `{"a":1}` || stop != types.StopReasonToolUse || cached != 70 {
		t.Fatalf("%q %q %q %s %d", text, thinking, input, stop, cached)
	}
	in.Messages = append(in.Messages, types.Message{Role: types.ConversationRoleAssistant, Content: []types.ContentBlock{
		&types.ContentBlockMemberReasoningContent{Value: &types.ReasoningContentBlockMemberReasoningText{Value: types.ReasoningTextBlock{Text: aws.String(thinking), Signature: aws.String("c2ln")}}},
		&types.ContentBlockMemberText{Value: text},
		&types.ContentBlockMemberToolUse{Value: types.ToolUseBlock{ToolUseId: aws.String("t1"), Name: aws.String("calc"), Input: document.NewLazyDocument(map[string]any{"a": 1})}},
	}}, types.Message{Role: types.ConversationRoleUser, Content: []types.ContentBlock{
		&types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{ToolUseId: aws.String("t1"), Content: []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberText{Value: "1"}}}},
	}})
	if text, _, _, _, _ := ask(); text != "1" {
		t.Errorf("%q", text)
	}
}

// TestDocument: a document goes with a text, or the server refuses it as the API does.
func TestDocument(t *testing.T) {
	s := bedrocktest.New(bedrocktest.Says("A page."))
	c := client(t, bedrocktest.SecretKey, s)
	page := &types.ContentBlockMemberDocument{Value: types.DocumentBlock{
		Format: types.DocumentFormatPdf, Name: aws.String("document 1"), Source: &types.DocumentSourceMemberBytes{Value: []byte("%PDF")},
	}}
	in := &bedrockruntime.ConverseStreamInput{ModelId: aws.String(model), Messages: []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{page}}}}
	var refused *types.ValidationException
	if _, err := c.ConverseStream(t.Context(), in); !errors.As(err, &refused) {
		t.Errorf("a document alone: %v", err)
	}
	in.Messages[0].Content = append(in.Messages[0].Content, &types.ContentBlockMemberText{Value: "what is this?"})
	out, err := c.ConverseStream(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	defer out.GetStream().Close()
	if b := s.Requests()[0].Parsed.Messages[0].Content[0]; b.Document == nil || b.Document.Format != "pdf" || string(b.Document.Source.Bytes) != "%PDF" {
		t.Errorf("the server saw %+v", b)
	}
}

// TestErrors are what the library makes of the server's.
func TestErrors(t *testing.T) {
	ask := func(secret string, reply bedrocktest.Reply) error {
		out, err := client(t, secret, bedrocktest.New(reply)).ConverseStream(t.Context(), &bedrockruntime.ConverseStreamInput{ModelId: aws.String(model), Messages: []types.Message{user("hi")}})
		if err != nil {
			return err
		}
		for range out.GetStream().Events() {
		}
		return out.GetStream().Err()
	}
	var e smithy.APIError
	if err := ask("wrong", bedrocktest.Says("x")); !errors.As(err, &e) || e.ErrorCode() != "InvalidSignatureException" {
		t.Errorf("a wrong secret: %v", err)
	}
	var throttled *types.ThrottlingException
	if err := ask(bedrocktest.SecretKey, bedrocktest.Reply{Status: 429, Kind: "ThrottlingException", Message: "slow"}); !errors.As(err, &throttled) {
		t.Errorf("throttled: %v", err)
	}
	if err := ask(bedrocktest.SecretKey, bedrocktest.Reply{Blocks: []bedrocktest.Output{{Text: []string{"x"}}}, Kind: "throttlingException", Message: "slow"}); !errors.As(err, &throttled) {
		t.Errorf("throttled in the stream: %v", err)
	}
}
