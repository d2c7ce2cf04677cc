package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// root is the module's, seen from this package.
const root = "../.."

// TestDrift generates and compares with what is committed.
func TestDrift(t *testing.T) {
	t.Parallel()
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is out of date (%v): go run ./cmd/protocol", name, err)
		}
	}
}

// TestLinks follows the links of the page to its own headings.
func TestLinks(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(root, "docs/protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(b), -1) {
		if headings[anchor(m[1])] {
			t.Errorf("two headings are called %s", m[1])
		}
		headings[anchor(m[1])] = true
	}
	links := regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(string(b), -1)
	for _, m := range links {
		if !headings[m[1]] {
			t.Errorf("a link leads nowhere: %s", m[1])
		}
	}
	if len(links) < 100 {
		t.Errorf("only %d links", len(links))
	}
}

// TestDescribed: every method has a chapter and a sentence, every event a payload and a sentence, every
// object that a client sends a name.
func TestDescribed(t *testing.T) {
	t.Parallel()
	contract, err := read()
	if err != nil {
		t.Fatal(err)
	}
	c, err := readComments(root)
	if err != nil {
		t.Fatal(err)
	}
	d, missing := contract.Document(), []string{}
	if err := describe(d, c); err != nil {
		t.Fatal(err)
	}
	for _, m := range contract.Methods {
		if group(m.Name) < 0 {
			t.Errorf("%s has no chapter: see groups", m.Name)
		}
		if m.Summary == "" {
			missing = append(missing, m.Name)
		} else if !strings.HasSuffix(m.Summary, ".") {
			t.Errorf("the summary of %s is no sentence: %s", m.Name, m.Summary)
		}
	}
	if len(missing) > 0 {
		t.Errorf("methods without a sentence (see rpc.Method.Doc): %v", missing)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Events)) {
		if e := d.Events[name]; e.Payload.Ref == "" || d.Types.Target(e.Payload).Description == "" {
			t.Errorf("the payload of %s is no documented type", name)
		}
	}
	for name, m := range d.Methods {
		for _, e := range m.Events {
			if d.Events[e] == nil {
				t.Errorf("%s brings about %s, which is no event", name, e)
			}
		}
		for _, reason := range slices.Concat(m.Errors, wire.CommonErrors()) {
			if !strings.Contains(head, "| `"+reason+"`") && !strings.Contains(head, ", `"+reason+"`") {
				t.Errorf("%s is refused with %s, which head.md does not explain", name, reason)
			}
		}
	}
	t.Logf("%d methods, %d events, %d types", len(d.Methods), len(d.Events), len(d.Types.Defs))
}
