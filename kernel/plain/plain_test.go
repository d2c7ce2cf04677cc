package plain_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/plain"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"grüße 👩‍👧 \tx\ny":      "grüße 👩‍👧 \tx\ny",
		"\x1b[31mred\x1b]0;t\a": `\u001b[31mred\u001b]0;t\u0007`,
		"a\rb\r\nc":             "a\\u000db\nc",
		"\u009b2J\x7f":          `\u009b2J\u007f`,
		"a\u202eb\u2028c":       `a\u202eb\u2028c`,
		"a\x9bb\xff":            "a\uFFFDb\uFFFD",
	} {
		if got := plain.Text(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := plain.Line("a\nb\tc\r\nd"); got != `a\nb c\nd` {
		t.Errorf("%q", got)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("a\x1b[2Jb\u009b\u202e\xff\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, got := range []string{plain.Text(text), plain.Line(text)} {
			if !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\r\x00\x7f\u009b\u202e") {
				t.Fatalf("%q: %q", text, got)
			}
		}
		if strings.ContainsAny(plain.Line(text), "\n\t") {
			t.Fatalf("%q", plain.Line(text))
		}
		// Piece by piece it is the same, but for a carriage return whose line feed comes later; and JSON stays itself.
		var whole strings.Builder
		w := plain.NewWriter(&whole)
		for i := range len(text) {
			_, _ = w.Write([]byte{text[i]})
		}
		if tail := plain.Text(strings.ReplaceAll(text, "\r\n", "\r \n")); utf8.ValidString(text) && len(whole.String()) > len(tail) {
			t.Fatalf("%q: %q", text, whole.String())
		}
		b, _ := json.Marshal(strings.ToValidUTF8(text, "?"))
		var back string
		if err := json.Unmarshal([]byte(plain.Text(string(b))), &back); err != nil || back != strings.ToValidUTF8(text, "?") {
			t.Fatalf("%q: %q %v", b, back, err)
		}
	})
}

func TestStrip(t *testing.T) {
	for in, want := range map[string]string{
		"plain\n\ttext": "plain\n\ttext", "a\x1b[31mb\r\nc\x00": "a[31mb\nc", "x\u202ey\u2028z\x7f": "xyz", "h\xc3": "h\uFFFD",
	} {
		if got := plain.Strip(in); got != want {
			t.Errorf("Strip(%q) = %q, want %q", in, got, want)
		}
	}
}
