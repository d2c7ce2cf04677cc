package words_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store/words"
)

func TestCut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        "",
		"Hello, World-wide 2.0!":  "hello world wide 2 0",
		"Grüße ÅNGSTRÖM Łódź":     "grusse angstrom lodz",
		"Ａｂｃ ﬁne":                 "abc fine",
		"北京大学":                    "北京 京大 大学 学",
		"iPhone的价格":               "iphone 的价 价格 格",
		"東京、大阪":                   "東京 京 大阪 阪",
		"가나다 라마":                  fold("가나다 라마"),
		"e\u0301te\u0301":         "ete",
		"दिल्ली":                  fold("दिल्ली"),
		"\xff\xfea":               "a",
		strings.Repeat("a", 1000): strings.Repeat("a", words.MaxWord),
	} {
		if got := fold(text); got != want {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
	for _, w := range words.Cut("ab 北京 ÄÖ") {
		if w.From < 0 || w.To <= w.From {
			t.Errorf("%+v", w)
		}
	}
}

func fold(text string) string {
	var list []string
	for _, w := range words.Cut(text) {
		list = append(list, w.Text)
	}
	return strings.Join(list, " ")
}

func TestAsk(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Harbour evening":      "[{[harbour] true false} {[evening] true false}]",
		`"old harbour" -night`: "[{[old harbour] false false} {[night] false true}]",
		"a well-known":         "[{[a] false false} {[well] true false} {[known] true false}]",
		"北京大学":                 "[{[北京 京大 大学] false false}]",
		"京":                    "[{[京] true false}]",
		`"unfinished phrase`:   "[{[unfinished phrase] false false}]",
		"- -- ?":               "[]",
		"-well-known":          "[{[well known] false true}]",
	} {
		if got := fmt.Sprint(words.Ask(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if n := len(words.Ask(strings.Repeat("word-and-more ", 100))); n != words.MaxTerms {
		t.Errorf("%d terms", n)
	}
}

func TestSnippet(t *testing.T) {
	t.Parallel()
	q := words.Ask("grusse 北京")
	text := strings.Repeat("x ", 300) + "viele Grüße\naus 北京市 " + strings.Repeat("y ", 300)
	got, marks := q.Snippet(text, 120)
	if len(marks) != 2 || got[marks[0].From:marks[0].To] != "Grüße" || got[marks[1].From:marks[1].To] != "北京" || strings.Contains(got, "\n") ||
		!strings.HasPrefix(got, "…") || !strings.HasSuffix(got, "…") {
		t.Errorf("%q %v", got, marks)
	}
	if got, marks := q.Snippet("nothing", 120); got != "nothing" || len(marks) != 0 {
		t.Errorf("%q %v", got, marks)
	}
}

func FuzzSnippet(f *testing.F) {
	f.Add("Grüße aus 北京", "grusse -x \"aus 北\"")
	f.Fuzz(func(t *testing.T, text, query string) {
		q := words.Ask(query)
		got, marks := q.Snippet(text, 40)
		for _, m := range marks {
			if m.From < 0 || m.To > len(got) || m.To < m.From {
				t.Fatalf("%q in %q: %v in %q", query, text, marks, got)
			}
		}
		if len(q) > words.MaxTerms {
			t.Fatal(len(q))
		}
	})
}
