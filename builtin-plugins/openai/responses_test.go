package openai_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/builtin-plugins/openai/openaitest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

var byItems = wit.JSON(`{"api":"responses"}`)

func says(role wit.Role, s string) wit.ChatTurn {
	return wit.ChatTurn{Role: role, Content: []wit.Part{text(s)}}
}

func askedItems(model string) *wit.Chat {
	return &wit.Chat{Model: model, Config: byItems, Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}}
}

// askItems has a chat answered by the server, without a gateway between.
func askItems(t *testing.T, s http.Handler, chat *wit.Chat) *wit.ProviderAnswer {
	t.Helper()
	h := &sdktest.Host{HTTP: s, Credentials: map[string]string{"api_key": openaitest.Key}}
	plan, err := openai.New().Request(h.SDK(), chat)
	if err != nil {
		t.Fatal(err)
	}
	response, err := h.Do(plan.Request)
	if err != nil {
		t.Fatal(err)
	}
	list := []wit.StreamEvent{head(response.Status, response.Headers...)}
	if response.Status >= 300 || !strings.HasPrefix(*response.Text, "event:") {
		return readFrom(t, plan.State, append(list, data(*response.Text), end)...)
	}
	for block := range strings.SplitSeq(*response.Text, "\n\n") {
		if name, text, ok := strings.Cut(block, "\ndata: "); ok {
			e := data(text)
			e.Name = new(strings.TrimPrefix(name, "event: "))
			list = append(list, e)
		}
	}
	return readFrom(t, plan.State, append(list, end)...)
}

// turn is an answer as the history has it, and results the turns that answer its calls.
func turn(answer *wit.ProviderAnswer) (out wit.ChatTurn, results []wit.ChatTurn) {
	out = wit.ChatTurn{Role: wit.RoleAssistant, ToolCalls: answer.ToolCalls, Opaque: answer.Opaque}
	if s := said(answer, wit.DeltaKindText); s != "" {
		out.Content = []wit.Part{text(s)}
	}
	for _, c := range out.ToolCalls {
		result := says(wit.RoleTool, "result of "+c.ID)
		result.ToolCallID = new(c.ID)
		results = append(results, result)
	}
	return out, results
}

func TestItemsRequest(t *testing.T) {
	image := wit.Part{Kind: wit.PartKindImage, Media: new("m1"), Mime: new("image/png")}
	chat := &wit.Chat{
		Model: "gpt-5.1", System: "be brief", MaxTokens: 99, Temperature: new(0.5), Thinking: "low", Session: "s1",
		Config: wit.JSON(`{"api":"responses","reasoningSummary":true}`), Format: &wit.AnswerFormat{Schema: wit.JSON(`{"type":"object"}`), Name: "n", Strict: true},
		Tools: []wit.ToolSpec{{Name: "calc", Description: "sums", Parameters: wit.JSON(`{"type":"object"}`)}},
		Turns: []wit.ChatTurn{
			{Role: wit.RoleUser, Content: []wit.Part{text("look"), image}},
			{Role: wit.RoleAssistant, Content: []wit.Part{text("I look.")}, ToolCalls: []wit.ToolCall{{ID: "c1", Name: "calc", Args: wit.JSON(`{"a":1}`)}, {ID: "c2", Name: "calc"}},
				Opaque: wit.JSON(`{"output":[{"type":"reasoning","id":"rs","summary":[],"encrypted_content":"e"},{"text":2,"phase":"commentary"},{"text":5},{"call":0}]}`)},
			{Role: wit.RoleTool, ToolCallID: new("c1"), Content: []wit.Part{text("2")}},
			{Role: wit.RoleTool, ToolCallID: new("c2"), Content: []wit.Part{text("3"), text("4")}},
		},
	}
	asked := plan(t, &sdktest.Host{Credentials: key}, chat)
	if asked.URL != "https://api.openai.com/v1/responses" || strings.Join(asked.Embed, " ") != "m1" {
		t.Errorf("%s, %q", asked.URL, asked.Embed)
	}
	want := `{"model":"gpt-5.1","instructions":"be brief","tools":[{"type":"function","name":"calc","description":"sums","parameters":{"type":"object","properties":{}},"strict":false}],` +
		`"stream":true,"store":false,"prompt_cache_key":"s1","stream_options":{"include_obfuscation":false},"max_output_tokens":99,` +
		`"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true}},"include":["reasoning.encrypted_content"],"reasoning":{"effort":"low","summary":"auto"},` +
		`"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"look"},{"type":"input_image","image_url":"data:image/png;base64,{{media:m1}}"}]},` +
		`{"type":"reasoning","id":"rs","summary":[],"encrypted_content":"e"},` +
		`{"type":"message","role":"assistant","phase":"commentary","content":[{"type":"output_text","text":"I "}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"look."}]},` +
		`{"type":"function_call","call_id":"c1","name":"calc","arguments":"{\"a\":1}"},{"type":"function_call","call_id":"c2","name":"calc","arguments":"{}"},` +
		`{"type":"function_call_output","call_id":"c1","output":"2"},{"type":"function_call_output","call_id":"c2","output":"3\n4"}]}`
	if got := string(body(t, asked).Raw()); got != want {
		t.Errorf("the body is\n%s\nwant\n%s", got, want)
	}
	chat.Stop = []string{"END"}
	if _, err := openai.New().Request((&sdktest.Host{Credentials: key}).SDK(), chat); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("a text that ends the answer: %v", err)
	}
}

// TestItems: what the model thought, said and called goes back in its order, and the beginning of what is asked stays the
// same, byte for byte.
func TestItems(t *testing.T) {
	long := `{"text":"` + strings.Repeat("x", 200_000) + `"}`
	s := openaitest.New(
		openaitest.Reply{Output: []openaitest.Output{
			{Summary: []string{"I think.", "And more."}, Encrypted: "one"}, {Text: []string{"I lo", "ok. "}, Phase: "commentary"}, {Encrypted: "two"}, {Text: []string{"É 😀"}},
			{CallID: "c1", Name: "calc", Arguments: []string{`{"expr`, `ession":"6*7"}`}}, {CallID: "c2", Name: "calc"}, {CallID: "c3", Name: "long", Arguments: []string{long[:50_000], long[50_000:]}}}},
		openaitest.Reply{Output: []openaitest.Output{{Encrypted: "three"}, {Text: []string{"It is ", "42."}}}},
		openaitest.Says("Bye."))
	chat := askedItems("gpt-5.1")
	chat.System, chat.Thinking, chat.Tools = "s", "high", []wit.ToolSpec{{Name: "calc"}, {Name: "long"}}
	first := askItems(t, s, chat)
	if got := said(first, wit.DeltaKindThinking); got != "I think.\n\nAnd more." {
		t.Errorf("thinking %q", got)
	}
	if len(first.ToolCalls) != 3 || string(first.ToolCalls[0].Args) != `{"expression":"6*7"}` || string(first.ToolCalls[2].Args) != long || *first.Stop != wit.StopReasonToolCalls {
		t.Fatalf("%.500s", wit.Marshal(first))
	}
	if u := first.Usage; u == nil || u.Input != 20 || u.CacheRead != 80 || u.Output != 30 || u.Model != "gpt-5.1" {
		t.Errorf("usage %+v", first.Usage)
	}
	next, results := turn(first)
	chat.Turns = append(append(chat.Turns, next), results...)
	second := askItems(t, s, chat)
	if second.Error != nil || said(second, wit.DeltaKindText) != "It is 42." || *second.Stop != wit.StopReasonEnd {
		t.Fatalf("%s", wit.Marshal(second))
	}
	next, _ = turn(second)
	chat.Turns = append(chat.Turns, next, says(wit.RoleUser, "thanks"))
	if third := askItems(t, s, chat); third.Error != nil || third.Opaque != nil {
		t.Fatalf("%s", wit.Marshal(third))
	}
	got := s.Requests()
	var kinds []string
	for _, item := range got[1].Parsed.Input {
		kinds = append(kinds, item.Type+item.Phase)
	}
	if s := strings.Join(kinds, " "); s != "message reasoning messagecommentary reasoning message function_call function_call function_call function_call_output function_call_output function_call_output" {
		t.Errorf("items %s", s)
	}
	for i := 1; i < len(got); i++ {
		if before := bytes.TrimSuffix(got[i-1].Body, []byte("]}")); !bytes.HasPrefix(got[i].Body, before) {
			t.Errorf("request %d\n%.2000s\ndoes not begin with\n%.2000s", i+1, got[i].Body, before)
		}
	}
}

// TestItemsOfOthers: a conversation that was begun by chat completions, or by another model, or whose text was changed,
// goes on; and what this API has kept does not reach chat completions.
func TestItemsOfOthers(t *testing.T) {
	chat := askedItems("gpt-5.1")
	for _, opaque := range []string{`{"thinking_field":"reasoning"}`, `{"output":[{"text":3},{"call":0}]}`, ``} {
		s := openaitest.New(openaitest.Says("ok"))
		asks := wit.ChatTurn{Role: wit.RoleAssistant, Content: []wit.Part{text("é, changed")}, Thinking: "hm", ToolCalls: []wit.ToolCall{{ID: strings.Repeat("i", 80), Name: "f"}}, Opaque: wit.JSON(opaque)}
		result := says(wit.RoleTool, "r")
		result.ToolCallID = new(asks.ToolCalls[0].ID)
		chat.Turns = []wit.ChatTurn{says(wit.RoleUser, "hi"), asks, result}
		if answer := askItems(t, s, chat); answer.Error != nil {
			t.Errorf("%s: %v", opaque, answer.Error)
		} else if got := len(s.Requests()[0].Parsed.Input); got != 4 {
			t.Errorf("%s: %d items", opaque, got)
		}
		chat.Config = nil
		if sent := body(t, plan(t, &sdktest.Host{Credentials: key}, chat)); strings.Contains(string(sent.Raw()), `"output"`) {
			t.Errorf("sent %s", sent.Raw())
		}
		chat.Config = byItems
	}
}

// TestWhichAPI: OpenAI is asked by its newer API unless the chat asks for what that does not know, and everybody else by chat completions.
func TestWhichAPI(t *testing.T) {
	for _, c := range []struct{ config, stop, path string }{
		{``, "", "/responses"}, {`{"api":"chat"}`, "", "/chat/completions"}, {``, "END", "/chat/completions"}, {`{"baseUrl":"https://api.openai.com/v1/"}`, "", "/responses"},
		{`{"baseUrl":"http://localhost:1234/v1"}`, "", "/chat/completions"}, {`{"preset":"groq"}`, "", "/chat/completions"},
		{`{"baseUrl":"http://localhost:1234/v1","api":"responses"}`, "", "/responses"},
	} {
		chat := &wit.Chat{Model: "m", Config: wit.JSON(c.config), Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}}
		if c.stop != "" {
			chat.Stop = []string{c.stop}
		}
		plan, err := openai.New().Request((&sdktest.Host{Credentials: key}).SDK(), chat)
		if err != nil || !strings.HasSuffix(plan.Request.URL, c.path) {
			t.Errorf("%+v: %+v, %v", c, plan, err)
		}
	}
}

// TestEfforts: what only models that reason take, and how little each of them can think.
func TestEfforts(t *testing.T) {
	for _, c := range []struct{ model, level, effort string }{
		{"gpt-4.1", "high", ""}, {"gpt-4.1", "", ""}, {"gpt-5", "off", "minimal"}, {"gpt-5-mini", "off", "minimal"}, {"gpt-5.1", "off", "none"}, {"gpt-5-pro", "off", "low"},
		{"o3", "off", "low"}, {"o4-mini", "medium", "medium"}, {"gpt-5.1", "", ""}, {"openai/gpt-oss-120b", "off", "low"}, {"gpt-5-chat-latest", "high", ""},
		{"gpt-6-sol", "off", "none"}, {"gpt-6-luna", "off", "none"}, {"gpt-6.1-terra", "off", "none"}, {"gpt-5.6-sol", "off", "none"},
		{"gpt-6-astra", "off", "low"}, {"gpt-6.1-sol", "off", "low"}, {"gpt-6.2-astra", "off", "low"}, {"gpt-6.2-sol", "off", "low"},
	} {
		chat := askedItems(c.model)
		chat.Thinking, chat.Temperature = c.level, new(0.5)
		sent := body(t, plan(t, &sdktest.Host{Credentials: key}, chat))
		reasons := c.model != "gpt-4.1" && c.model != "gpt-5-chat-latest"
		if sent.Get("reasoning", "effort").Text() != c.effort || sent.Get("temperature").Exists() == reasons || sent.Get("include").Exists() != reasons {
			t.Errorf("%s %s: %s", c.model, c.level, sent.Raw())
		}
	}
}

// TestItemsEnd: how an answer can end.
func TestItemsEnd(t *testing.T) {
	some := []openaitest.Output{{Text: []string{"Some"}}}
	for name, c := range map[string]struct {
		reply openaitest.Reply
		stop  wit.StopReason
		code  wit.Code
		words string
	}{
		"end":         {openaitest.Reply{Output: some}, wit.StopReasonEnd, "", ""},
		"length":      {openaitest.Reply{Output: some, Incomplete: "max_output_tokens"}, wit.StopReasonLength, "", ""},
		"filtered":    {openaitest.Reply{Output: some, Incomplete: "content_filter"}, wit.StopReasonRefused, "", ""},
		"refused":     {openaitest.Reply{Output: []openaitest.Output{{Text: []string{"I can", "not."}, Refusal: true}}}, wit.StopReasonRefused, "", ""},
		"failed":      {openaitest.Reply{Output: some, Failed: true, Code: "server_error", Message: "It broke."}, "", wit.CodeUnavailable, "It broke."},
		"limit":       {openaitest.Reply{Failed: true, Code: "rate_limit_exceeded", Message: "Please try again in 1.5s."}, "", wit.CodeRateLimited, "1.5s"},
		"prompt":      {openaitest.Reply{Failed: true, Code: "invalid_prompt", Message: "Invalid prompt: flagged."}, "", wit.CodeInvalid, "flagged"},
		"bad gateway": {openaitest.Reply{Status: 502, Message: "bad gateway"}, "", wit.CodeUnavailable, "bad gateway"},
	} {
		answer := askItems(t, openaitest.New(c.reply), askedItems("gpt-5.1"))
		var stop wit.StopReason
		var code wit.Code
		message := ""
		if answer.Stop != nil {
			stop = *answer.Stop
		}
		if answer.Error != nil {
			code, message = answer.Error.Code, answer.Error.Message
		}
		if stop != c.stop || code != c.code || !strings.Contains(message, c.words) {
			t.Errorf("%s: %s, %v", name, stop, answer.Error)
		}
	}
	bad := &sdktest.Host{HTTP: openaitest.New(), Credentials: map[string]string{"api_key": "sk-wrong"}}
	request, err := openai.New().Request(bad.SDK(), askedItems("gpt-5.1"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := bad.Do(request.Request)
	if err != nil {
		t.Fatal(err)
	}
	if answer := readFrom(t, request.State, head(response.Status), data(*response.Text), end); wit.CodeOf(answer.Error) != wit.CodeUnauthorized || strings.Contains(answer.Error.Message, "sk-") {
		t.Errorf("a bad key: %v", answer.Error)
	}
}

// TestItemStreams: what servers of this API do differently from OpenAI's.
func TestItemStreams(t *testing.T) {
	const (
		done = `{"type":"response.completed","response":{"status":"completed","output":[]}}`
		call = `"type":"function_call","call_id":"c","name":"f"`
	)
	for name, c := range map[string]struct {
		events []string
		text   string
		calls  string
		code   wit.Code
	}{
		"half a character":      {[]string{`{"type":"response.output_text.delta","delta":"a\ud83d"}`, `{"type":"response.output_text.delta","delta":"\ude00"}`, done}, "a😀", "", ""},
		"whole items only":      {[]string{`{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"a"}]}}`, `{"type":"response.output_item.done","output_index":1,"item":{` + call + `,"arguments":"{\"x\":1}"}}`, done}, "a", `c f {"x":1}`, ""},
		"the response only":     {[]string{`{"type":"response.completed","response":{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"a"}]},{` + call + `,"arguments":"{}"},{` + call + `,"arguments":"[]"}]}}`}, "a", "c f {}|c f []", ""},
		"not streamed":          {[]string{`{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}]}`}, "a", "", ""},
		"ids that change":       {[]string{`{"type":"response.output_item.added","output_index":0,"item":{"id":"x",` + call + `}}`, `{"type":"response.function_call_arguments.delta","output_index":0,"item_id":"y","delta":"{}"}`, `{"type":"response.output_item.done","output_index":0,"item":{"id":"z",` + call + `,"arguments":"{}"}}`, done}, "", "c f {}", ""},
		"no places":             {[]string{`{"type":"response.output_item.added","item":{"id":"x",` + call + `}}`, `{"type":"response.output_item.added","item":{"id":"y",` + call + `}}`, `{"type":"response.function_call_arguments.delta","item_id":"x","delta":"{}"}`, `{"type":"response.function_call_arguments.done","item_id":"y","arguments":"[]"}`, done}, "", "c f {}|c f []", ""},
		"arguments at the end":  {[]string{`{"type":"response.output_item.added","output_index":0,"item":{"id":"x",` + call + `}}`, `{"type":"response.function_call_arguments.done","output_index":0,"arguments":"{\"a\":2}"}`, `{"type":"response.output_item.done","output_index":0,"item":{` + call + `,"arguments":"{\"a\":2}"}}`, done}, "", `c f {"a":2}`, ""},
		"a lost call":           {[]string{`{"type":"response.function_call_arguments.delta","output_index":7,"delta":"{}"}`, `{"type":"response.output_text.delta","delta":"a"}`, done}, "a", "", ""},
		"keep-alives, DONE":     {[]string{``, `{"type":"response.output_text.delta","delta":"a"}`, `{"type":"keepalive"}`, done, `[DONE]`}, "a", "", ""},
		"an error":              {[]string{`{"type":"error","code":"rate_limit_exceeded","message":"slow","param":null}`}, "", "", wit.CodeRateLimited},
		"an error in an object": {[]string{`{"type":"error","error":{"type":"server_error","message":"it broke"}}`}, "", "", wit.CodeUnavailable},
		"an error alone":        {[]string{`{"error":{"message":"no credit","code":"insufficient_quota"}}`}, "", "", wit.CodeForbidden},
		"a page":                {[]string{`<html>hello</html>`}, "", "", wit.CodeUnavailable},
		"half an event":         {[]string{`{"type":"response.output_text.delta","delta":"a"}`, `{"type":"resp`}, "a", "", "cut"},
		"no end":                {[]string{`{"type":"response.output_text.delta","delta":"a"}`}, "a", "", "cut"},
	} {
		events := []wit.StreamEvent{head(200)}
		for _, e := range c.events {
			events = append(events, data(e))
		}
		answer := readFrom(t, wit.JSON(`{"api":"responses"}`), append(events, end)...)
		var calls []string
		for _, call := range answer.ToolCalls {
			calls = append(calls, call.ID+" "+call.Name+" "+string(call.Args))
		}
		var code wit.Code
		if answer.Error != nil {
			code = answer.Error.Code
		} else if answer.Stop == nil {
			code = "cut"
		}
		if said(answer, wit.DeltaKindText) != c.text || strings.Join(calls, "|") != c.calls || code != c.code {
			t.Errorf("%s: %s", name, wit.Marshal(answer))
		}
	}
}

// TestItemsWithoutRoom: of reasoning more than can be kept is not kept, and of calls more than are taken are refused.
func TestItemsWithoutRoom(t *testing.T) {
	s := openaitest.New(openaitest.Reply{Output: []openaitest.Output{{Encrypted: strings.Repeat("A", 150<<10)}, {Encrypted: strings.Repeat("B", 150<<10)}, {Text: []string{"a"}}}})
	if answer := askItems(t, s, askedItems("gpt-5.1")); answer.Error != nil || len(answer.Opaque) < 150<<10 || len(answer.Opaque) > 200<<10 {
		t.Errorf("%d bytes, %v", len(answer.Opaque), answer.Error)
	}
	var many []openaitest.Output
	for range 40 {
		many = append(many, openaitest.Output{CallID: "c", Name: "f"})
	}
	if answer := askItems(t, openaitest.New(openaitest.Reply{Output: many}), askedItems("gpt-5.1")); wit.CodeOf(answer.Error) != wit.CodeTooLarge {
		t.Errorf("%v", answer.Error)
	}
}
