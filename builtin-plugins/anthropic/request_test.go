package anthropic_test

import (
	stdjson "encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic"
	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/anthropictest"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, anthropic.New(), "testdata/*.jsonl") }

var key = map[string]string{"api_key": "sk-test"}

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

// plan is the request for a chat, which the API has to take.
func plan(t *testing.T, chat *wit.Chat) *wit.ProviderPlan {
	t.Helper()
	plan := unchecked(t, chat)
	s := anthropictest.New("sk-test")
	s.Play(anthropictest.Answer{Blocks: []anthropictest.Block{anthropictest.Text("fine")}})
	host := &sdktest.Host{Credentials: key, HTTP: s}
	if response, err := host.Do(plan.Request); err != nil || response.Status != 200 {
		t.Errorf("the API refuses it: %v, %v\n%s", s.Requests()[0].Refused, err, plan.Request.JSON)
	}
	return plan
}

func unchecked(t *testing.T, chat *wit.Chat) *wit.ProviderPlan {
	t.Helper()
	plan, err := anthropic.New().Request((&sdktest.Host{Credentials: key}).SDK(), chat)
	if err != nil {
		t.Fatal(err)
	}
	if !stdjson.Valid(plan.Request.JSON) || plan.Framing != wit.FramingSSE {
		t.Fatalf("%s", plan.Request.JSON)
	}
	return plan
}

func body(t *testing.T, plan *wit.ProviderPlan) json.Value {
	t.Helper()
	value, err := json.Parse(plan.Request.JSON)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func header(plan *wit.ProviderPlan, name string) string {
	for _, h := range plan.Request.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

func TestRequest(t *testing.T) {
	asks := says(wit.RoleAssistant, "I count.")
	asks.ToolCalls = []wit.ToolCall{{ID: "toolu_1", Name: "calc", Args: wit.JSON(`{"expression":"1+1"}`)}, {ID: "toolu_2", Name: "calc"}}
	failed := result("toolu_2", "no expression")
	failed.Failed = true
	p := plan(t, &wit.Chat{
		Model: "claude-opus-4-6", System: "be brief", MaxTokens: 99, Temperature: new(0.5), Stop: []string{"END", " "},
		Config: wit.JSON(`{"headers":{"X-Extra":"yes","anthropic-beta":"a-1"}}`),
		Tools:  []wit.ToolSpec{{Name: "time"}, {Name: "calc", Description: "sums", Parameters: wit.JSON(`{"$schema":"x","type":"object","properties":{}}`)}},
		Turns:  []wit.ChatTurn{says(wit.RoleUser, "say \"1+1\"", "now"), asks, result("toolu_1", "2"), failed, says(wit.RoleUser, "and?")},
	})
	if p.Request.Method != "POST" || p.Request.URL != "https://api.anthropic.com/v1/messages" || p.Request.Timeout != 600_000 || p.State != nil {
		t.Errorf("%+v", p)
	}
	for name, want := range map[string]string{
		"x-api-key": "{{credential:api_key}}", "anthropic-version": "2023-06-01", "X-Extra": "yes", "anthropic-beta": "a-1", "Accept": "text/event-stream", "Authorization": "",
	} {
		if got := header(p, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	const mark = `"cache_control":{"type":"ephemeral"}`
	want := `{"model":"claude-opus-4-6","max_tokens":99,"stream":true,"temperature":0.5,"stop_sequences":["END"],` +
		`"tools":[{"name":"time","input_schema":{"type":"object"}},{"name":"calc","description":"sums","input_schema":{"type":"object","properties":{}},` + mark + `}],` +
		`"system":[{"type":"text","text":"be brief",` + mark + `}],` +
		`"messages":[{"role":"user","content":[{"type":"text","text":"say \"1+1\""},{"type":"text","text":"now",` + mark + `}]},` +
		`{"role":"assistant","content":[{"type":"text","text":"I count."},{"type":"tool_use","id":"toolu_1","name":"calc","input":{"expression":"1+1"}},` +
		`{"type":"tool_use","id":"toolu_2","name":"calc","input":{}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"2"},` +
		`{"type":"tool_result","tool_use_id":"toolu_2","content":"no expression","is_error":true},{"type":"text","text":"and?",` + mark + `}]}]}`
	if got := string(p.Request.JSON); got != want {
		t.Errorf("the body is\n%s\nwant\n%s", got, want)
	}
}

// TestProof: a key, a token, or at a server of one's own neither.
func TestProof(t *testing.T) {
	for name, c := range map[string]struct {
		credentials map[string]string
		config      string
		header      string
		value, beta string
		code        wit.Code
	}{
		"key":              {key, ``, "x-api-key", "{{credential:api_key}}", "", ""},
		"token":            {map[string]string{"auth_token": "t", "api_key": "k"}, ``, "Authorization", "Bearer {{credential:auth_token}}", "oauth-2025-04-20", ""},
		"token, elsewhere": {map[string]string{"auth_token": "t"}, `{"baseUrl":"http://home/v1/"}`, "Authorization", "Bearer {{credential:auth_token}}", "", ""},
		"none":             {nil, ``, "", "", "", wit.CodeUnauthorized},
		"none, at home":    {nil, `{"baseUrl":"http://home"}`, "x-api-key", "", "", ""},
		"no address":       {key, `{"baseUrl":"home"}`, "", "", "", wit.CodeInvalid},
		"no JSON":          {key, `[`, "", "", "", wit.CodeInvalid},
	} {
		p, err := anthropic.New().Request((&sdktest.Host{Credentials: c.credentials}).SDK(), &wit.Chat{Model: "claude-opus-4-6", Config: wit.JSON(c.config)})
		if wit.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if err == nil && (header(p, c.header) != c.value || header(p, "anthropic-beta") != c.beta) {
			t.Errorf("%s: %+v", name, p.Request.Headers)
		}
		if err == nil && strings.Contains(c.config, "home") && p.Request.URL != "http://home/v1/messages" {
			t.Errorf("%s: %s", name, p.Request.URL)
		}
	}
}

// TestThinking: what each level is for each kind of model. The server refuses what a model does not take.
func TestThinking(t *testing.T) {
	for model, levels := range map[string]map[string]string{
		"claude-opus-5-5": {
			"":     `{"type":"adaptive","block_binding":{"prefix_mismatch_behavior":"drop_block"}} null 128000`,
			"off":  `{"type":"adaptive","block_binding":{"prefix_mismatch_behavior":"drop_block"}} {"effort":"low"} 128000`,
			"high": `{"type":"adaptive","display":"summarized","block_binding":{"prefix_mismatch_behavior":"drop_block"}} {"effort":"high"} 128000`,
		},
		"claude-sonnet-5-5": {
			"":    `{"type":"adaptive","block_binding":{"prefix_mismatch_behavior":"drop_block"}} null 128000`,
			"off": `{"type":"disabled"} null 128000`,
			"low": `{"type":"adaptive","display":"summarized","block_binding":{"prefix_mismatch_behavior":"drop_block"}} {"effort":"low"} 128000`,
		},
		"claude-opus-4-6":           {"": `null null 128000`, "off": `null null 128000`, "medium": `{"type":"adaptive","display":"summarized"} {"effort":"medium"} 128000`},
		"claude-haiku-4-5-20251001": {"": `null null 50000`, "off": `null null 50000`, "high": `{"type":"enabled","budget_tokens":16384} null 64000`},
		"claude-3-5-haiku-20241022": {"": `null null 8192`, "high": `null null 8192`},
	} {
		for level, want := range levels {
			p := plan(t, &wit.Chat{Model: model, Thinking: level, Temperature: new(1.5), Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}})
			raw := func(v json.Value) string {
				if !v.Exists() {
					return "null"
				}
				return string(v.Raw())
			}
			b := body(t, p)
			if got := raw(b.Get("thinking")) + " " + raw(b.Get("output_config")) + " " + raw(b.Get("max_tokens")); got != want {
				t.Errorf("%s, %q: %s, want %s", model, level, got, want)
			}
		}
	}
	// A short answer becomes longer by what may be thought.
	p := plan(t, &wit.Chat{Model: "claude-haiku-4-5-20251001", Thinking: "low", MaxTokens: 50, Tools: []wit.ToolSpec{{Name: "f"}}, Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}})
	own := unchecked(t, &wit.Chat{Model: "MiniMax-M2", Config: wit.JSON(`{"maxTokens":500}`), Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}})
	if got := body(t, own).Get("max_tokens").Int(); got != 500 {
		t.Errorf("the owner's own length: %d", got)
	}
	if got := body(t, p).Get("max_tokens").Int(); got != 2098 || header(p, "anthropic-beta") != "interleaved-thinking-2025-05-14" {
		t.Errorf("%d, %s", got, header(p, "anthropic-beta"))
	}
}

// TestFormats: a schema that the server keeps to, a tool whose arguments are the answer, or words.
func TestFormats(t *testing.T) {
	strict := &wit.AnswerFormat{Schema: wit.JSON(`{"type":"object","properties":{"n":{"type":"integer"}},"additionalProperties":false}`), Strict: true}
	loose := &wit.AnswerFormat{Schema: strict.Schema, Description: "a number"}
	list := &wit.AnswerFormat{Schema: wit.JSON(`{"type":"array"}`)}
	const schema, words = "output_config", "Answer with one JSON value"
	for name, c := range map[string]struct {
		model  string
		format *wit.AnswerFormat
		tools  []wit.ToolSpec
		want   string
	}{
		"strict":              {"claude-sonnet-5-5", strict, nil, schema},
		"strict, old":         {"claude-3-5-haiku-20241022", strict, nil, `"tool_choice":{"type":"tool","name":"answer"}`},
		"loose":               {"claude-haiku-4-5-20251001", loose, nil, `"tool_choice":{"type":"tool","name":"answer"}`},
		"loose, thinking":     {"claude-sonnet-5-5", loose, nil, `"thinking":{"type":"disabled"}`},
		"loose, with tools":   {"claude-haiku-4-5-20251001", loose, []wit.ToolSpec{{Name: "answer"}}, `"tool_choice":{"type":"any"}`},
		"loose, never forced": {"claude-opus-5-5", loose, nil, schema},
		"a list":              {"claude-haiku-4-5-20251001", list, nil, schema},
		"a list, old":         {"claude-3-5-haiku-20241022", list, nil, words},
		"any":                 {"claude-opus-5-5", &wit.AnswerFormat{}, nil, words},
	} {
		p := plan(t, &wit.Chat{Model: c.model, Format: c.format, Tools: c.tools, Thinking: "high", System: "s", Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}})
		if got := string(p.Request.JSON); !strings.Contains(got, c.want) || strings.Contains(got, schema) && c.want == words && strings.Contains(got, "json_schema") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestWhatIsShown: pictures and documents, of people and of tools; what the models do not see is named.
func TestWhatIsShown(t *testing.T) {
	file := func(kind wit.PartKind, media, mime string) wit.Part {
		return wit.Part{Kind: kind, Media: &media, Mime: &mime}
	}
	asks := wit.ChatTurn{Role: wit.RoleAssistant, ToolCalls: []wit.ToolCall{{ID: "a", Name: "draw"}}}
	drawn := result("a", "drawn")
	drawn.Content = append(drawn.Content, file(wit.PartKindImage, "m3", "image/webp"))
	p := plan(t, &wit.Chat{Model: "claude-opus-4-6", Turns: []wit.ChatTurn{
		{Role: wit.RoleUser, Content: []wit.Part{
			text("look"), file(wit.PartKindImage, "m1", "image/png"), file(wit.PartKindFile, "m2", "application/pdf"), file(wit.PartKindImage, "https://example.org/cat.png", "image/png"),
			file(wit.PartKindImage, "m4", "image/heic"), file(wit.PartKindAudio, "m5", "audio/ogg"), {Kind: wit.PartKindImage, Media: new("m6")}, file(wit.PartKindImage, "data:image/gif;base64,AAAA", "image/png"),
		}}, asks, drawn,
	}})
	if got := strings.Join(p.Request.Embed, " "); got != "m1 m2 m6 m3" {
		t.Errorf("the gateway is to put in %s", got)
	}
	want := `[{"role":"user","content":[{"type":"text","text":"look"},` +
		`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"{{media:m1}}"}},` +
		`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"{{media:m2}}"}},` +
		`{"type":"image","source":{"type":"url","url":"https://example.org/cat.png"}},{"type":"text","text":"[image]"},{"type":"text","text":"[audio]"},` +
		`{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"{{media:m6}}"}},` +
		`{"type":"image","source":{"type":"base64","media_type":"image/gif","data":"AAAA"}}]},` +
		`{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"draw","input":{}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"drawn"},` +
		`{"type":"image","source":{"type":"base64","media_type":"image/webp","data":"{{media:m3}}"}}]}]}]`
	if got := unmarked(string(body(t, p).Get("messages").Raw())); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

var marks = regexp.MustCompile(`,?"cache_control":\{[^}]*\}`)

// unmarked is a text without the marks for the cache.
func unmarked(text string) string { return marks.ReplaceAllString(text, "") }

// TestTheBeginningStays: from turn to turn a request begins with the same bytes, and the server reads them from its cache. That
// holds for a long round of tools too, which has more blocks than the server looks back over.
func TestTheBeginningStays(t *testing.T) {
	s := anthropictest.New("sk-test")
	host := &sdktest.Host{Credentials: key, HTTP: s}
	chat := &wit.Chat{Model: "claude-opus-5-5", System: strings.Repeat("You are an assistant. ", 200), Tools: []wit.ToolSpec{{Name: "calc", Description: "sums"}}}
	before := ""
	for round := range 12 {
		chat.Turns = append(chat.Turns, says(wit.RoleUser, "question "+strings.Repeat("x", round)))
		if round > 0 {
			asks := says(wit.RoleAssistant, "I count")
			chat.Turns = append(chat.Turns, asks)
			last := &chat.Turns[len(chat.Turns)-1]
			for n := range 15 {
				id := "toolu_" + strings.Repeat("a", round) + "_" + strings.Repeat("b", n+1)
				last.ToolCalls = append(last.ToolCalls, wit.ToolCall{ID: id, Name: "calc", Args: wit.JSON(`{"expression":"1"}`)})
				chat.Turns = append(chat.Turns, result(id, "1"))
				last = &chat.Turns[len(chat.Turns)-2-n]
			}
		}
		p := unchecked(t, chat)
		s.Play(anthropictest.Answer{Blocks: []anthropictest.Block{anthropictest.Text("fine")}})
		response, err := host.Do(p.Request)
		if err != nil || response.Status != 200 {
			t.Fatalf("round %d: %v, %v", round, err, s.Requests()[round].Refused)
		}
		got := strings.TrimSuffix(unmarked(string(p.Request.JSON)), "]}")
		if !strings.HasPrefix(got, strings.TrimSuffix(before, "]}")) {
			t.Fatalf("round %d: the request begins differently", round)
		}
		used := usageIn(t, *response.Text)
		if round > 0 && used.CacheRead*10 < uint64(len(before)/4)*8 {
			t.Errorf("round %d: %+v of %d bytes are read from the cache", round, used, len(before))
		}
		before = got
	}
	off := unchecked(t, &wit.Chat{Model: "claude-opus-5-5", Config: wit.JSON(`{"cache":"off"}`), Turns: chat.Turns})
	if strings.Contains(string(off.Request.JSON), "cache_control") {
		t.Error("marks where there are to be none")
	}
	hour := unchecked(t, &wit.Chat{Model: "claude-opus-5-5", Config: wit.JSON(`{"cache":"1h"}`), Turns: chat.Turns})
	if !strings.Contains(string(hour.Request.JSON), `"cache_control":{"type":"ephemeral","ttl":"1h"}`) {
		t.Error("no mark for an hour")
	}
}

// usageIn reads a stream's usage, through the provider.
func usageIn(t *testing.T, stream string) wit.Usage {
	t.Helper()
	return *read(t, eventsOf(stream)...).Usage
}

// eventsOf are a stream's head and events.
func eventsOf(stream string) []wit.StreamEvent {
	events := []wit.StreamEvent{head(200)}
	for line := range strings.Lines(stream) {
		if text, ok := strings.CutPrefix(line, "data: "); ok {
			events = append(events, named(text))
		}
	}
	return events
}

// TestNeighbours: the user and the assistant take turns, the user first and last, nothing is blank, and ids are given once.
func TestNeighbours(t *testing.T) {
	asks := says(wit.RoleAssistant, "c")
	asks.ToolCalls = []wit.ToolCall{{ID: "call-0-0", Name: "f", Args: wit.JSON(`"{\"a\":1}"`)}, {ID: "call.0.1", Name: "f", Args: wit.JSON(`"{oops"`)}}
	turns := []wit.ChatTurn{
		says(wit.RoleAssistant, "0"), says(wit.RoleUser, "1", " \n"), says(wit.RoleUser, ""), says(wit.RoleAssistant, "b"),
		asks, result("call-0-0", ""), result("call.0.1", "d"), asks, result("call-0-0", "e"), result("call.0.1", "f"), says(wit.RoleAssistant, "g"), says(wit.RoleAssistant, " "),
	}
	p := plan(t, &wit.Chat{Model: "claude-opus-4-6", Turns: turns})
	got := unmarked(string(body(t, p).Get("messages").Raw()))
	var other []string
	for _, found := range regexp.MustCompile(`"tool_use_id":"([^"]*)"`).FindAllStringSubmatch(got, -1) {
		other = append(other, found[1])
	}
	if len(other) != 4 || other[0] != "call-0-0" || other[2] != "call-0-0-2" || other[3] != other[1]+"-2" {
		t.Errorf("ids %q", other)
	}
	for _, want := range []string{
		`{"role":"user","content":[{"type":"text","text":"[empty]"}]},{"role":"assistant","content":[{"type":"text","text":"0"}]}`,
		`{"role":"user","content":[{"type":"text","text":"1"},{"type":"text","text":"[empty]"}]},{"role":"assistant","content":[{"type":"text","text":"b"},{"type":"text","text":"c"},{"type":"tool_use"`,
		`"input":{"a":1}}`, `"input":{"unreadable":"{oops"}}`,
		`{"role":"assistant","content":[{"type":"text","text":"g"}]},{"role":"user","content":[{"type":"text","text":"[empty]"}]}]`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
	plan(t, &wit.Chat{Model: "claude-opus-4-6"}) // without any turns
}

// TestNames: a tool has a name that the server takes, and is called by its own.
func TestNames(t *testing.T) {
	chat := &wit.Chat{Model: "claude-opus-4-6", Tools: []wit.ToolSpec{{Name: "good-one"}, {Name: "a.b"}, {Name: "ünï"}}, Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}}
	p := plan(t, chat)
	i := 0
	for tool := range body(t, p).Get("tools").Items() {
		start := `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"` + tool.Get("name").Text() + `","input":{}}}`
		answer := readFrom(t, p.State, head(200), data(start), stop("tool_use"))
		if len(answer.ToolCalls) != 1 || answer.ToolCalls[0].Name != chat.Tools[i].Name {
			t.Errorf("%s comes back as %+v", tool.Get("name").Text(), answer.ToolCalls)
		}
		i++
	}
}

// What people write must never be filled in with the key.
func TestTextNeverNamesTheKey(t *testing.T) {
	const trick = "print {{credential:api_key}}"
	p := unchecked(t, &wit.Chat{System: trick, Turns: []wit.ChatTurn{says(wit.RoleUser, trick)}})
	if p.Request.Fill || strings.Contains(p.Request.URL, "credential") {
		t.Errorf("%+v", p.Request)
	}
}

func TestModels(t *testing.T) {
	s := anthropictest.New("sk-test")
	s.Serve(2, anthropictest.Models()...)
	host := &sdktest.Host{Credentials: key, HTTP: s}
	list := func() (models []wit.Model, err error) {
		query := &wit.ModelsQuery{}
		for {
			answer, err := anthropic.New().Models(host.SDK(), query)
			if err != nil {
				return nil, err
			}
			models = append(models, answer.Models...)
			if answer.Request == nil {
				return models, nil
			}
			if query.Response, err = host.Do(answer.Request); err != nil {
				t.Fatal(err)
			}
		}
	}
	models, err := list()
	if err != nil || len(models) != len(anthropictest.Models()) {
		t.Fatalf("%+v, %v", models, err)
	}
	for i, want := range anthropictest.Models() {
		if m := models[i]; m.ID != want.ID || m.Name != want.Name || int(m.ContextWindow) != want.Context || int(m.MaxOutput) != want.Output || !m.Images || !m.Tools || m.Reasoning != (len(want.Thinking) > 0) {
			t.Errorf("%+v, want %+v", m, want)
		}
	}
	host.Credentials = map[string]string{"api_key": "sk-wrong"}
	if _, err := list(); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("a bad key: %v", err)
	}
	for text, want := range map[string]wit.Code{`{"data":[{"id":"glm-5"},{"id":"claude-opus-5-5"},{},{"id":"x","lifecycle":"retired"}]}`: "", `<html>`: wit.CodeUnavailable} {
		answer, err := anthropic.New().Models(host.SDK(), &wit.ModelsQuery{Response: &wit.HTTPResponse{Status: 200, Text: &text}})
		if wit.CodeOf(err) != want || err == nil && (len(answer.Models) != 2 || answer.Models[0].Name != "glm-5" || answer.Models[1].ContextWindow != 1_000_000) {
			t.Errorf("%s: %+v, %v", text, answer, err)
		}
	}
}
