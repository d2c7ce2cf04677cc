package emoji_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/emoji"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]string{"tada": "🎉", "thumbsup": "👍", "wave::skin-tone-2": "👋", "party_parrot": ":party_parrot:", "": "::"} {
		if got := emoji.Of(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	for e, want := range map[string]string{"🎉": "tada", "👍🏽": "+1", "❤️": "heart", "❤": "heart", ":party_parrot:": "party_parrot", "🤦": "face_palm", "3️⃣": "three", "🦖": "", "": ""} {
		if got := emoji.Name(e); got != want {
			t.Errorf("%s is called %q, want %q", e, got, want)
		}
	}
}

func TestShown(t *testing.T) {
	for text, want := range map[string]string{
		"well done :tada::tada:!": "well done 🎉🎉!", "at 12:30:15": "at 12:30:15", "a:b": "a:b", ":none: :x:": ":none: ❌", "": "", "::": "::",
	} {
		if got := emoji.Shown(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
