package author_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/wit"
)

// written is a script's project in a folder of its id, with files in folders and packages of which one is for its author alone.
func written(t *testing.T, more map[string]string) author.Project {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "p")
	files := map[string]string{
		"plugin.json": `{"id":"p","name":"P","version":"1.0.0","description":"x","abi":1,"entry":"plugin.ts","provides":{"hooks":[{"name":"message_sent"}]}}`,
		"plugin.ts":   `import { a } from "./lib/a"; import x from "x"; export const hookHandle = () => a + x;`,
		"lib/a.ts":    `export const a = 1;`, "lib/b.ts": `export const b = 1;`, "LICENSE": "free", "notes.md": "mine",
		"package.json":                `{"dependencies":{"x":"1"},"devDependencies":{"mine":"1"}}`,
		"node_modules/x/package.json": `{}`, "node_modules/x/index.js": `module.exports = 1;`, "node_modules/x/more.js": `module.exports = 2;`,
		"node_modules/mine/package.json": `{}`, "node_modules/mine/index.js": `1`,
	}
	maps.Copy(files, more)
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := author.Open(dir, "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// listed are the files below a folder.
func listed(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.Walk(dir, func(at string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			name, _ := filepath.Rel(dir, at)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// code is what a gateway reads of the code in a folder.
func code(t *testing.T, dir string) string {
	t.Helper()
	p, err := author.Package(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.Code("plugin.ts")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPackedIsWhatIsNeeded, and nothing that the bundler does not read.
func TestPackedIsWhatIsNeeded(t *testing.T) {
	bundler := &script.Bundler{Module: "carapace"}
	for name, c := range map[string]struct {
		more map[string]string
		want []string
	}{
		"with a package": {nil, []string{"LICENSE", "lib/a.ts", "node_modules/x/index.js", "node_modules/x/package.json", "package.json", "plugin.json", "plugin.ts"}},
		"without":        {map[string]string{"plugin.ts": `import { b } from "./lib/b"; export const hookHandle = () => b;`}, []string{"LICENSE", "lib/b.ts", "plugin.json", "plugin.ts"}},
	} {
		data, err := written(t, c.more).Pack(t.Context(), bundler)
		if err != nil {
			t.Fatal(name, err)
		}
		p, err := archive.Read(data)
		if err != nil {
			t.Fatal(name, err)
		}
		if got := slices.Sorted(maps.Keys(p.Files)); !slices.Equal(got, c.want) {
			t.Errorf("%s: packed are %q", name, got)
		}
	}
	missing := written(t, map[string]string{"plugin.ts": `import m from "mine"; export const hookHandle = () => m;`})
	if _, err := missing.Pack(t.Context(), bundler); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "there is no package mine beside this plugin") {
		t.Errorf("what is for the author alone is packed: %v", err)
	}
}

// TestInstalledWithItsPackages: where it is put there is all that it is read of, and what it has no more is gone.
func TestInstalledWithItsPackages(t *testing.T) {
	p, plugins := written(t, nil), t.TempDir()
	built, err := p.Install(plugins)
	if err != nil || !built.Changed {
		t.Fatal(built, err)
	}
	to := filepath.Join(plugins, "p")
	if got, want := code(t, to), code(t, p.Dir); got != want {
		t.Errorf("it is %s, and was %s", got, want)
	}
	if built, err := p.Install(plugins); err != nil || built.Changed {
		t.Errorf("it is another the second time: %v", err)
	}
	if err := os.Remove(filepath.Join(p.Dir, "package.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Install(plugins); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, to); !slices.Equal(got, []string{"lib/a.ts", "lib/b.ts", "plugin.json", "plugin.ts"}) {
		t.Errorf("there are %q", got)
	}
}

// TestInstalledWhereItIs: nothing of a project is taken away that is in a gateway's folder itself.
func TestInstalledWhereItIs(t *testing.T) {
	p := written(t, map[string]string{"plugin.ts": `export const hookHandle = () => 1;`})
	before := listed(t, p.Dir)
	built, err := p.Install(filepath.Dir(p.Dir))
	if err != nil || built.Changed || built.Hash == "" {
		t.Error(built, err)
	}
	if after := listed(t, p.Dir); !slices.Equal(after, before) {
		t.Errorf("there were %q, and are %q", before, after)
	}
}
