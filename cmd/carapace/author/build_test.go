package author_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
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

// TestItsOwnTest: that of a new plugin runs with what is in its folder, as its README says. Those in TypeScript and AssemblyScript take
// npm, and that in Rust its compiler's time: what they stand on is looked for.
func TestItsOwnTest(t *testing.T) {
	repository, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(repository, "sdk/zig/compiler/bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	for lang, want := range map[string]string{"c": "cc -std=c11 -o test test.c && ./test", "go": "go test .", "python": "python3 -m unittest", "zig": "zig test plugin.zig",
		"ts": "npm test", "as": "npm test", "rust": "cargo test --offline"} {
		p := begun(t, lang)
		readme, err := os.ReadFile(filepath.Join(p.Dir, "README.md"))
		if err != nil || !strings.Contains(string(readme), "\n"+want+" ") {
			t.Errorf("%s: %v, the README has no %q:\n%s", lang, err, want, readme)
		}
		if strings.HasPrefix(want, "npm") || strings.HasPrefix(want, "cargo") {
			continue
		}
		c := exec.CommandContext(t.Context(), "sh", "-ec", want)
		c.Dir = p.Dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %s: %v\n%s", lang, want, err, out)
		}
	}
}

// TestAGoPluginGetsOtherModules beside the SDK, which is no module that could be fetched.
func TestAGoPluginGetsOtherModules(t *testing.T) {
	p, other := begun(t, "go"), t.TempDir()
	for file, text := range map[string]string{
		filepath.Join(other, "go.mod"):   "module example.org/words\n",
		filepath.Join(other, "words.go"): "package words\n\nconst Hello = `hello`\n",
		filepath.Join(p.Dir, "hello.go"): "package main\n\nimport \"example.org/words\"\n\nvar _ = words.Hello\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"mod", "edit", "-replace", "example.org/words=" + other}, {"get", "example.org/words"}, {"mod", "tidy"}, {"vet", "./..."},
	} {
		c := exec.CommandContext(t.Context(), "go", args...)
		c.Dir, c.Env = p.Dir, append(os.Environ(), "GOPROXY=off", "GOFLAGS=")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	var said strings.Builder
	if err := p.Build(t.Context(), &said); err != nil {
		t.Errorf("%v\n%s", err, &said)
	}
}

// TestTheSDKIsWhole: what is put beside a new plugin is all that its SDK's package has.
func TestTheSDKIsWhole(t *testing.T) {
	for lang, at := range map[string][2]string{"ts": {"sdk/js", "vendor/carapace"}, "python": {"sdk/python/carapace", "carapace"}, "as": {"sdk/as", "vendor/carapace-as"}} {
		p, from, n := begun(t, lang), filepath.Join("../../..", at[0]), 0
		for _, name := range packaged(t, from) {
			n++
			want, err := os.ReadFile(filepath.Join(from, name))
			got, missing := os.ReadFile(filepath.Join(p.Dir, at[1], name))
			if err != nil || missing != nil || string(got) != string(want) {
				t.Errorf("%s: %s: %v, %v", lang, name, err, missing)
			}
		}
		if n < 5 {
			t.Errorf("%s: %d files", lang, n)
		}
	}
}

// packaged are the files of an SDK's package: those that its package.json names, or all sources where there is none.
func packaged(t *testing.T, dir string) (names []string) {
	t.Helper()
	var of struct{ Files []string }
	text, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err == nil {
		err = json.Unmarshal(text, &of)
	} else {
		of.Files, err = []string{"."}, nil
	}
	for _, name := range of.Files {
		err = errors.Join(err, filepath.WalkDir(filepath.Join(dir, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && d.Name() == "__pycache__" {
				return cmp.Or(err, error(filepath.SkipDir))
			}
			if !d.IsDir() && !strings.Contains(d.Name(), ".test.") && filepath.Ext(path) != ".pyc" {
				name, _ := filepath.Rel(dir, path)
				names = append(names, name)
			}
			return nil
		}))
	}
	if err != nil {
		t.Fatal(err)
	}
	return names
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
