package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	sources "github.com/carapace-gateway/carapace"
	"github.com/carapace-gateway/carapace/cmd/carapace/author"
)

// TestAPanicInRust: the first line says where in the sources it was, and why; the next call has a new instance.
func TestAPanicInRust(t *testing.T) {
	t.Parallel()
	state, folder := stateDir(t), filepath.Join(t.TempDir(), "dice")
	if err := author.New(sources.FS, folder, "rust", "tool"); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(folder, "src", "lib.rs"), "        Ok(", "        assert!(sides < 100, \"no die has {sides} sides\");\n        Ok(")
	project, err := author.Open(folder, version)
	if err != nil {
		t.Fatal(err)
	}
	if err := project.Build(t.Context(), os.Stderr); err != nil {
		t.Fatal(err)
	}
	if _, err := project.Install(filepath.Join(state, "plugins")); err != nil {
		t.Fatal(err)
	}
	serve(t, state)
	await(t, "the plugin", func() bool { return strings.Contains(plugins(t, state), "dice") })
	r := carapace(t, state, "plugins", "call", "dice", "roll", `{"sides":777}`)
	first, _, _ := strings.Cut(r.err, "\n")
	if r.code != exitFailed || !regexp.MustCompile(`panic at src/lib\.rs:\d+:9: no die has 777 sides`).MatchString(first) {
		t.Errorf("plugins call: %+v", r)
	}
	if out := must(t, state, "plugins", "call", "dice", "roll", `{"sides":2}`); out != "1\n" && out != "2\n" {
		t.Errorf("the next call: %q", out)
	}
}
