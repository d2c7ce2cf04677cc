package openai_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

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
		`{"content":[]}`: {"", ""},
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
