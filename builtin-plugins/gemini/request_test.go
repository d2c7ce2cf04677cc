package gemini_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestRequest(t *testing.T) {
	asks := wit.ChatTurn{Role: wit.RoleAssistant, Content: []wit.Part{text("I look.")}, ToolCalls: []wit.ToolCall{
		{ID: "f1", Name: "calc", Args: wit.JSON(`{"expression":"1+1"}`), Opaque: wit.JSON(`{"id":"f1","signature":"c2ln"}`)}, {ID: "call-0-1", Name: "calc"},
	}}
	chat := &wit.Chat{
		Model: "gemini-2.5-flash", System: "be brief", MaxTokens: 99, Temperature: new(0.5), Thinking: "low", Stop: []string{"END"}, Seed: new(int64(7)),
		Config: wit.JSON(`{"safety":"none"}`),
		Tools:  []wit.ToolSpec{{Name: "calc", Description: "sums", Parameters: wit.JSON(`{"type":"object","properties":{"expression":{"type":"string"}},"required":["expression"]}`)}, {Name: "now", Description: "the time"}},
		Turns:  append([]wit.ChatTurn{says(wit.RoleUser, "say \"1+1\""), says(wit.RoleUser, "now"), asks}, results(asks)...),
	}
	asked, body := request(t, chat)
	if asked.Method != "POST" || asked.URL != "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse" || asked.Timeout != 600_000 {
		t.Errorf("%s %s %d", asked.Method, asked.URL, asked.Timeout)
	}
	if len(asked.Headers) != 1 || asked.Headers[0] != (wit.Header{Name: "x-goog-api-key", Value: "{{credential:api_key}}"}) {
		t.Errorf("headers %v", asked.Headers)
	}
	none := func(category string) string {
		return `{"category":"HARM_CATEGORY_` + category + `","threshold":"BLOCK_NONE"}`
	}
	want := `{"systemInstruction":{"parts":[{"text":"be brief"}]},` +
		`"tools":[{"functionDeclarations":[{"name":"calc","description":"sums","parameters":{"type":"OBJECT","properties":{"expression":{"type":"STRING"}},"required":["expression"]}},{"name":"now","description":"the time"}]}],` +
		`"safetySettings":[` + none("HARASSMENT") + `,` + none("HATE_SPEECH") + `,` + none("SEXUALLY_EXPLICIT") + `,` + none("DANGEROUS_CONTENT") + `],` +
		`"generationConfig":{"maxOutputTokens":99,"temperature":0.5,"stopSequences":["END"],"seed":7,"thinkingConfig":{"thinkingBudget":1024,"includeThoughts":true}},` +
		`"contents":[{"role":"user","parts":[{"text":"say \"1+1\""},{"text":"now"}]},` +
		`{"role":"model","parts":[{"text":"I look."},{"functionCall":{"id":"f1","name":"calc","args":{"expression":"1+1"}},"thoughtSignature":"c2ln"},{"functionCall":{"name":"calc","args":{}}}]},` +
		`{"role":"user","parts":[{"functionResponse":{"id":"f1","name":"calc","response":{"output":"result of f1"}}},{"functionResponse":{"name":"calc","response":{"output":"result of call-0-1"}}}]}]}`
	if got := string(body.Raw()); got != want {
		t.Errorf("the body is\n%s\nwant\n%s", got, want)
	}
}

// TestContents: whatever a conversation looks like, the API takes it.
func TestContents(t *testing.T) {
	asks := wit.ChatTurn{Role: wit.RoleAssistant, ToolCalls: []wit.ToolCall{{ID: "x", Name: "f"}}}
	stray := says(wit.RoleTool, "d")
	stray.ToolCallID = new("nothing")
	for name, c := range map[string]struct {
		turns []wit.ChatTurn
		want  string
	}{
		"nothing":              {nil, `[{"role":"user","parts":[{"text":"(The conversation goes on.)"}]}]`},
		"only blanks of words": {[]wit.ChatTurn{says(wit.RoleUser, "")}, `[{"role":"user","parts":[{"text":"(The conversation goes on.)"}]}]`},
		"begins with answers": {[]wit.ChatTurn{says(wit.RoleAssistant, "a"), says(wit.RoleUser, "b")},
			`[{"role":"user","parts":[{"text":"(The conversation goes on.)"}]},{"role":"model","parts":[{"text":"a"}]},{"role":"user","parts":[{"text":"b"}]}]`},
		"answers in a row": {append([]wit.ChatTurn{says(wit.RoleUser, "1"), says(wit.RoleAssistant, "2"), says(wit.RoleAssistant, ""), asks}, append(results(asks), says(wit.RoleUser, "3"))...),
			`[{"role":"user","parts":[{"text":"1"}]},{"role":"model","parts":[{"text":"2"},{"functionCall":{"name":"f","args":{}}}]},` +
				`{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"result of x"}}}]},{"role":"user","parts":[{"text":"3"}]}]`},
		"a result that nobody asked for": {[]wit.ChatTurn{stray}, `[{"role":"user","parts":[{"text":"[result of a tool] d"}]}]`},
	} {
		s := geminitest.New(geminitest.Says("ok"))
		chat := &wit.Chat{Model: "gemini-2.5-flash", Turns: c.turns}
		if _, body := request(t, chat); string(body.Get("contents").Raw()) != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, body.Get("contents").Raw(), c.want)
		}
		if answer := ask(t, s, chat); answer.Error != nil {
			t.Errorf("%s: %v", name, answer.Error)
		}
	}
}

// TestTheBeginningStays: what was sent once is the beginning of all later requests, byte for byte, so that caches hit.
func TestTheBeginningStays(t *testing.T) {
	s := geminitest.New(
		geminitest.Streams("STOP", []geminitest.Part{geminitest.Thought("hm")}, []geminitest.Part{geminitest.Text("I "), geminitest.Text("look.")},
			[]geminitest.Part{geminitest.Signed(geminitest.Call("1", "calc", `{"expression": "1+1", "é": "😀"}`), "AAAA"), geminitest.Call("2", "calc", `{}`)}),
		geminitest.Streams("STOP", []geminitest.Part{geminitest.Text("It is ")}, []geminitest.Part{geminitest.Text("2.")}, []geminitest.Part{geminitest.Signed(geminitest.Text(""), "BBBB")}),
		geminitest.Says("Bye."))
	chat := &wit.Chat{Model: "gemini-3-pro-preview", System: "s", Thinking: "high",
		Tools: []wit.ToolSpec{{Name: "calc", Parameters: wit.JSON(`{"properties":{"expression":{}}}`)}}, Turns: []wit.ChatTurn{says(wit.RoleUser, "1+1?")}}
	for range 3 {
		answer := ask(t, s, chat)
		if answer.Error != nil {
			t.Fatal(answer.Error)
		}
		next := turn(answer)
		chat.Turns = append(append(chat.Turns, next), results(next)...)
		if len(next.ToolCalls) == 0 {
			chat.Turns = append(chat.Turns, says(wit.RoleUser, "go on"))
		}
	}
	got := s.Requests()
	if len(got) != 3 {
		t.Fatalf("%d requests", len(got))
	}
	for i := 1; i < len(got); i++ {
		if before := bytes.TrimSuffix(got[i-1].Body, []byte("]}")); !bytes.HasPrefix(got[i].Body, before) {
			t.Errorf("request %d\n%s\ndoes not begin with\n%s", i+1, got[i].Body, before)
		}
	}
}

func TestThinking(t *testing.T) {
	for _, c := range []struct{ model, level, want string }{
		{"gemini-2.5-flash", "off", `{"thinkingBudget":0,"includeThoughts":false}`},
		{"gemini-2.5-pro", "off", `{"thinkingBudget":128,"includeThoughts":false}`},
		{"gemini-2.5-pro", "medium", `{"thinkingBudget":8192,"includeThoughts":true}`},
		{"models/gemini-2.5-flash", "high", `{"thinkingBudget":24576,"includeThoughts":true}`},
		{"gemini-3-pro-preview", "off", `{"thinkingLevel":"LOW","includeThoughts":false}`},
		{"gemini-3-pro-preview", "medium", `{"thinkingLevel":"HIGH","includeThoughts":true}`},
		{"gemini-3-flash-preview", "off", `{"thinkingLevel":"MINIMAL","includeThoughts":false}`},
		{"gemini-3-flash-preview", "medium", `{"thinkingLevel":"MEDIUM","includeThoughts":true}`},
		{"gemini-flash-latest", "low", `{"thinkingLevel":"LOW","includeThoughts":true}`},
		{"gemini-flash-latest", "", ``}, {"gemini-2.0-flash", "high", ``}, {"gemma-3-27b-it", "low", ``},
	} {
		chat := &wit.Chat{Model: c.model, Thinking: c.level, Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}}
		if _, body := request(t, chat); string(body.Get("generationConfig", "thinkingConfig").Raw()) != c.want {
			t.Errorf("%s %s: %s, want %s", c.model, c.level, body.Get("generationConfig", "thinkingConfig").Raw(), c.want)
		}
		if answer := ask(t, geminitest.New(geminitest.Says("ok")), chat); answer.Error != nil {
			t.Errorf("%s %s: %v", c.model, c.level, answer.Error)
		}
	}
}

// TestMedia: what people send is shown by its bytes, which the gateway puts in, or by its address; what cannot be shown is
// named, and so is what others than people have.
func TestMedia(t *testing.T) {
	file := func(kind wit.PartKind, media, mime string) wit.Part {
		return wit.Part{Kind: kind, Media: &media, Mime: &mime}
	}
	asked, body := request(t, &wit.Chat{Turns: []wit.ChatTurn{
		{Role: wit.RoleUser, Content: []wit.Part{
			text("look"), file(wit.PartKindImage, "m1", "image/png"), file(wit.PartKindImage, "m2", ""), file(wit.PartKindAudio, "m3", "audio/ogg; codecs=opus"),
			file(wit.PartKindFile, "m4", "application/pdf"), file(wit.PartKindFile, "m5", "application/zip"), file(wit.PartKindImage, "data:image/gif;base64,R0lG", ""),
			file(wit.PartKindImage, "https://example.org/a.png", "image/png"), file(wit.PartKindImage, "", ""),
		}},
		{Role: wit.RoleAssistant, Content: []wit.Part{file(wit.PartKindImage, "m6", "image/png")}},
	}})
	if got := strings.Join(asked.Embed, " "); got != "m1 m2 m3 m4" {
		t.Errorf("the gateway is to put in %s", got)
	}
	want := `[{"role":"user","parts":[{"text":"look"},{"inlineData":{"mimeType":"image/png","data":"{{media:m1}}"}},{"inlineData":{"mimeType":"image/jpeg","data":"{{media:m2}}"}},` +
		`{"inlineData":{"mimeType":"audio/ogg","data":"{{media:m3}}"}},{"inlineData":{"mimeType":"application/pdf","data":"{{media:m4}}"}},{"text":"[file]"},` +
		`{"inlineData":{"mimeType":"image/gif","data":"R0lG"}},{"fileData":{"mimeType":"image/png","fileUri":"https://example.org/a.png"}},{"text":"[image]"}]},` +
		`{"role":"model","parts":[{"text":"[image]"}]}]`
	if got := string(body.Get("contents").Raw()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestFormat: a schema goes as it is where the model takes it, in Google's words to older ones, and in words for people
// where tools stand beside it.
func TestFormat(t *testing.T) {
	schema := wit.JSON(`{"$schema":"x","type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":false}`)
	tool := []wit.ToolSpec{{Name: "f"}}
	for _, c := range []struct {
		model  string
		format wit.AnswerFormat
		tools  []wit.ToolSpec
		want   string
		system string
	}{
		{"gemini-2.5-flash", wit.AnswerFormat{}, nil, `{"responseMimeType":"application/json"}`, "s"},
		{"gemini-2.5-flash", wit.AnswerFormat{Schema: schema}, nil, `{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":false}}`, "s"},
		{"gemini-2.0-flash", wit.AnswerFormat{Schema: schema}, nil, `{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","properties":{"a":{"type":"INTEGER"}}}}`, "s"},
		{"gemini-3-pro-preview", wit.AnswerFormat{}, tool, `{"responseMimeType":"application/json"}`, "s"},
		{"gemini-2.5-flash", wit.AnswerFormat{Schema: schema}, tool, `{}`, "s\n\nAnswer with JSON alone, without a code fence. It has to fit this JSON Schema: " + string(schema)},
	} {
		chat := &wit.Chat{Model: c.model, System: "s", Format: &c.format, Tools: c.tools, Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}}
		_, body := request(t, chat)
		system := ""
		for part := range body.Get("systemInstruction", "parts").Items() {
			system += part.Get("text").Text()
		}
		if got := string(body.Get("generationConfig").Raw()); got != c.want || system != c.system {
			t.Errorf("%s: %s, %q\nwant %s, %q", c.model, got, system, c.want, c.system)
		}
		if answer := ask(t, geminitest.New(geminitest.Says("{}")), chat); answer.Error != nil {
			t.Errorf("%s: %v", c.model, answer.Error)
		}
	}
}

// TestGemma: it has no system instruction, and is told by the first message.
func TestGemma(t *testing.T) {
	s := geminitest.New(geminitest.Says("ok"))
	answer := ask(t, s, &wit.Chat{Model: "gemma-3-27b-it", System: "be kind", Thinking: "off", Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}})
	if answer.Error != nil {
		t.Fatal(answer.Error)
	}
	if c := s.Requests()[0].Parsed.Contents; len(c) != 2 || *c[0].Parts[0].Text != "be kind" {
		t.Errorf("%+v", c)
	}
}
