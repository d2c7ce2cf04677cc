package form_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/form"
)

func TestForm(t *testing.T) {
	f := form.Form{}.With("a", "1 & 2").With("none", "").With("ä", "x=y+{{z}}")
	text := f.Encode()
	if want := "a=1%20%26%202&%C3%A4=x%3Dy%2B%7B%7Bz%7D%7D"; text != want {
		t.Errorf("%s, want %s", text, want)
	}
	read := form.Parse(text)
	if read.Get("a") != "1 & 2" || read.Get("ä") != "x=y+{{z}}" || read.Get("b") != "" {
		t.Errorf("%s is read as %v", text, read)
	}
	first := f.With("c", "1")
	if f.With("c", "2"); first.Get("c") != "1" {
		t.Error("one form has changed another")
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":              "",
		"a=b+c":         "a=b c",
		"a":             "a=",
		"&&a=1&=2":      "a=1 =2",
		"a=%zz%4":       "a=%zz%4",
		"a=%e4":         "a=\uFFFD",
		"a=\xff":        "a=\uFFFD",
		"a=1&a=2":       "a=1 a=2",
		"a%3Db=c%26d=e": "a=b=c&d=e",
	} {
		var all []string
		for _, f := range form.Parse(text) {
			all = append(all, f.Name+"="+f.Value)
		}
		if got := strings.Join(all, " "); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
	if n := len(form.Parse(strings.Repeat("a=b&", 10_000))); n > 200 {
		t.Errorf("%d parameters were read", n)
	}
}

func TestPath(t *testing.T) {
	for path, want := range map[string]string{
		"spaces/A b/messages/C.D": "spaces/A%20b/messages/C.D",
		"../x":                    "%2E%2E/x",
		"/a/./b":                  "/a/%2E/b",
		"a?b#c{{d}}":              "a%3Fb%23c%7B%7Bd%7D%7D",
	} {
		if got := form.Path(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// FuzzEscape: what is escaped is read as what it was by Go's own package, and stands in a URL.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "a b", "..", "%41", "ä{{credential:x}}", "a/b?c#d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		escaped := form.Escape(s)
		if read, err := url.PathUnescape(escaped); err != nil || read != s {
			t.Errorf("%q is %q, which is read as %q (%v)", s, escaped, read, err)
		}
		if strings.ContainsAny(escaped, "/?#{} ") {
			t.Errorf("%q ends something", escaped)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); form.Unescape(escaped) != want {
			t.Errorf("%q is read as %q", escaped, form.Unescape(escaped))
		}
		form.Parse(s)
	})
}
