package ollama_test

import (
	stdjson "encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/ollama"
	"github.com/carapace-gateway/carapace/builtin-plugins/ollama/ollamatest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, ollama.New(), "testdata/*.jsonl") }

const home = `{"baseUrl":"http://home:11434"}`

func text(s string) wit.Part { return wit.Part{Kind: wit.PartKindText, Text: &s} }

// says is a turn of words.
func says(role wit.Role, words ...string) wit.ChatTurn {
	turn := wit.ChatTurn{Role: role}
	for _, w := range words {
		turn.Content = append(turn.Content, text(w))
	}
	return turn
}

// result is a turn of a tool.
func result(id, words string) wit.ChatTurn {
	turn := says(wit.RoleTool, words)
	turn.ToolCallID = &id
	return turn
}

func plan(t *testing.T, chat *wit.Chat) *wit.ProviderPlan {
	t.Helper()
	if chat.Config == nil {
		chat.Config = wit.JSON(home)
	}
	plan, err := ollama.New().Request((&sdktest.Host{}).SDK(), chat)
	if err != nil {
		t.Fatal(err)
	}
	if !stdjson.Valid(plan.Request.JSON) || plan.Framing != wit.FramingNDJSON {
		t.Fatalf("%s", plan.Request.JSON)
	}
	return plan
}

func TestRequest(t *testing.T) {
	asks := says(wit.RoleAssistant, "I count.")
	asks.Thinking, asks.Opaque = "a sum", wit.JSON(`{"thinking":true}`)
	asks.ToolCalls = []wit.ToolCall{{ID: "c1", Name: "calc", Args: wit.JSON(`{"expression":"1+1"}`)}, {ID: "c2", Name: "a.b", Args: wit.JSON(`"{oops"`)}}
	p := plan(t, &wit.Chat{
		Model: "qwen3:8b", System: "be brief", MaxTokens: 99, Temperature: new(0.5), Seed: new(int64(7)), Stop: []string{"END"},
		Config: wit.JSON(`{"baseUrl":"http://home:11434/api/","keepAlive":"-1","contextLength":8192,"options":{"num_ctx":4,"top_p":0.9}}`),
		Tools:  []wit.ToolSpec{{Name: "calc", Description: "sums", Parameters: wit.JSON(`{"$schema":"x","type":"object","properties":{"expression":{"type":"string"},"any":true}}`)}, {Name: "a.b"}},
		Turns:  []wit.ChatTurn{says(wit.RoleUser, "one"), says(wit.RoleUser, "two", "three"), asks, result("c1", "2"), result("c2", "no"), says(wit.RoleUser, "and?")},
	})
	if p.Request.URL != "http://home:11434/api/chat" || p.Request.Timeout != 600_000 || !strings.Contains(string(p.State), `"a.b"`) {
		t.Errorf("%+v, %s", p.Request, p.State)
	}
	other := strings.Split(strings.SplitAfter(string(p.State), `{"names":{"`)[1], `"`)[0]
	want := `{"model":"qwen3:8b","stream":true,"keep_alive":-1,"options":{"num_predict":99,"temperature":0.5,"seed":7,"stop":["END"],"num_ctx":8192,"top_p":0.9},` +
		`"tools":[{"type":"function","function":{"name":"calc","description":"sums","parameters":{"type":"object","properties":{"expression":{"type":"string"},"any":{}}}}},` +
		`{"type":"function","function":{"name":"` + other + `","description":"","parameters":{"type":"object","properties":{}}}}],` +
		`"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"one\ntwo\nthree"},` +
		`{"role":"assistant","content":"I count.","thinking":"a sum","tool_calls":[{"id":"c1","function":{"index":0,"name":"calc","arguments":{"expression":"1+1"}}},` +
		`{"id":"c2","function":{"index":1,"name":"` + other + `","arguments":{"unreadable":"{oops"}}}]},` +
		`{"role":"tool","tool_name":"calc","tool_call_id":"c1","content":"2"},{"role":"tool","tool_name":"` + other + `","tool_call_id":"c2","content":"no"},{"role":"user","content":"and?"}]}`
	if got := string(p.Request.JSON); got != want {
		t.Errorf("the body is\n%s\nwant\n%s", got, want)
	}
}

// TestTheBeginningStays: from turn to turn a request begins with the same bytes.
func TestTheBeginningStays(t *testing.T) {
	chat := &wit.Chat{Model: "qwen3:8b", System: "s", Tools: []wit.ToolSpec{{Name: "calc"}}}
	before := ""
	for range 4 {
		chat.Turns = append(chat.Turns, says(wit.RoleUser, "question"))
		got := strings.TrimSuffix(string(plan(t, chat).Request.JSON), "]}")
		if !strings.HasPrefix(got, before) {
			t.Fatalf("%s does not begin with %s", got, before)
		}
		before = got
		asks := says(wit.RoleAssistant, "I count")
		asks.ToolCalls = []wit.ToolCall{{ID: "a", Name: "calc"}}
		chat.Turns = append(chat.Turns, asks, result("a", "1"), says(wit.RoleAssistant, "one"))
	}
}

func TestThinkingFormatsAndPictures(t *testing.T) {
	for name, c := range map[string]struct {
		chat wit.Chat
		want string
		not  string
	}{
		"think":           {wit.Chat{Model: "qwen3", Thinking: "high"}, ``, `"think"`},
		"off":             {wit.Chat{Model: "qwen3", Thinking: "off"}, `"think":false`, ``},
		"gpt-oss":         {wit.Chat{Model: "gpt-oss:20b", Thinking: "high"}, `"think":"high"`, ``},
		"qwen3.8":         {wit.Chat{Model: "qwen3.8:27b", Thinking: "low"}, `"think":"low"`, ``},
		"qwen3.8, off":    {wit.Chat{Model: "qwen3.8:27b", Thinking: "off"}, `"think":false`, ``},
		"gpt-oss, off":    {wit.Chat{Model: "gpt-oss:20b", Thinking: "off"}, `"think":"low"`, ``},
		"gpt-oss, at all": {wit.Chat{Model: "gpt-oss:20b"}, ``, `"think"`},
		"schema":          {wit.Chat{Model: "m", Format: &wit.AnswerFormat{Schema: wit.JSON(`{"type":"object"}`)}}, `"format":{"type":"object"}`, ``},
		"any JSON":        {wit.Chat{Model: "m", Format: &wit.AnswerFormat{}}, `"format":"json"`, ``},
		"at home":         {wit.Chat{Model: "m"}, `"options":{"num_ctx":16384}`, ``},
		"elsewhere":       {wit.Chat{Model: "gpt-oss:120b-cloud"}, `"options":{}`, `num_ctx`},
		"the model":       {wit.Chat{Config: wit.JSON(`{"baseUrl":"http://home","model":"own","keepAlive":"10m"}`)}, `"model":"own","stream":true,"keep_alive":"10m"`, ``},
		"other thinking":  {wit.Chat{Model: "m", Turns: []wit.ChatTurn{{Role: wit.RoleAssistant, Thinking: "of somebody else"}}}, `"role":"assistant"`, "somebody"},
	} {
		got := string(plan(t, &c.chat).Request.JSON)
		if !strings.Contains(got, c.want) || c.not != "" && strings.Contains(got, c.not) {
			t.Errorf("%s: %s", name, got)
		}
	}
	image := func(media string) wit.Part { return wit.Part{Kind: wit.PartKindImage, Media: &media} }
	p := plan(t, &wit.Chat{Model: "m", Turns: []wit.ChatTurn{
		{Role: wit.RoleUser, Content: []wit.Part{text("look"), image("m1"), image("https://example.org/cat.png"), image("data:image/png;base64,AAAA"), image("m2")}},
		{Role: wit.RoleAssistant, Content: []wit.Part{image("m3")}, ToolCalls: []wit.ToolCall{{ID: "c", Name: "draw"}}},
		{Role: wit.RoleTool, ToolCallID: new("c"), Content: []wit.Part{text("a boat"), image("m4")}},
	}})
	want := `"messages":[{"role":"user","content":"look\n[image]","images":["{{media:m1}}","AAAA","{{media:m2}}"]},{"role":"assistant","content":"[image]","tool_calls":[{"id":"c","function":{"index":0,"name":"draw","arguments":{}}}]},` +
		`{"role":"tool","tool_name":"draw","tool_call_id":"c","content":"a boat","images":["{{media:m4}}"]}]}`
	if got := string(p.Request.JSON); !strings.HasSuffix(got, want) || strings.Join(p.Request.Embed, " ") != "m1 m2 m4" {
		t.Errorf("%s, %q", got, p.Request.Embed)
	}
}

func TestWhoAsks(t *testing.T) {
	for name, c := range map[string]struct {
		credentials map[string]string
		config      string
		code        wit.Code
		header      string
	}{
		"at home":         {nil, home, "", ""},
		"a key":           {map[string]string{"api_key": "k"}, home, "", "Bearer {{credential:api_key}}"},
		"no server":       {nil, ``, wit.CodeInvalid, ""},
		"no address":      {nil, `{"baseUrl":"home"}`, wit.CodeInvalid, ""},
		"another API":     {nil, `{"baseUrl":"http://home:11434/v1/"}`, wit.CodeInvalid, ""},
		"no JSON":         {nil, `[`, wit.CodeInvalid, ""},
		"cloud, no key":   {nil, `{"baseUrl":"https://ollama.com/api"}`, wit.CodeUnauthorized, ""},
		"cloud and a key": {map[string]string{"api_key": "k"}, `{"baseUrl":"https://ollama.com"}`, "", "Bearer {{credential:api_key}}"},
	} {
		p, err := ollama.New().Request((&sdktest.Host{Credentials: c.credentials}).SDK(), &wit.Chat{Model: "m", Config: wit.JSON(c.config)})
		if wit.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
			continue
		}
		if err == nil && c.header != "" && (len(p.Request.Headers) == 0 || p.Request.Headers[0].Value != c.header) {
			t.Errorf("%s: %+v", name, p.Request.Headers)
		}
	}
}

func TestModels(t *testing.T) {
	s := ollamatest.New()
	host := &sdktest.Host{HTTP: s}
	list := func(config string) (models []wit.Model, err error) {
		query := &wit.ModelsQuery{Config: wit.JSON(config)}
		for {
			answer, err := ollama.New().Models(host.SDK(), query)
			if err != nil {
				return nil, err
			}
			models = append(models, answer.Models...)
			if answer.Request == nil {
				return models, nil
			}
			query.State = answer.State
			if query.Response, err = host.Do(answer.Request); err != nil {
				t.Fatal(err)
			}
		}
	}
	models, err := list(home)
	want := []wit.Model{
		{ID: "qwen3:8b", Name: "qwen3:8b (8.2B)", ContextWindow: 16384, Tools: true, Reasoning: true},
		{ID: "gemma3:4b", Name: "gemma3:4b (4.3B)", ContextWindow: 16384, Images: true},
		{ID: "llava:latest", Name: "llava (7B)", ContextWindow: 4096, Images: true, Tools: true},
	}
	if err != nil || !slices.Equal(models, want) {
		t.Errorf("%+v, %v", models, err)
	}
	s.Ask("k")
	if _, err := list(home); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("without a key: %v", err)
	}
	for body, c := range map[string]struct {
		code wit.Code
		n    int
	}{`{"models":[]}`: {"", 0}, `<html>`: {wit.CodeUnavailable, 0}, `{"models":[` + strings.Repeat(`{"name":"m"},`, 99) + `{"name":"n"}]}`: {"", 40}} {
		answer, err := ollama.New().Models(host.SDK(), &wit.ModelsQuery{Config: wit.JSON(home), Response: &wit.HTTPResponse{Status: 200, Text: &body}})
		if wit.CodeOf(err) != c.code || err == nil && len(answer.Models) != c.n {
			t.Errorf("%.40s: %+v, %v", body, answer, err)
		}
	}
	broken := "oh"
	answer, err := ollama.New().Models(host.SDK(), &wit.ModelsQuery{Config: wit.JSON(home), State: wit.JSON(`["m"]`), Response: &wit.HTTPResponse{Status: 500, Text: &broken}})
	if err != nil || len(answer.Models) != 1 || !answer.Models[0].Tools {
		t.Errorf("a model that cannot be shown: %+v, %v", answer, err)
	}
}

func TestEmbeddings(t *testing.T) {
	host := &sdktest.Host{HTTP: ollamatest.New()}
	ask := func(model string) (*wit.EmbeddingAnswer, error) {
		query := &wit.EmbeddingQuery{Model: model, Texts: []string{"a", "bb"}, Dimensions: 2, Config: wit.JSON(home)}
		answer, err := ollama.New().Embeddings(host.SDK(), query)
		if err != nil {
			t.Fatal(err)
		}
		if query.Response, err = host.Do(answer.Request); err != nil {
			t.Fatal(err)
		}
		return ollama.New().Embeddings(host.SDK(), query)
	}
	got, err := ask("nomic-embed-text")
	if err != nil || len(got.Embeddings) != 2 || string(got.Embeddings[1].Vector) != "\x00\x00\x00\x40\x00\x00\x00\x3f" || got.Usage.Input != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ask("none"); wit.CodeOf(err) != wit.CodeNotFound || !strings.Contains(err.Error(), "`carapace models pull ollama/none`") {
		t.Errorf("%v", err)
	}
	for _, body := range []string{`{"embeddings":[[1]]}`, `{}`, `no JSON`, `{"embeddings":[[],[]]}`} {
		_, err := ollama.New().Embeddings(host.SDK(), &wit.EmbeddingQuery{Config: wit.JSON(home), Texts: []string{"a", "b"}, Response: &wit.HTTPResponse{Status: 200, Text: &body}})
		if wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %v", body, err)
		}
	}
}
