package telegramtest_test

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel/markup"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// dialect is what the plugin declares.
func dialect(t testing.TB) *wit.Dialect {
	t.Helper()
	data, err := os.ReadFile("../plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	var m wit.Manifest
	if err := wit.UnmarshalStrict(data, &m); err != nil {
		t.Fatal(err)
	}
	return &m.Provides.Channel.Dialect
}

func TestDialect(t *testing.T) {
	channeltest.Proves(t, channeltest.Markup)
	d := dialect(t)
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"plain & <simple> \"text\"", "plain &amp; &lt;simple&gt; &quot;text&quot;"},
		{"**bold** and __too__, *it* and _it_", "<b>bold</b> and <b>too</b>, <i>it</i> and <i>it</i>"},
		{"***both*** **a *b* c** *a **b** c*", "<i><b>both</b></i> <b>a <i>b</i> c</b> <i>a <b>b</b> c</i>"},
		{"**a *b*** x", "<b>a <i>b</i></b> x"},
		{"~~gone~~ ||secret|| | a || b", "<s>gone</s> <tg-spoiler>secret</tg-spoiler> | a || b"},
		{"snake_case_name 2 * 3 * 4 *", "snake_case_name 2 * 3 * 4 *"},
		{"**open *half _way", "**open *half _way"},
		{`\*not\* \<b\> c:\dir`, `*not* &lt;b&gt; c:\dir`},
		{"`a<b` ``x ` y`` `open", "<code>a&lt;b</code> <code>x ` y</code> `open"},
		{"*a `*` b*", "<i>a <code>*</code> b</i>"},
		{"[a **b**](https://e.org/?q=\"1\"&x=(y)) z", `<a href="https://e.org/?q=%221%22&amp;x=(y)">a <b>b</b></a> z`},
		{`[t](https://e.org "title") [](https://e.org)`, `<a href="https://e.org">t</a> https://e.org`},
		{"[x](javascript:alert(1)) [y]( [z] [a](b", "x (javascript:alert(1)) [y]( [z] [a](b"},
		{"![alt](https://e.org/i.png)!", `<a href="https://e.org/i.png">alt</a>!`},
		{"<https://e.org/a_b_c> a < b", "https://e.org/a_b_c a &lt; b"},
		{"# Title #\ntext\n## **Sub**", "<b>Title</b>\ntext\n<b>Sub</b>"},
		{"#hashtag", "#hashtag"},
		{"- one\n  - two *x*\n* three\n1. four\n- [ ] no\n- [x] yes", "• one\n  • two <i>x</i>\n• three\n1. four\n☐ no\n☑ yes"},
		{"a\n\n---\nb", "a\n\n──────────\nb"},
		{"> q *a*\n>b\n\nc", "<blockquote>q <i>a</i>\nb</blockquote>\n\nc"},
		{"```go\nx := a<b && *c*\n```\nafter", "<pre><code class=\"language-go\">x := a&lt;b &amp;&amp; *c*</code></pre>\nafter"},
		{"~~~\n```\nstill open", "<pre>```\nstill open</pre>"},
		{"**over\nlines**", "<b>over</b>\n<b>lines</b>"},
		{"a **** b", "a **** b"},
		{"***", "──────────"},
		{"🏟*🏟*", "🏟<i>🏟</i>"},
		{"a||b||c (x)||(y)||(z) 2*3*4 x**2**8 my__own__name", "a||b||c (x)||(y)||(z) 2*3*4 x**2**8 my__own__name"},
		{"这是**重点**内容 这||秘密||了", "这是<b>重点</b>内容 这<tg-spoiler>秘密</tg-spoiler>了"},
		{"(||a||), ||b||!", "(<tg-spoiler>a</tg-spoiler>), <tg-spoiler>b</tg-spoiler>!"},
		{"[]() a", " a"},
	} {
		if got := markup.Parse(test.in).In(d); got != test.want {
			t.Errorf("%q\n got  %q\n want %q", test.in, got, test.want)
		}
	}
}

func TestTables(t *testing.T) {
	d := dialect(t)
	wide := strings.Repeat("w", 50)
	for _, test := range []struct{ in, want string }{
		{"| Name | Age |\n|---|---|\n| Ann | 41 |\n| Bob | 7 |", "<pre>Name  Age\n─────────\nAnn   41\nBob   7</pre>"},
		{"x:\n\n| Stadt | Zahl |\n|:--|--:|\n| **Köln** | 1.0 |\n\ny", "x:\n\n<pre>Stadt  Zahl\n───────────\nKöln    1.0</pre>\n\ny"},
		{"text\na|b\n-|-\n1|<2>|3\n\nend", "text\n<pre>a  b\n──────\n1  &lt;2&gt;</pre>\n\nend"},
		{"|a\\|b|c|\n|-|-|\n|[t](https://e.org)||", "<pre>a|b                c\n────────────────────\nt (https://e.org)</pre>"},
		{"|漢字|b|\n|-|-|\n|x|y|", "<pre>漢字  b\n───────\nx     y</pre>"},
		{"|A|B|\n|-|-|\n|*one*|" + wide + "|\n|two|[t](https://e.org)|", "<b><i>one</i></b>\n• B: " + wide + "\n\n<b>two</b>\n• B: <a href=\"https://e.org\">t</a>"},
		{"use a | b\nor c | d", "use a | b\nor c | d"},
		{"a | b\n---", "a | b\n──────────"},
		{"| a | b |\n|---|", "| a | b |\n|---|"},
		{"```\n| a |\n|---|\n```", "<pre>| a |\n|---|</pre>"},
	} {
		if got := markup.Parse(test.in).In(d); got != test.want {
			t.Errorf("%q\n got  %q\n want %q", test.in, got, test.want)
		}
	}
}

// FuzzDialect checks that Telegram would accept whatever comes out.
func FuzzDialect(f *testing.F) {
	for _, seed := range []string{"**a *b* [c](https://d) `e` ||f||**", "> q\n```x\ny", "|a|*b*|\n|-|:-:|\n|<|`|`|", "\\*_~|<&>\"![", "***a** b*"} {
		f.Add(seed)
	}
	d := dialect(f)
	f.Fuzz(func(t *testing.T, in string) {
		if !utf8.ValidString(in) || len(in) > 4000 {
			return
		}
		out := markup.Parse(in).In(d)
		if _, _, err := botapitest.ParseHTML(out); err != nil {
			t.Errorf("%q became %q: %v", in, out, err)
		}
	})
}
