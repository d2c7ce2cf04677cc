package text_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/carapace-gateway/carapace/kernel/service/delivery/text"
)

func TestPlainTakesMarkupOutAndKeepsWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"just text":                      "just text",
		"**bold** and *italic*":          "bold and italic",
		"__bold__ and _italic_":          "bold and italic",
		"***both***":                     "both",
		"**a *b* c**":                    "a b c",
		"~~gone~~ ||secret||":            "gone secret",
		"snake_case_name":                "snake_case_name",
		"2 * 3 * 4":                      "2 * 3 * 4",
		"a*":                             "a*",
		"**open":                         "**open",
		"`code *stays*` here":            "code *stays* here",
		"``a ` b``":                      "a ` b",
		"# Title\ntext":                  "Title\ntext",
		"#hashtag":                       "#hashtag",
		"* one\n* two":                   "- one\n- two",
		"[site](https://example.org)":    "site (https://example.org)",
		"[a](https://x.org/b_(c))":       "a (https://x.org/b_(c))",
		"[https://x.org](https://x.org)": "https://x.org",
		"![cat](cat.png)":                "cat (cat.png)",
		`\*not\*`:                        "*not*",
		"```go\nx := *p\n```\nend":       "x := *p\nend",
		"~~~\na ~~b~~\n~~~":              "a ~~b~~\n",
		"[unfinished](":                  "[unfinished](",
		"ünï **çödé**":                   "ünï çödé",
	} {
		if got := text.Plain(in); got != want {
			t.Errorf("Plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("**a *b* c** `d` ~~e~~ ||f|| __g__ _h_ # i")
	f.Add("\\*a\\* [b] (c) ![d]")
	f.Add(strings.Repeat("*a ", 100))
	f.Add("000 \xcf*\x87*0")
	f.Fuzz(func(t *testing.T, s string) {
		got := text.Plain(s)
		if strings.Contains(s, "```") || strings.Contains(s, "~~~") || strings.Contains(s, "](") {
			return // fences lose their language, links may lose a repetition
		}
		letters := func(s string) string {
			return strings.Map(func(r rune) rune {
				if unicode.IsLetter(r) || unicode.IsDigit(r) {
					return r
				}
				return -1
			}, s)
		}
		if letters(got) != letters(s) {
			t.Fatalf("words changed: %q → %q", s, got)
		}
	})
}
