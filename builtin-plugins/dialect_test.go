package builtin_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/markup"
	"github.com/carapace-gateway/carapace/wit"
)

// rich is a text with all that models write.
const rich = "# Tomorrow & after\n\n**bold**, *italic*, ~~gone~~, ||secret||, `a*b_c < d` and [a site](https://example.org/?a=1&b=2).\n" +
	"5 < 6 & 7*8, snake_case, <b>no tag</b>\n\n> said **so**\n\n- one\n- two\n  - deep\n\n1. first\n\n   ```go\n   if a < b {\n   ```\n\n" +
	"| name | n |\n|---|--:|\n| tea | 1 |\n| milk | **20** |\n"

// TestDialectsOfManifests: what a rich text becomes on each platform that has marks of its own is what testdata/dialects.txt shows, which
// was read beside the platforms' pages about them. CARAPACE_UPDATE=1 writes it anew.
func TestDialectsOfManifests(t *testing.T) {
	var b strings.Builder
	all := manifests(t)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		var m wit.Manifest
		if err := json.Unmarshal(all[id], &m); err != nil {
			t.Fatal(err)
		}
		if c := m.Provides.Channel; c != nil && c.Markup == wit.MarkupMarks {
			fmt.Fprintf(&b, "== %s\n%s\n\n", id, markup.Parse(rich).In(&c.Dialect))
		}
	}
	path := filepath.Join("testdata", "dialects.txt")
	if os.Getenv("CARAPACE_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the dialects show\n%s", &b)
	}
}
