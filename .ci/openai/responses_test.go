package openai_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai/openaitest"
)

// library is OpenAI's client for the test server that the plugin openai was tested against.
func library(t *testing.T, key string, s *openaitest.Server) openai.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return openai.NewClient(option.WithAPIKey(key), option.WithBaseURL(server.URL+"/v1"), option.WithMaxRetries(0))
}

// TestTheServerOfResponses: OpenAI's own library reads what the test server of the Responses API streams, and sends back
// what it was sent, which the server checks as it checks the plugin.
func TestTheServerOfResponses(t *testing.T) {
	s := openaitest.New(
		openaitest.Reply{Output: []openaitest.Output{
			{Summary: []string{"I think."}, Encrypted: "b25l"}, {Text: []string{"I ", "look."}},
			{CallID: "c1", Name: "calc", Arguments: []string{`{"a":`, `1}`}},
		}},
		openaitest.Says("It is 1."))
	c := library(t, openaitest.Key, s)
	input := responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage("hi", responses.EasyInputMessageRoleUser)}
	ask := func() (response responses.Response, text, thinking, arguments string) {
		stream := c.Responses.NewStreaming(t.Context(), responses.ResponseNewParams{
			Model: "gpt-5.1", Instructions: openai.String("be brief"), Store: openai.Bool(false), Input: responses.ResponseNewParamsInputUnion{OfInputItemList: input},
			Include: []responses.ResponseIncludable{responses.ResponseIncludableReasoningEncryptedContent}, Reasoning: shared.ReasoningParam{Effort: shared.ReasoningEffortLow},
		})
		for stream.Next() {
			switch e := stream.Current().AsAny().(type) {
			case responses.ResponseTextDeltaEvent:
				text += e.Delta
			case responses.ResponseReasoningSummaryTextDeltaEvent:
				thinking += e.Delta
			case responses.ResponseFunctionCallArgumentsDeltaEvent:
				arguments += e.Delta
			case responses.ResponseCompletedEvent:
				response = e.Response
			}
		}
		if err := stream.Err(); err != nil {
			t.Fatal(err)
		}
		return response, text, thinking, arguments
	}
	response, text, thinking, arguments := ask()
	if text != "I look." || thinking != "I think." || arguments != `{"a":1}` || response.Usage.InputTokensDetails.CachedTokens != 80 || response.Status != responses.ResponseStatusCompleted {
		t.Fatalf("%q %q %q %+v", text, thinking, arguments, response)
	}
	for _, item := range response.Output {
		switch item := item.AsAny().(type) {
		case responses.ResponseReasoningItem:
			p := item.ToParam()
			p.EncryptedContent = param.NewOpt(item.EncryptedContent)
			input = append(input, responses.ResponseInputItemUnionParam{OfReasoning: &p})
		case responses.ResponseOutputMessage:
			p := item.ToParam()
			input = append(input, responses.ResponseInputItemUnionParam{OfOutputMessage: &p})
		case responses.ResponseFunctionToolCall:
			p := item.ToParam()
			result := responses.ResponseInputItemParamOfFunctionCallOutput("1")
			result.OfFunctionCallOutput.CallID = param.NewOpt(item.CallID)
			input = append(input, responses.ResponseInputItemUnionParam{OfFunctionCall: &p}, result)
		}
	}
	if _, text, _, _ := ask(); text != "It is 1." {
		t.Errorf("%q", text)
	}
}

// TestTheServerOfResponsesWhole: an answer that is not streamed, and errors.
func TestTheServerOfResponsesWhole(t *testing.T) {
	ask := func(key string, reply openaitest.Reply) (*responses.Response, error) {
		c := library(t, key, openaitest.New(reply))
		return c.Responses.New(t.Context(), responses.ResponseNewParams{Model: "gpt-4.1", Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("hi")}})
	}
	r, err := ask(openaitest.Key, openaitest.Says("Hel", "lo"))
	if err != nil || r.OutputText() != "Hello" {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = ask(openaitest.Key, openaitest.Reply{Output: []openaitest.Output{{Text: []string{"Hel"}}}, Incomplete: "max_output_tokens"})
	if err != nil || r.IncompleteDetails.Reason != "max_output_tokens" {
		t.Errorf("%+v, %v", r, err)
	}
	var e *openai.Error
	if _, err := ask("sk-wrong", openaitest.Says("x")); !errors.As(err, &e) || e.StatusCode != 401 || e.Code != "invalid_api_key" {
		t.Errorf("a bad key: %v", err)
	}
	if _, err := ask(openaitest.Key, openaitest.Reply{Status: 429, Code: "rate_limit_exceeded", Message: "slow"}); !errors.As(err, &e) || e.StatusCode != 429 {
		t.Errorf("a limit: %v", err)
	}
}

// TestTheServerIsShownADocument: what the library makes of a picture and a PDF is taken, and a PDF that is none is refused.
func TestTheServerIsShownADocument(t *testing.T) {
	c := library(t, openaitest.Key, openaitest.New(openaitest.Says("A page."), openaitest.Says("A page.")))
	for data, taken := range map[string]bool{"JVBERi0xLjQKJeLjz9MKdHJhaWxlcjw8Pj4KJSVFT0YK": true, "bm90aGluZw==": false} {
		file := responses.ResponseInputContentUnionParam{OfInputFile: &responses.ResponseInputFileParam{
			Filename: openai.String("page.pdf"), FileData: openai.String("data:application/pdf;base64," + data)}}
		picture := responses.ResponseInputContentUnionParam{OfInputImage: &responses.ResponseInputImageParam{
			Detail: responses.ResponseInputImageDetailAuto, ImageURL: openai.String("https://example.org/dot.png")}}
		r, err := c.Responses.New(t.Context(), responses.ResponseNewParams{Model: "gpt-4.1", Input: responses.ResponseNewParamsInputUnion{OfInputItemList: responses.ResponseInputParam{
			responses.ResponseInputItemParamOfMessage(responses.ResponseInputMessageContentListParam{responses.ResponseInputContentParamOfInputText("what is it?"), picture, file}, responses.EasyInputMessageRoleUser),
		}}})
		if refused := (*openai.Error)(nil); taken && (err != nil || r.OutputText() != "A page.") || !taken && (!errors.As(err, &refused) || refused.StatusCode != 400) {
			t.Errorf("%s: %v", data, err)
		}
	}
}
