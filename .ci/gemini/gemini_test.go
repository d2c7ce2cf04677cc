// Package gemini_test drives the Gemini API server of the tests with Google's own client library for Go, as it is
// published: what the library accepts, the plugin was tested against.
package gemini_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/genai"

	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
)

type parts = []geminitest.Part

// client is the library's, for a server of this script.
func client(t *testing.T, key string, s *geminitest.Server) *genai.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := genai.NewClient(t.Context(), &genai.ClientConfig{APIKey: key, Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// config has tools, safety settings and thoughts.
func config() *genai.GenerateContentConfig {
	return &genai.GenerateContentConfig{
		SystemInstruction: genai.NewContentFromText("be brief", genai.RoleUser),
		Tools: []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{{Name: "calc", Description: "sums", Parameters: &genai.Schema{
			Type: genai.TypeObject, Properties: map[string]*genai.Schema{"expression": {Type: genai.TypeString}}, Required: []string{"expression"},
		}}}}},
		SafetySettings: []*genai.SafetySetting{{Category: genai.HarmCategoryHarassment, Threshold: genai.HarmBlockThresholdBlockNone}},
		ThinkingConfig: &genai.ThinkingConfig{IncludeThoughts: true, ThinkingLevel: genai.ThinkingLevelHigh},
		StopSequences:  []string{"END"}, Seed: genai.Ptr[int32](7), Temperature: genai.Ptr[float32](0.5), MaxOutputTokens: 99,
	}
}

// TestConversation: the library's own chat streams thoughts, text and calls, and sends all of it back, which the server
// checks as it checks the plugin.
func TestConversation(t *testing.T) {
	s := geminitest.New(
		geminitest.Streams("STOP", parts{geminitest.Thought("hm")}, parts{geminitest.Text("I look. ")},
			parts{geminitest.Signed(geminitest.Call("c1", "calc", `{"expression":"6*7"}`), "c2lnbmVk"), geminitest.Call("c2", "calc", `{"expression":"1+1"}`)}),
		geminitest.Streams("STOP", parts{geminitest.Text("42")}, parts{geminitest.Signed(geminitest.Text("!"), "ZW5k")}),
		geminitest.Says("Bye."))
	chat, err := client(t, geminitest.Key, s).Chats.Create(t.Context(), "gemini-3-pro-preview", config(), nil)
	if err != nil {
		t.Fatal(err)
	}
	say := func(parts ...genai.Part) (text, thought string, calls []*genai.FunctionCall) {
		for r, err := range chat.SendMessageStream(t.Context(), parts...) {
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range r.Candidates[0].Content.Parts {
				switch {
				case p.FunctionCall != nil:
					calls = append(calls, p.FunctionCall)
				case p.Thought:
					thought += p.Text
				default:
					text += p.Text
				}
			}
			if u := r.UsageMetadata; u.PromptTokenCount != 100 || u.CachedContentTokenCount != 80 || u.ThoughtsTokenCount != 20 {
				t.Errorf("usage %+v", u)
			}
		}
		return text, thought, calls
	}
	text, thought, calls := say(genai.Part{Text: "6*7?"})
	if text != "I look. " || thought != "hm" || len(calls) != 2 || calls[0].ID != "c1" || calls[1].Args["expression"] != "1+1" {
		t.Fatalf("%q %q %+v", text, thought, calls)
	}
	var results []genai.Part
	for _, c := range calls {
		results = append(results, genai.Part{FunctionResponse: &genai.FunctionResponse{ID: c.ID, Name: c.Name, Response: map[string]any{"output": "42"}}})
	}
	if text, _, _ := say(results...); text != "42!" {
		t.Errorf("%q", text)
	}
	if text, _, _ := say(genai.Part{Text: "thanks"}); text != "Bye." {
		t.Errorf("%q", text)
	}
	if got := s.Requests(); len(got) != 3 || got[0].Model != "gemini-3-pro-preview" {
		t.Errorf("%d requests", len(got))
	}
}

// TestWhole: an answer that is not streamed, with a picture and a document in the question.
func TestWhole(t *testing.T) {
	s := geminitest.New(geminitest.Says("A ", "dot."))
	content := genai.NewContentFromParts([]*genai.Part{genai.NewPartFromText("what is this?"), genai.NewPartFromBytes([]byte("dot"), "image/png"), genai.NewPartFromBytes([]byte("%PDF"), "application/pdf")}, genai.RoleUser)
	r, err := client(t, geminitest.Key, s).Models.GenerateContent(t.Context(), "gemini-2.5-flash", []*genai.Content{content}, nil)
	if err != nil || r.Text() != "A dot." || r.Candidates[0].FinishReason != genai.FinishReasonStop {
		t.Fatalf("%+v, %v", r, err)
	}
	if p := s.Requests()[0].Parsed.Contents[0].Parts[1]; p.InlineData == nil || string(p.InlineData.Data) != "dot" {
		t.Errorf("the server saw %+v", p)
	}
	if p := s.Requests()[0].Parsed.Contents[0].Parts[2]; p.InlineData == nil || p.InlineData.MimeType != "application/pdf" || string(p.InlineData.Data) != "%PDF" {
		t.Errorf("the server saw %+v", p)
	}
}

// TestErrors are what the library makes of the server's.
func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		key, model string
		reply      geminitest.Reply
		code       int
		status     string
	}{
		"bad key":  {"AIza-wrong", "gemini-2.5-flash", geminitest.Says("x"), 400, "INVALID_ARGUMENT"},
		"no model": {geminitest.Key, "gemini-9", geminitest.Says("x"), 404, "NOT_FOUND"},
		"busy":     {geminitest.Key, "gemini-2.5-flash", geminitest.Busy("GenerateRequestsPerMinutePerProjectPerModel", 34), 429, "RESOURCE_EXHAUSTED"},
		"down":     {geminitest.Key, "gemini-2.5-flash", geminitest.Fails(503, "UNAVAILABLE", "The model is overloaded."), 503, "UNAVAILABLE"},
	} {
		var err error
		for _, err = range client(t, c.key, geminitest.New(c.reply)).Models.GenerateContentStream(t.Context(), c.model, genai.Text("hi"), nil) {
		}
		var e genai.APIError
		if !errors.As(err, &e) || e.Code != c.code || e.Status != c.status {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBlocked: what the filter stops has its reason where the library looks for it.
func TestBlocked(t *testing.T) {
	r, err := client(t, geminitest.Key, geminitest.New(geminitest.Blocks("SAFETY"))).Models.GenerateContent(t.Context(), "gemini-2.5-flash", genai.Text("hi"), nil)
	if err != nil || r.PromptFeedback == nil || r.PromptFeedback.BlockReason != genai.BlockedReasonSafety {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestModels are listed page by page.
func TestModels(t *testing.T) {
	c := client(t, geminitest.Key, geminitest.New())
	var names []string
	page, err := c.Models.List(context.Background(), &genai.ListModelsConfig{PageSize: 2})
	for err == nil {
		for _, m := range page.Items {
			names = append(names, strings.TrimPrefix(m.Name, "models/"))
		}
		page, err = page.Next(context.Background())
	}
	if !errors.Is(err, genai.ErrPageDone) || len(names) != 11 || names[2] != "gemini-2.5-pro" {
		t.Errorf("%q, %v", names, err)
	}
	m, err := c.Models.Get(t.Context(), "gemini-2.5-pro", nil)
	if err != nil || m.InputTokenLimit != 1<<20 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestEmbeddings: a vector for each text.
func TestEmbeddings(t *testing.T) {
	c := client(t, geminitest.Key, geminitest.New())
	r, err := c.Models.EmbedContent(t.Context(), "gemini-embedding-001", []*genai.Content{genai.NewContentFromText("a", genai.RoleUser), genai.NewContentFromText("b", genai.RoleUser)},
		&genai.EmbedContentConfig{OutputDimensionality: genai.Ptr[int32](8)})
	if err != nil || len(r.Embeddings) != 2 || len(r.Embeddings[0].Values) != 8 {
		t.Errorf("%+v, %v", r, err)
	}
}
