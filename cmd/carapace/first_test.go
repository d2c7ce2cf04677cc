package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/cmd/demo/first"
	"github.com/carapace-gateway/carapace/cmd/examples"
)

// TestTheAuthorsLoopAtFirst does what docs/plugins.md says to begin with, in each language.
func TestTheAuthorsLoopAtFirst(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(repository(t), "docs", "plugins.md"))
	if err != nil {
		t.Fatal(err)
	}
	if langs := first.Languages(); !slices.Contains(langs, "go") || !slices.Contains(langs, "ts") {
		t.Fatalf("of %q there are %q", author.Languages(), langs)
	}
	base, program := command(t.Context(), t, t.TempDir()), filepath.Join(path(t), "carapace")
	for _, lang := range first.Languages() {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			var said bytes.Buffer
			o := first.Options{Carapace: program, Page: string(page), Env: append(slices.Clone(base.Env), "CARAPACE_TEST_BINARY="+base.Path), Said: &said, Python: filepath.Join(repository(t), examples.Python),
				Fetch: func(dir, lang string) error { return examples.Fetch(repository(t), dir, lang) }}
			r, err := first.Run(t.Context(), o, lang)
			if err != nil || !strings.Contains(r.Answer, "ello") || len(r.Steps) < 5 {
				t.Fatalf("%v: answered %q after %v\n%s", err, r.Answer, r.Steps, said.String())
			}
			t.Log(r.Steps)
		})
	}
}
