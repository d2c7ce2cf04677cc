package markup_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/markup"
	"github.com/carapace-gateway/carapace/wit"
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
		"a || b":                         "a || b",
		"snake_case_name":                "snake_case_name",
		"2 * 3 * 4":                      "2 * 3 * 4",
		"a*":                             "a*",
		"**open":                         "**open",
		"`code *stays*` here":            "code *stays* here",
		"``a ` b``":                      "a ` b",
		"# Title\ntext":                  "Title\ntext",
		"# Title\n\ntext":                "Title\n\ntext",
		"#hashtag":                       "#hashtag",
		"a\n---\nb":                      "a\n──────────\nb",
		"2*3*4 x**2**8 my__own__name":    "2*3*4 x**2**8 my__own__name",
		"这是**重点。**内容":                    "这是重点。内容",
		"* one\n* two":                   "- one\n- two",
		"1. one\n2. two\n   - three":     "1. one\n2. two\n   - three",
		"7) seven":                       "7) seven",
		"- [ ] to do\n- [x] done":        "☐ to do\n☑ done",
		"[site](https://example.org)":    "site (https://example.org)",
		"[a](https://x.org/b_(c))":       "a (https://x.org/b_(c))",
		"[https://x.org](https://x.org)": "https://x.org",
		"<https://x.org>":                "https://x.org",
		"![cat](cat.png)":                "cat (cat.png)",
		`\*not\*`:                        "*not*",
		"AT&amp;T &lt;3":                 "AT&T <3",
		"a <b>c</b> d":                   "a <b>c</b> d",
		"<div>\nx\n</div>":               "<div>\nx\n</div>",
		"```go\nx := *p\n```\nend":       "x := *p\nend",
		"~~~\na ~~b~~\n~~~":              "a ~~b~~",
		"[unfinished](":                  "[unfinished](",
		"> one\n> two\n\nthree":          "> one\n> two\n\nthree",
		"ünï **çödé**":                   "ünï çödé",
		"one\ntwo\n\nthree\r\nfour":      "one\ntwo\n\nthree\nfour",
		"| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | |": "1\n- b: 2\n\n3",
		"\xff": "\ufffd",
	} {
		if got := markup.Plain(in); got != want {
			t.Errorf("Plain(%q) = %q, want %q", in, got, want)
		}
	}
}

var (
	starred = wit.Dialect{Bold: wit.Mark{Open: "*", Close: "*"}, Italic: wit.Mark{Open: "_", Close: "_"}, Strike: wit.Mark{Open: "~", Close: "~"},
		Code: wit.Mark{Open: "`", Close: "`"}, Block: wit.Mark{Open: "```\n", Close: "\n```"}, Escaping: wit.EscapingEntities, Link: "<{url}|{text}>"}
	tagged = wit.Dialect{Bold: wit.Mark{Open: "<b>", Close: "</b>"}, Italic: wit.Mark{Open: "<i>", Close: "</i>"}, Spoiler: wit.Mark{Open: "<tg>", Close: "</tg>"},
		Code: wit.Mark{Open: "<code>", Close: "</code>"}, Block: wit.Mark{Open: "<pre>", Close: "</pre>"}, Language: wit.Mark{Open: `<pre class="{language}">`, Close: "</pre>"},
		Quote: wit.Mark{Open: "<q>", Close: "</q>"}, Escaping: wit.EscapingEntities, Link: `<a href="{url}">{text}</a>`}
	behind = wit.Dialect{Bold: wit.Mark{Open: "**", Close: "**"}, Italic: wit.Mark{Open: "*", Close: "*"}, Spoiler: wit.Mark{Open: "||", Close: "||"},
		Code: wit.Mark{Open: "`", Close: "`"}, Block: wit.Mark{Open: "```\n", Close: "\n```"}, Language: wit.Mark{Open: "```{language}\n", Close: "\n```"},
		Heading: wit.Mark{Open: "## "}, Bullet: "- ", Escaping: wit.EscapingBackslash, Escaped: "\\*_~`|>#", Link: "[{text}]({url})"}
)

func TestDialects(t *testing.T) {
	for name, tt := range map[string]struct {
		dialect  *wit.Dialect
		in, want string
	}{
		"marks":                {&starred, "**a** *b* ~~c~~ `d` ||e||", "*a* _b_ ~c~ `d` e"},
		"bold over two lines":  {&starred, "**a\nb** c", "*a*\n*b* c"},
		"bold in a heading":    {&starred, "# a **b** c", "*a b c*"},
		"a link":               {&starred, "see [x & y](https://a.org/?b=1&c=2)", "see <https://a.org/?b=1&amp;c=2|x &amp; y>"},
		"a link to a file":     {&starred, "see [x](file.txt)", "see x (file.txt)"},
		"a link without words": {&starred, "[](https://a.org)", "https://a.org"},
		"entities":             {&starred, "1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"},
		"code is escaped":      {&starred, "`a<b`", "`a&lt;b`"},
		"a block":              {&starred, "```sh\nls <x>\n```", "```\nls &lt;x&gt;\n```"},
		"a list in a list":     {&starred, "- a\n  - b\n- c", "• a\n  • b\n• c"},
		"a list of paragraphs": {&starred, "- a\n\n  b\n\n- c", "• a\n\n  b\n\n• c"},
		"a quotation":          {&starred, "> a\n> b\n\nc", "> a\n> b\n\nc"},
		"a rule":               {&starred, "a\n\n---\n\nb", "a\n\n──────────\n\nb"},
		"a table":              {&starred, "| a | bb |\n|--:|---|\n| 1 | **2** |\n| 10 | 3 |", "```\n a  bb\n──────\n 1  2\n10  3\n```"},
		"a wide table": {&starred, "| name | text |\n|---|---|\n| x | " + strings.Repeat("long ", 12) + "|",
			"*x*\n• text: " + strings.TrimSpace(strings.Repeat("long ", 12))},
		"tags":                   {&tagged, "**a** ||b|| `<c>`\n> q", "<b>a</b> <tg>b</tg> <code>&lt;c&gt;</code>\n<q>q</q>"},
		"a quoted list":          {&tagged, "> - a\n> - b", "<q>• a\n• b</q>"},
		"a language":             {&tagged, "```go\nx\n```", `<pre class="go">x</pre>`},
		"a hostile lang":         {&tagged, "```\"><b>\nx\n```", `<pre class="&quot;&gt;&lt;b&gt;">x</pre>`},
		"a hostile address":      {&tagged, `[x](<https://a.org/"onclick="b>)`, `<a href="https://a.org/%22onclick=%22b">x</a>`},
		"a script":               {&tagged, "[x](javascript:alert(1))", "x (javascript:alert(1))"},
		"backslashes":            {&behind, `2*3 and a_b and \*c\*`, `2\*3 and a\_b and \*c\*`},
		"an address":             {&behind, "a_b https://c.org/d_e_f?g=*h, <http://i.org/j_k> l_m", "a\\_b https://c.org/d_e_f?g=\\*h, http://i.org/j_k l\\_m"},
		"half an address":        {&behind, "http_a http://b_c", "http\\_a http://b_c"},
		"a heading":              {&behind, "# a\nb", "## a\nb"},
		"brackets":               {&behind, "[a](https://b.org/c_(d))", "[a](https://b.org/c_%28d%29)"},
		"ticks in code":          {&behind, "~~~\na ``` b\n~~~", "```\na `\u200b`` b\n```"},
		"ticks and entities":     {&starred, "~~~\na ``` <b>\n~~~\n`` c ` d ``", "```\na `\u200b`` &lt;b&gt;\n```\n`c `\u200b d`"},
		"code in a list":         {&behind, "1. a\n\n   ```go\n   x\n     y\n   ```\n\n   b\n2. c", "1. a\n\n```go\nx\n  y\n```\n\n   b\n2. c"},
		"code begins an item":    {&behind, "- ```\n  x\n  ```\n- a\n  - ```\n    y\n    ```", "-\n```\nx\n```\n- a\n  -\n```\ny\n```"},
		"code in a quotation":    {&behind, "> - a\n>\n>   ```\n>   x\n>   ```", "> - a\n>   \n> ```\n> x\n> ```"},
		"code of tags in a list": {&tagged, "- a\n\n  ```\n  x\n  ```", "• a\n\n  <pre>x</pre>"},
		"a language too":         {&behind, "```go\nx\n```", "```go\nx\n```"},
		"nothing":                {&behind, "  \n\n ", ""},
	} {
		if got := markup.Parse(tt.in).In(tt.dialect); got != tt.want {
			t.Errorf("%s: %q became %q, want %q", name, tt.in, got, tt.want)
		}
	}
}

func TestEmpty(t *testing.T) {
	for in, want := range map[string]bool{
		"": true, " \n ": true, ">": true, "> >": true, "```go\n```": true, "~~~\n\n~~~": true, "- ": true, "[]()": true, "# ": true,
		"a": false, "> a": false, "```\na\n```": false, "[](https://a.org)": false, "---": false, "`a`": false, "||a||": false, "**": false,
	} {
		if got := markup.Parse(in).Empty(); got != want {
			t.Errorf("%q: %t", in, got)
		}
	}
}

func TestHTML(t *testing.T) {
	spoiler := &wit.Dialect{Spoiler: wit.Mark{Open: "<span data-spoiler>", Close: "</span>"}}
	for in, want := range map[string]string{
		"a\nb":                      "<p>a<br>\nb</p>",
		"**a** ||b||":               "<p><strong>a</strong> <span data-spoiler>b</span></p>",
		"a <script>b</script>":      "<p>a &lt;script&gt;b&lt;/script&gt;</p>",
		"[a](javascript:b)":         `<p><a href="">a</a></p>`,
		"![a](https://b.org/c.png)": `<p><a href="https://b.org/c.png">a</a></p>`,
		"![a](c.png)":               "<p>a</p>",
		"- [x] a":                   "<ul>\n<li>☑ a</li>\n</ul>",
		"|a|\n|-|\n|b|":             "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>",
		"~~a~~ `b`":                 "<p><del>a</del> <code>b</code></p>",
		"":                          "",
	} {
		if got := markup.Parse(in).HTML(spoiler); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// TestHostileTexts: what is too long or too deep for its marks to be read loses nothing.
func TestHostileTexts(t *testing.T) {
	long := strings.Repeat("*a _b [c **d** <e\n", 20_000)
	if got := markup.Plain(long); got != strings.TrimSpace(long) {
		t.Errorf("%d bytes became %d", len(long), len(got))
	}
	if got := markup.Parse(long).HTML(&starred); strings.Count(got, "&lt;e") != 20_000 || strings.Contains(got, "<strong>") {
		t.Errorf("%.200s", got)
	}
	for _, nested := range []string{"> ", "- ", "1. ", "> - ", "**a ", "[", "||a", "| a "} {
		deep := strings.Repeat(nested, maxLength/len(nested)/2) + "word"
		if got := markup.Plain(deep); !strings.Contains(got, "word") {
			t.Errorf("%q: %.100q", nested, got)
		}
	}
}

// maxLength is the longest text that has marks.
const maxLength = 64 << 10

func FuzzMarkup(f *testing.F) {
	f.Add("**a *b* c** `d` ~~e~~ ||f|| __g__ _h_ # i")
	f.Add("\\*a\\* [b] (c) ![d]\n\n> - 1. x\n\n| a | b |\n|---|---|\n| c")
	f.Add(strings.Repeat("*a ", 100))
	f.Add("000 \xcf*\x87*0")
	f.Fuzz(func(t *testing.T, s string) {
		parsed := markup.Parse(s)
		for _, d := range []*wit.Dialect{{}, &starred, &tagged, &behind} {
			if got := parsed.In(d); !utf8.ValidString(got) {
				t.Fatalf("%q became %q", s, got)
			}
		}
		if got := parsed.HTML(&wit.Dialect{}); strings.Contains(strings.ToLower(got), "<script") {
			t.Fatalf("%q became %q", s, got)
		}
		if strings.ContainsAny(s, "`~&[<|:\\") || digits(s) != digits(markup.Plain(s)) && strings.ContainsAny(s, ".)") {
			return // fences lose their language, links may lose a repetition, lists are numbered anew
		}
		if got := markup.Plain(s); letters(got) != letters(s) {
			t.Fatalf("words changed: %q → %q", s, got)
		}
	})
}

func letters(s string) string { return kept(s, unicode.IsLetter) }
func digits(s string) string  { return kept(s, unicode.IsDigit) }

func kept(s string, keep func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if keep(r) {
			return r
		}
		return -1
	}, s)
}
