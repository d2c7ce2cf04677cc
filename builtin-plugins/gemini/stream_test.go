package gemini_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
	"github.com/carapace-gateway/carapace/wit"
)

type parts = []geminitest.Part

func hi(model string) *wit.Chat {
	return &wit.Chat{Model: model, Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}}
}

func TestAnswer(t *testing.T) {
	answer := ask(t, geminitest.New(geminitest.Streams("STOP", parts{geminitest.Thought("hm, ")}, parts{geminitest.Thought("yes")}, parts{geminitest.Text("Hel")}, parts{geminitest.Text("lo")})), hi("gemini-2.5-flash"))
	if said(answer, wit.DeltaKindThinking) != "hm, yes" || said(answer, wit.DeltaKindText) != "Hello" || answer.Stop == nil || *answer.Stop != wit.StopReasonEnd || answer.Opaque != nil {
		t.Errorf("%s", wit.Marshal(answer))
	}
	if u := answer.Usage; u == nil || u.Input != 20 || u.CacheRead != 80 || u.Output != 60 {
		t.Errorf("usage %+v", answer.Usage)
	}
}

// TestCalls: several at once, with and without ids, go back as they came with their results, signatures and all, in each of
// the generations.
func TestCalls(t *testing.T) {
	long := `{"text":"` + strings.Repeat("x", 200_000) + `"}`
	for model, said := range map[string]geminitest.Reply{
		"gemini-2.5-flash": geminitest.Streams("STOP", parts{geminitest.Text("I look."), geminitest.Call("", "f", `{"a":1}`)}, parts{geminitest.Call("", "f", `{"a":2}`), geminitest.Call("", "g", long)}),
		"gemini-3-pro-preview": geminitest.Streams("STOP", parts{geminitest.Signed(geminitest.Thought("hm"), "dGhvdWdodA=="), geminitest.Signed(geminitest.Call("a", "f", `{"a":1}`), "c2lnbmVk")},
			parts{geminitest.Call("b", "f", `{"a":2}`), geminitest.Call("c", "g", long)}),
	} {
		s := geminitest.New(said, geminitest.Says("done"))
		chat := hi(model)
		answer := ask(t, s, chat)
		if len(answer.ToolCalls) != 3 || *answer.Stop != wit.StopReasonToolCalls || string(answer.ToolCalls[1].Args) != `{"a":2}` || len(answer.ToolCalls[2].Args) != len(long) {
			t.Fatalf("%s: %.500s", model, wit.Marshal(answer))
		}
		next := turn(answer)
		chat.Turns = append(append(chat.Turns, next), results(next)...)
		if answer := ask(t, s, chat); answer.Error != nil {
			t.Errorf("%s: %v", model, answer.Error)
			continue
		}
		if got, want := len(s.Requests()[1].Parsed.Contents[1].Parts), len(parts{{}, {}, {}, {}}); got != want {
			t.Errorf("%s: %d parts, want %d", model, got, want)
		}
		var signatures []string
		for _, p := range s.Requests()[1].Parsed.Contents[1].Parts {
			signatures = append(signatures, p.ThoughtSignature)
		}
		if got, want := strings.Join(signatures, " "), map[string]string{"gemini-2.5-flash": "   ", "gemini-3-pro-preview": "dGhvdWdodA== c2lnbmVk  "}[model]; got != want {
			t.Errorf("%s: signatures %q, want %q", model, got, want)
		}
	}
}

// TestCallsOfOthers: a conversation that another model began has no signatures, and goes on.
func TestCallsOfOthers(t *testing.T) {
	chat := hi("gemini-3-pro-preview")
	asks := wit.ChatTurn{Role: wit.RoleAssistant, ToolCalls: []wit.ToolCall{{ID: "toolu_1", Name: "f"}, {ID: "toolu_2", Name: "made up"}}}
	chat.Turns = append(append(chat.Turns, asks), results(asks)...)
	s := geminitest.New(geminitest.Says("done"))
	if answer := ask(t, s, chat); answer.Error != nil {
		t.Fatal(answer.Error)
	}
	p := s.Requests()[0].Parsed.Contents[1].Parts
	if p[0].ThoughtSignature != "skip_thought_signature_validator" || p[1].ThoughtSignature != "" || p[0].FunctionCall.ID != "" {
		t.Errorf("%+v", p)
	}
}

// TestSignaturesOfTexts: a text that is signed goes back as the part that it was, between the parts that were not.
func TestSignaturesOfTexts(t *testing.T) {
	s := geminitest.New(
		geminitest.Streams("STOP", parts{geminitest.Text("One. ")}, parts{geminitest.Text("Two é. ")}, parts{geminitest.Signed(geminitest.Text("Three. "), "dGhyZWU=")}, parts{geminitest.Text("Four.")}, parts{geminitest.Signed(geminitest.Text(""), "ZW5k")}),
		geminitest.Says("more"), geminitest.Says("more"))
	chat := hi("gemini-3-pro-preview")
	next := turn(ask(t, s, chat))
	chat.Turns = append(chat.Turns, next, says(wit.RoleUser, "and?"))
	if answer := ask(t, s, chat); answer.Error != nil {
		t.Fatal(answer.Error)
	}
	var got []string
	for _, p := range s.Requests()[1].Parsed.Contents[1].Parts {
		got = append(got, *p.Text+"|"+p.ThoughtSignature)
	}
	if s := strings.Join(got, "/"); s != "One. Two é. |/Three. |dGhyZWU=/Four.|/|ZW5k" {
		t.Errorf("%s", s)
	}
	next.Content = []wit.Part{text("a hook has changed this")}
	chat.Turns[1] = next
	if answer := ask(t, s, chat); answer.Error != nil {
		t.Fatal(answer.Error)
	}
	if p := s.Requests()[2].Parsed.Contents[1].Parts; len(p) != 1 || p[0].ThoughtSignature != "" {
		t.Errorf("another text is signed: %+v", p)
	}
}

// TestStops: what each reason comes to, with words and without.
func TestStops(t *testing.T) {
	some := func(reason string) geminitest.Reply {
		return geminitest.Streams(reason, parts{geminitest.Text("Some")})
	}
	for name, c := range map[string]struct {
		reply geminitest.Reply
		stop  wit.StopReason
		code  wit.Code
		words string
	}{
		"end":                    {some("STOP"), wit.StopReasonEnd, "", ""},
		"length":                 {some("MAX_TOKENS"), wit.StopReasonLength, "", ""},
		"length, without a word": {geminitest.Stops("MAX_TOKENS", ""), wit.StopReasonLength, "", ""},
		"safety":                 {geminitest.Stops("SAFETY", ""), "", wit.CodeForbidden, "gemini: the answer was blocked, since Google's filter takes it for harmful; `safety` in the plugin's settings makes it less strict (SAFETY)"},
		"safety, later":          {some("SAFETY"), wit.StopReasonRefused, "", ""},
		"recitation":             {geminitest.Stops("RECITATION", "it was quoted"), "", wit.CodeForbidden, "gemini: the answer was blocked, since it would have repeated somebody's text (RECITATION): it was quoted"},
		"new reason":             {geminitest.Stops("TASTE", "no"), "", wit.CodeForbidden, "gemini: the answer was blocked (TASTE): no"},
		"the request":            {geminitest.Blocks("PROHIBITED_CONTENT"), "", wit.CodeForbidden, "gemini: the request was blocked, since what it is about is not allowed, whatever the settings are (PROHIBITED_CONTENT)"},
		"bad call":               {geminitest.Stops("MALFORMED_FUNCTION_CALL", "Malformed function call: print(x)"), "", wit.CodeUnavailable, "gemini: the model could not finish its answer (MALFORMED_FUNCTION_CALL): Malformed function call: print(x)"},
		"unknown tool":           {some("UNEXPECTED_TOOL_CALL"), "", wit.CodeUnavailable, "gemini: the model could not finish its answer (UNEXPECTED_TOOL_CALL)"},
		"no signature":           {geminitest.Stops("MISSING_THOUGHT_SIGNATURE", ""), "", wit.CodeInvalid, "gemini: the model misses a signature of its own in the conversation; begin a new one with /new (MISSING_THOUGHT_SIGNATURE)"},
	} {
		answer := ask(t, geminitest.New(c.reply), hi("gemini-2.5-flash"))
		var stop wit.StopReason
		if answer.Stop != nil {
			stop = *answer.Stop
		}
		var code wit.Code
		message := ""
		if answer.Error != nil {
			code, message = answer.Error.Code, answer.Error.Message
		}
		if stop != c.stop || code != c.code || message != c.words {
			t.Errorf("%s: %s, %v", name, stop, answer.Error)
		}
	}
}

// TestPieces: what streams may look like beside what the documentation shows.
func TestPieces(t *testing.T) {
	piece := func(parts, rest string) string {
		return `{"candidates":[{"content":{"parts":[` + parts + `],"role":"model"}` + rest + `}]}`
	}
	const stop = `,"finishReason":"STOP"`
	for name, c := range map[string]struct {
		events   []string
		text     string
		thinking string
		stop     bool
	}{
		"half a character":       {[]string{piece(`{"text":"a\ud83d"}`, ""), piece(`{"text":"\ude00b"}`, stop)}, "a😀b", "", true},
		"half of one is all":     {[]string{piece(`{"text":"a\ud83d"}`, stop)}, "a\uFFFD", "", true},
		"half a thought":         {[]string{piece(`{"thought":true,"text":"\ud83d"}`, ""), piece(`{"thought":true,"text":"\ude00"}`, stop)}, "", "😀", true},
		"a reason with each":     {[]string{piece(`{"text":"a"}`, stop), piece(`{"text":"b"}`, stop)}, "ab", "", true},
		"the reason alone":       {[]string{piece(`{"text":"a"}`, ""), `{"candidates":[{"finishReason":"STOP","index":0}]}`}, "a", "", true},
		"an unspecified reason":  {[]string{piece(`{"text":"a"}`, `,"finishReason":"FINISH_REASON_UNSPECIFIED"`)}, "a", "", false},
		"no end":                 {[]string{piece(`{"text":"a"}`, "")}, "a", "", false},
		"half an event":          {[]string{piece(`{"text":"a"}`, ""), `{"candidates":[{"con`}, "a", "", false},
		"keep-alives, DONE":      {[]string{"", piece(`{"text":"a"}`, stop), "[DONE]"}, "a", "", true},
		"a list":                 {[]string{"[" + piece(`{"text":"a"}`, "") + "," + piece(`{"text":"b"}`, stop) + "]"}, "ab", "", true},
		"parts that are unknown": {[]string{piece(`{"executableCode":{"code":"x"}},{"text":"a"},{}`, stop)}, "a", "", true},
		"two candidates":         {[]string{`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"},{"content":{"parts":[{"text":"b"}]}}]}`}, "a", "", true},
		"only usage":             {[]string{piece(`{"text":"a"}`, stop), `{"usageMetadata":{"promptTokenCount":1}}`}, "a", "", true},
	} {
		events := []wit.StreamEvent{head(200)}
		for _, e := range c.events {
			events = append(events, data(e))
		}
		answer := read(t, nil, append(events, end)...)
		if said(answer, wit.DeltaKindText) != c.text || said(answer, wit.DeltaKindThinking) != c.thinking || (answer.Stop != nil) != c.stop || answer.Error != nil {
			t.Errorf("%s: %s", name, wit.Marshal(answer))
		}
	}
}

// TestTooMuch: of signatures more than can be kept, and of calls more than are taken.
func TestTooMuch(t *testing.T) {
	call := `{"functionCall":{"name":"f","args":{}},"thoughtSignature":"` + strings.Repeat("A", 70<<10) + `"}`
	text := `{"text":"a","thoughtSignature":"` + strings.Repeat("A", 40<<10) + `"}`
	event := func(parts string) wit.StreamEvent {
		return data(`{"candidates":[{"content":{"parts":[` + parts + `]},"finishReason":"STOP"}]}`)
	}
	if answer := read(t, nil, head(200), event(call+","+text+","+text), end); len(answer.ToolCalls) != 1 || answer.ToolCalls[0].Opaque != nil || len(answer.Opaque) > 64<<10 || len(answer.Opaque) < 40<<10 || answer.Error != nil {
		t.Errorf("%d calls, %d bytes, %v", len(answer.ToolCalls), len(answer.Opaque), answer.Error)
	}
	if answer := read(t, nil, head(200), event(strings.Repeat(`{"functionCall":{"name":"f"}},`, 40)+`{"text":"x"}`), end); wit.CodeOf(answer.Error) != wit.CodeTooLarge {
		t.Errorf("%v", answer.Error)
	}
}

// TestNames: a tool whose name the API would refuse is called by another one, and back.
func TestNames(t *testing.T) {
	chat := hi("gemini-2.5-flash")
	chat.Tools = []wit.ToolSpec{{Name: "a b"}, {Name: "good"}}
	_, body := request(t, chat)
	name := ""
	for tool := range body.Get("tools").Items() {
		for f := range tool.Get("functionDeclarations").Items() {
			if name == "" {
				name = f.Get("name").Text()
			}
		}
	}
	answer := ask(t, geminitest.New(geminitest.Streams("STOP", parts{geminitest.Call("", name, `{}`), geminitest.Call("", "good", `{}`)})), chat)
	if len(answer.ToolCalls) != 2 || answer.ToolCalls[0].Name != "a b" || answer.ToolCalls[1].Name != "good" {
		t.Errorf("%q: %+v, %v", name, answer.ToolCalls, answer.Error)
	}
}
