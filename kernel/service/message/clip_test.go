package message_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/message"
)

func TestClip(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		want string
	}{
		{"short", 5, "short"},
		{"longer", 5, "longe…"},
		{"longer", 0, "longer"},
		{"", 3, ""},
		{"naïve", 3, "na…"}, // ï has two bytes, and half of it is nothing
		{"naïve", 4, "naï…"},
		{"日本", 2, "…"},
		{"日本", 3, "日…"},
		{"a\xff\xfeb and more", 4, "ab…"}, // a plugin's bytes are anybody's
	} {
		if got := message.Clip(tt.text, tt.n); got != tt.want {
			t.Errorf("Clip(%q, %d) = %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
}
