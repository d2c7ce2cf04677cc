package botapitest_test

import (
	"encoding/json"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
)

func listen(t *testing.T, server *http.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String()
}

func TestMarkup(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	s.DM(ada, "hi")
	type e = botapitest.Entity
	for _, test := range []struct {
		mode, in, text string
		entities       []e
	}{
		{"HTML", "plain &lt;b&gt; &amp;amp; &#65;&#x42; &nope; &", "plain <b> &amp; AB &nope; &", nil},
		{"HTML", "🏟 <b>bold <I>both</i></b>", "🏟 bold both", []e{{Type: "bold", Offset: 3, Length: 9}, {Type: "italic", Offset: 8, Length: 4}}},
		{"HTML", `<a href="https://example.org/?a=1&amp;b=2">x</a><b></b>`, "x", []e{{Type: "text_link", Length: 1, URL: "https://example.org/?a=1&b=2"}}},
		{"HTML", `<pre><code class="language-go">x := 1</code></pre>`, "x := 1", []e{{Type: "pre", Length: 6, Language: "go"}}},
		{"HTML", `<span class="tg-spoiler">a</span><tg-spoiler>b</tg-spoiler>`, "ab", []e{{Type: "spoiler", Length: 1}, {Type: "spoiler", Offset: 1, Length: 1}}},
		{"HTML", "  <blockquote expandable>q\nr</blockquote>  ", "q\nr", []e{{Type: "expandable_blockquote", Length: 3}}},
		{"MarkdownV2", `*b _i_* __u__ ~s~ ||p||`, "b i u s p", []e{{Type: "bold", Length: 3}, {Type: "italic", Offset: 2, Length: 1}, {Type: "underline", Offset: 4, Length: 1}, {Type: "strikethrough", Offset: 6, Length: 1}, {Type: "spoiler", Offset: 8, Length: 1}}},
		{"MarkdownV2", "`a*b` [x\\.y](https://e.org/\\)) 1\\.5", "a*b x.y 1.5", []e{{Type: "code", Length: 3}, {Type: "text_link", Offset: 4, Length: 3, URL: "https://e.org/)"}}},
		{"MarkdownV2", "```go\nx = 1\n```", "x = 1", []e{{Type: "pre", Length: 5, Language: "go"}}},
		{"MarkdownV2", ">a\n>b\nc", "a\nb\nc", []e{{Type: "blockquote", Length: 4}}},
		{"", "<b>*", "<b>*", nil},
		{"", "/start@bot and @ada", "/start@bot and @ada", []e{{Type: "bot_command", Length: 10}, {Type: "mention", Offset: 15, Length: 4}}},
	} {
		a := c.call("sendMessage", form("chat_id", "7", "text", test.in, "parse_mode", test.mode))
		var m botapitest.Message
		if err := json.Unmarshal(a.Result, &m); err != nil {
			t.Errorf("%q: %+v", test.in, a)
			continue
		}
		if m.Text != test.text || !reflect.DeepEqual(m.Entities, test.entities) {
			t.Errorf("%s %q: got %q %+v, want %q %+v", test.mode, test.in, m.Text, m.Entities, test.text, test.entities)
		}
	}
}

func TestMarkupErrors(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	s.DM(ada, "hi")
	for _, test := range []struct{ mode, in, want string }{
		{"HTML", "é <kahn@example.org>", `Unsupported start tag "kahn@example.org" at byte offset 3`},
		{"HTML", "a < b", `Unsupported start tag "" at byte offset 2`},
		{"HTML", "a <b", "Unclosed start tag at byte offset 2"},
		{"HTML", "<b>a", `Can't find end tag corresponding to start tag "b"`},
		{"HTML", "a</b>", "Unexpected end tag at byte offset 1"},
		{"HTML", "<b>a</i>", `Unmatched end tag at byte offset 4, expected "</b>", found "</i>"`},
		{"HTML", "<b>a</b", "Unclosed end tag at byte offset 4"},
		{"HTML", "<span>a</span>", `Tag "span" must have class "tg-spoiler" at byte offset 0`},
		{"HTML", "<a href>x</a>", `Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0`},
		{"HTML", `<a ="x">x</a>`, `Empty attribute name in the tag "a" at byte offset 0`},
		{"MarkdownV2", "version 1.0", `Character '.' is reserved and must be escaped with the preceding '\'`},
		{"MarkdownV2", "é *bold", "Can't find end of Bold entity at byte offset 3"},
		{"MarkdownV2", "_a *b_", "Can't find end of Italic entity at byte offset 5"},
		{"MarkdownV2", "`x", "Can't find end of Code entity at byte offset 0"},
		{"MarkdownV2", "```go x", "Can't find end of PreCode entity at byte offset 0"},
		{"MarkdownV2", "[x](y", "Can't find end of a URL at byte offset 3"},
	} {
		a := c.call("sendMessage", form("chat_id", "7", "text", test.in, "parse_mode", test.mode))
		if got := strings.TrimPrefix(a.Description, "Bad Request: can't parse entities: "); a.ErrorCode != 400 || got != test.want {
			t.Errorf("%s %q: got %d %q, want %q", test.mode, test.in, a.ErrorCode, a.Description, test.want)
		}
	}
	if n := len(s.Sent()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

// FuzzMarkup checks that entities lie within what is shown.
func FuzzMarkup(f *testing.F) {
	for _, seed := range []string{"<b>a<i>🏟</i></b>", "*a _🏟_*", ">q\n||s||", "```go\nx```", "<a href=\"x.y\">&#65;</a>", "![e](tg://emoji?id=5)", "*_\xf0\x9f\x8f~~\x9f_*"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, in string, html bool) {
		parse := botapitest.ParseMarkdownV2
		if html {
			parse = botapitest.ParseHTML
		}
		text, entities, err := parse(in)
		if err != nil {
			return
		}
		length := len(utf16.Encode([]rune(text)))
		for _, e := range entities {
			if e.Offset < 0 || e.Length <= 0 || e.Offset+e.Length > length {
				t.Errorf("%q: %+v is outside of %q", in, e, text)
			}
		}
	})
}
