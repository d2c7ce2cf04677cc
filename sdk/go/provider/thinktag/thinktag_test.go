package thinktag_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/provider/thinktag"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSplit: what of a text is thinking does not depend on where it was cut. Whole is as if the model had finished.
func TestSplit(t *testing.T) {
	for name, c := range map[string]struct {
		text          string
		opened, whole bool
		thought, said string
	}{
		"tags":                   {"<think>hm</think>\n\nIt is 2.", false, true, "hm", "It is 2."},
		"other tags":             {" [THINK]hm[/THINK]It", false, true, "hm", "It"},
		"twice":                  {"<think>a</think><think>b</think>c", false, true, "ab", "c"},
		"no tags":                {" It is <think> of.", false, true, "", " It is <think> of."},
		"almost a tag":           {"<thin ice", false, true, "", "<thin ice"},
		"not closed":             {"<think>hm", false, true, "hm", ""},
		"closed alone":           {"hm</think>It", false, true, "", "hm</think>It"},
		"opened by the template": {"hm</think>It", true, true, "hm", "It"},
		"opened, never closed":   {"It is 2.", true, true, "It is 2.", "It is 2."},
		"opened, cut off":        {"hm", true, false, "hm", ""},
	} {
		for size := 1; size <= len(c.text); size++ {
			tags := thinktag.Tags{}
			if c.opened {
				tags.Where = thinktag.Opened
			}
			var thought, said strings.Builder
			say := func(kind wit.DeltaKind, text string) {
				if kind == wit.DeltaKindThinking {
					thought.WriteString(text)
				} else {
					said.WriteString(text)
				}
			}
			for rest := c.text; rest != ""; {
				n := min(size, len(rest))
				tags.Split(rest[:n], say)
				rest = rest[n:]
			}
			tags.Flush(c.whole, say)
			if thought.String() != c.thought || said.String() != c.said {
				t.Errorf("%s, in pieces of %d: thought %q, said %q", name, size, thought.String(), said.String())
			}
		}
	}
}
