package texts_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/texts"
)

func TestJoin(t *testing.T) {
	for _, c := range []struct {
		texts []string
		want  string
	}{
		{nil, ""}, {[]string{"", " "}, ""}, {[]string{"one"}, "one"}, {[]string{" one\n", "", "two"}, "one: two"},
	} {
		if got := texts.Join(": ", c.texts...); got != c.want {
			t.Errorf("%q: %q, want %q", c.texts, got, c.want)
		}
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abc", 2, "ab"}, {"aé", 2, "a"}, {"aé", 3, "aé"}, {"😀", 3, ""},
	} {
		if got := texts.Clip(c.text, c.most); got != c.want {
			t.Errorf("%q of %d: %q, want %q", c.text, c.most, got, c.want)
		}
	}
}
