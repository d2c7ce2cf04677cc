package half_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/half"
)

// TestHalf: pieces of a text come to the whole, wherever between two escapes it was cut; what stays alone is marked.
func TestHalf(t *testing.T) {
	for pieces, want := range map[string]string{
		`"a"|"b"`: "ab", `"a\ud83d"|"\ude00b"`: "a😀b", `"\ud83d"|""|"\ude00"`: "😀", `"\ud83d"`: "\uFFFD", `"\\ud83d"|"x"`: `\ud83dx`,
		`"\uD83D"|"\uDE00\ud83d"|"\ude00"`: "😀😀", `"\ud83d"|"x"`: "\uFFFDx", `7|null`: "",
	} {
		var h half.Half
		got := ""
		for piece := range strings.SplitSeq(pieces, "|") {
			value, err := json.ParseText(piece)
			if err != nil {
				t.Fatal(err)
			}
			got += h.Join(value)
		}
		if got += h.Rest(); got != want {
			t.Errorf("%s: %q, want %q", pieces, got, want)
		}
	}
}
