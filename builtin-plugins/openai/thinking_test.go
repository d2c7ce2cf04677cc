package openai_test

import (
	stdjson "encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// contents are events with the content in these pieces, and the answer's end.
func contents(pieces ...string) []wit.StreamEvent {
	events := []wit.StreamEvent{head(200)}
	for _, p := range pieces {
		events = append(events, data(`{"choices":[{"delta":{"content":`+p+`}}]}`))
	}
	return append(events, data(`{"choices":[{"delta":{},"finish_reason":"stop"}]}`), data("[DONE]"))
}

// escaped writes UTF-16 as a JSON text, half characters too.
func escaped(units []uint16) string {
	var b strings.Builder
	for _, u := range units {
		fmt.Fprintf(&b, `\u%04x`, u)
	}
	return `"` + b.String() + `"`
}

// TestThinkingInTags: what an answer begins with, whole and cut everywhere.
func TestThinkingInTags(t *testing.T) {
	for text, want := range map[string][2]string{
		"<think>a</think>b":                     {"a", "b"},
		"\n <think>a\n</think>\n\nb":            {"a\n", "b"},
		"<thinking>a</thinking>b":               {"a", "b"},
		"<thought>a</thought>b":                 {"a", "b"},
		"<reasoning>a</reasoning>b":             {"a", "b"},
		"[THINK]a[/THINK]b":                     {"a", "b"},
		"<think>a</think>\n<think>c</think>\nb": {"ac", "b"},
		"<think></think>\n\n b":                 {"", "b"},
		"<think>1 < 2 </thinking> </think>b":    {"1 < 2 </thinking> ", "b"},
		"<think>never ends":                     {"never ends", ""},
		"<think>almost</thin":                   {"almost</thin", ""},
		"<think>a</think>":                      {"a", ""},
		"`<think>` and </think> are tags":       {"", "`<think>` and </think> are tags"},
		"say <think>a</think>":                  {"", "say <think>a</think>"},
		"<thin ice>":                            {"", "<thin ice>"},
		"<th":                                   {"", "<th"},
		"  two blanks":                          {"", "  two blanks"},
		"\n":                                    {"", "\n"},
		"<think>😀</think>👍":                     {"😀", "👍"},
	} {
		units := utf16.Encode([]rune(text))
		for size := 1; size <= len(units); size++ {
			var pieces []string
			for i := 0; i < len(units); i += size {
				pieces = append(pieces, escaped(units[i:min(i+size, len(units))]))
			}
			answer := read(t, contents(pieces...)...)
			if got := [2]string{said(answer, wit.DeltaKindThinking), said(answer, wit.DeltaKindText)}; got != want {
				t.Errorf("%q by %d: %q, want %q", text, size, got, want)
			}
		}
	}
}

// TestThinkingThatTheTemplateOpened: of models that are known to begin inside of it, and of those that the owner says do,
// whole and cut everywhere.
func TestThinkingThatTheTemplateOpened(t *testing.T) {
	for text, want := range map[string][2]string{
		"a\n</think>\n\nb":             {"a\n", "b"},
		"a.</think>391":                {"a.", "391"},
		"</think>b":                    {"", "b"},
		"\n\n</think>\n\nb":            {"\n\n", "b"},
		"<think>a</think>b":            {"a", "b"},
		"\n<think>\na</think>b":        {"\na", "b"},
		"a</think>b </think> c":        {"a", "b </think> c"},
		"a</think>\n<think>c</think>b": {"ac", "b"},
		"an answer":                    {"an answer", "an answer"},
		"an answer </thin":             {"an answer ", "an answer </thin"},
		"\n an answer":                 {"\n an answer", "\n an answer"},
		"<think>never ends":            {"never ends", ""},
		"\n":                           {"", "\n"},
		"":                             {"", ""},
		"😀 <think> is a tag</think>👍":  {"😀 <think> is a tag", "👍"},
	} {
		units := utf16.Encode([]rune(text))
		for size := 1; size <= max(len(units), 1); size++ {
			var pieces []string
			for i := 0; i < len(units); i += size {
				pieces = append(pieces, escaped(units[i:min(i+size, len(units))]))
			}
			answer := readFrom(t, opened(t, "m", "", `"thinkingOpened":true`), contents(pieces...)...)
			if got := [2]string{said(answer, wit.DeltaKindThinking), said(answer, wit.DeltaKindText)}; got != want {
				t.Errorf("%q by %d: %q, want %q", text, size, got, want)
			}
		}
	}
}

// opened is the state that a plan for a model begins with.
func opened(t *testing.T, model, thinking, config string) wit.JSON {
	t.Helper()
	chat := &wit.Chat{Model: model, Thinking: thinking, Config: wit.JSON("{" + config + "}")}
	plan, err := openai.New().Request((&sdktest.Host{Credentials: map[string]string{"api_key": "x"}}).SDK(), completions(chat))
	if err != nil {
		t.Fatal(err)
	}
	return plan.State
}

// TestWhoseThinkingIsOpened: the owner's word counts, else the model's name.
func TestWhoseThinkingIsOpened(t *testing.T) {
	for _, c := range []struct {
		model, thinking, config string
		want                    bool
	}{
		{"deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "", "", true},
		{"Qwen/QwQ-32B", "low", "", true},
		{"Qwen3-30B-A3B-Thinking-2507", "", "", true},
		{"allenai/Olmo-3-7B-Think", "", "", true},
		{"MiniMaxAI/MiniMax-M2", "", "", true},
		{"", "", `"model":"deepseek-r1"`, true},
		{"gpt-4.1", "", `"model":"deepseek-r1"`, false},
		{"deepseek-r1", "off", "", false},
		{"deepseek-r1", "", `"thinkingOpened":false`, false},
		{"mine", "off", `"thinkingOpened":true`, true},
		{"deepseek-reasoner", "", "", false},
		{"qwen3-8b", "high", "", false},
	} {
		answer := readFrom(t, opened(t, c.model, c.thinking, c.config), contents(`"a</think>b"`)...)
		if got := said(answer, wit.DeltaKindText) == "b"; got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

// TestAnAnswerThatIsNeverClosed is one when the model has finished, and thinking when it was cut off, calls a tool, or is longer
// than what is kept. Beside thinking in a field it is one at once.
func TestAnAnswerThatIsNeverClosed(t *testing.T) {
	long := strings.Repeat("word ", 30<<10)
	reason := func(r string) wit.StreamEvent {
		return data(`{"choices":[{"delta":{},"finish_reason":"` + r + `"}]}`)
	}
	for name, c := range map[string]struct {
		events []wit.StreamEvent
		want   [2]string
	}{
		"finished":         {[]wit.StreamEvent{content("a"), reason("stop")}, [2]string{"a", "a"}},
		"[DONE]":           {[]wit.StreamEvent{content("a"), data("[DONE]")}, [2]string{"a", "a"}},
		"cut off":          {[]wit.StreamEvent{content("a"), reason("length")}, [2]string{"a", ""}},
		"refused":          {[]wit.StreamEvent{content("a"), reason("content_filter")}, [2]string{"a", ""}},
		"a call":           {[]wit.StreamEvent{content("a"), piece(`{"id":"x","function":{"name":"f","arguments":"{}"}}`), reason("stop")}, [2]string{"a", ""}},
		"long":             {[]wit.StreamEvent{content(long), content("a"), reason("stop")}, [2]string{long + "a", ""}},
		"long, and closed": {[]wit.StreamEvent{content(long), content("a</think>b"), reason("stop")}, [2]string{long + "a", "b"}},
		"a field":          {[]wit.StreamEvent{data(`{"choices":[{"delta":{"reasoning":"hm"}}]}`), content("a"), reason("stop")}, [2]string{"hm", "a"}},
		"a part":           {[]wit.StreamEvent{data(`{"choices":[{"delta":{"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"}]}}]}`), reason("stop")}, [2]string{"hm", "a"}},
		"whole":            {[]wit.StreamEvent{data(`{"choices":[{"message":{"content":"a</think>b"},"finish_reason":"stop"}]}`)}, [2]string{"a", "b"}},
	} {
		answer := readFrom(t, opened(t, "deepseek-r1", "", ""), append([]wit.StreamEvent{head(200)}, c.events...)...)
		if got := [2]string{said(answer, wit.DeltaKindThinking), said(answer, wit.DeltaKindText)}; got != c.want {
			t.Errorf("%s: %.40q, want %.40q", name, got, c.want)
		}
	}
}

// TestTheHint: that an answer may have begun with thinking is logged once, where it was said as the answer.
func TestTheHint(t *testing.T) {
	for text, want := range map[string]int{"a</think>b|c</think>d": 1, "<think>a</think>b|c": 0, "a|b": 0} {
		host := &sdktest.Host{}
		var state wit.JSON
		for piece := range strings.SplitSeq(text, "|") {
			answer, err := openai.New().Chunk(host.SDK(), &wit.ProviderChunk{State: state, Events: []wit.StreamEvent{head(200), content(piece)}})
			if err != nil {
				t.Fatal(err)
			}
			state = answer.State
		}
		if len(host.Log) != want {
			t.Errorf("%s: %v", text, host.Log)
		}
	}
}

// content is an event that says a text.
func content(text string) wit.StreamEvent {
	quoted, _ := stdjson.Marshal(text)
	return data(`{"choices":[{"delta":{"content":` + string(quoted) + `}}]}`)
}

// TestThinkingInFields: in either field, in both, in parts, and beside tags it is told once.
func TestThinkingInFields(t *testing.T) {
	for delta, want := range map[string][2]string{
		`{"reasoning":"a","content":"b"}`:                                                                                           {"a", "b"},
		`{"reasoning_content":"a","reasoning":"a","content":"b"}`:                                                                   {"a", "b"},
		`{"reasoning":"a","reasoning_content":null,"content":"b"}`:                                                                  {"a", "b"},
		`{"reasoning_content":"a","content":"<think>a</think>b"}`:                                                                   {"a", "b"},
		`{"reasoning":{"x":1},"content":"b"}`:                                                                                       {"", "b"},
		`{"content":[{"type":"thinking","thinking":"a"},{"text":"b"}]}`:                                                             {"a", "b"},
		`{"content":[{"type":"reasoning","text":"a"},{"type":"text","text":"b"}]}`:                                                  {"a", "b"},
		`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]},{"type":"text","text":"b"},{"type":"image_url"}]}`: {"a", "b"},
		`{"content":[]}`:                                         {"", ""},
		`{"thinking":"a","content":"b"}`:                         {"a", "b"},
		`{"thinking":"a","reasoning_content":"a","content":"b"}`: {"a", "b"},
		`{"thinking":{"type":"enabled"},"content":"b"}`:          {"", "b"},
		`{"reasoning_details":[{"type":"reasoning.text","text":"a"},{"type":"reasoning.encrypted","data":"x"}],"content":"b"}`: {"a", "b"},
		`{"reasoning_details":[{"type":"reasoning.summary","summary":"a"},{"text":"c"}],"content":"b"}`:                        {"ac", "b"},
		`{"reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a"}],"content":"b"}`:                           {"a", "b"},
		`{"reasoning":"","reasoning_details":[{"type":"reasoning.text","text":"a"}],"content":"b"}`:                            {"a", "b"},
		`{"reasoning_details":[{"text":"a"}],"content":"<think>a</think>b"}`:                                                   {"a", "b"},
	} {
		answer := read(t, head(200), data(`{"choices":[{"delta":`+delta+`}]}`), data("[DONE]"))
		if got := [2]string{said(answer, wit.DeltaKindThinking), said(answer, wit.DeltaKindText)}; got != want {
			t.Errorf("%s: %q, want %q", delta, got, want)
		}
	}
}

// TestHalves: a character's halves in two events are one; a half alone is replaced, and nothing else is lost.
func TestHalves(t *testing.T) {
	for _, c := range []struct{ pieces, want string }{
		{`"\ud83d" "\ude00"`, "😀"},
		{`"a\uD83D" "\uDE00b\ud83d" "\ude00"`, "a😀b😀"},
		{`"a\ud83d" "b"`, "a\uFFFDb"},
		{`"a\ud83d"`, "a\uFFFD"},
		{`"\ude00"`, "\uFFFD"},
		{`"\\ud83d" "\ude00"`, `\ud83d` + "\uFFFD"},
		{`"\\\ud83d" "" "\ude00"`, `\😀`},
		{`"\ud83d" "\ud83d" "\ude00"`, "\uFFFD😀"},
	} {
		if got := said(read(t, contents(strings.Fields(c.pieces)...)...), wit.DeltaKindText); got != c.want {
			t.Errorf("%s: %q, want %q", c.pieces, got, c.want)
		}
	}
}

// FuzzSplit: a text in any two cuts says what it says whole.
func FuzzSplit(f *testing.F) {
	f.Add("<think>a😀</think>\n\nb👍", uint(3), uint(9))
	f.Add("\n[THINK]x[/THINK]<think>", uint(1), uint(2))
	f.Fuzz(func(t *testing.T, text string, first, second uint) {
		units := utf16.Encode([]rune(text))
		a := int(first % uint(len(units)+1))
		b := a + int(second%uint(len(units)-a+1))
		whole := read(t, contents(escaped(units))...)
		split := read(t, contents(escaped(units[:a]), escaped(units[a:b]), escaped(units[b:]))...)
		for _, kind := range []wit.DeltaKind{wit.DeltaKindText, wit.DeltaKindThinking} {
			if x, y := said(whole, kind), said(split, kind); x != y {
				t.Errorf("%q at %d and %d: whole %q, split %q", text, a, b, x, y)
			}
		}
	})
}
