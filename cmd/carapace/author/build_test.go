package author_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	sources "github.com/carapace-gateway/carapace"
	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/wit"
)

// begun is a new tool in a language.
func begun(t *testing.T, lang string) author.Project {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dice")
	if err := author.New(sources.FS, dir, lang, "tool"); err != nil {
		t.Fatal(err)
	}
	p, err := author.Open(dir, "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestBuild: a new plugin is built by the compiler of its language; a folder's own is taken before that of the machine.
func TestBuild(t *testing.T) {
	repository, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(repository, "sdk/zig/compiler/bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for _, lang := range []string{"as", "c", "zig"} {
		p := begun(t, lang)
		if lang == "as" {
			if err := os.Symlink(filepath.Join(repository, "sdk/as/node_modules"), filepath.Join(p.Dir, "node_modules")); err != nil {
				t.Fatal(err)
			}
		}
		var said strings.Builder
		if err := p.Build(t.Context(), &said); err != nil {
			t.Errorf("%s: %v (`make toolchains` installs compilers)\n%s", lang, err, &said)
		} else if code, err := os.ReadFile(filepath.Join(p.Dir, "plugin.wasm")); err != nil || !strings.Contains(string(code), "tool_invoke") {
			t.Errorf("%s: it has made %d bytes, %v", lang, len(code), err)
		}
	}
}

// TestMissingCompiler: who has none is told where it comes from.
func TestMissingCompiler(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for lang, want := range map[string]string{"as": "npm install", "c": "apt-get install clang lld", "zig": "pip install ziglang", "go": "go is needed"} {
		if err := begun(t, lang).Build(t.Context(), os.Stderr); wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", lang, err, want)
		}
	}
}
