package source_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/wit"
)

// project makes a plugin's folder of files.
func project(t *testing.T, files map[string]string) (plugins string, p *source.Package) {
	t.Helper()
	plugins = t.TempDir()
	for name, text := range files {
		at := filepath.Join(plugins, "p", filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := source.Folder(plugins).Packages()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return plugins, &list[0]
}

// TestFilesOfAScript are those in the plugin's folder and the folders in it, and those of the packages that it depends on.
func TestFilesOfAScript(t *testing.T) {
	_, p := project(t, map[string]string{
		"plugin.json": "{}", "plugin.ts": "1", "lib/a.ts": "2", "lib/deep/b.json": "3", "lib/a.test.ts": "-", "lib/a.d.ts": "-", "testdata/x.json": "-", ".git/x.js": "-", "lib/notes.md": "-",
		"package.json":                               `{"dependencies":{"one":"1","@by/two":"1","carapace":"1","gone":"1","../../etc":"1"},"devDependencies":{"big":"1"}}`,
		"node_modules/one/package.json":              `{"dependencies":{"inner":"1","@by/two":"1"}}`,
		"node_modules/one/index.js":                  "4",
		"node_modules/one/README.md":                 "-",
		"node_modules/one/node_modules/inner/i.cjs":  "5",
		"node_modules/one/node_modules/unasked/x.js": "-",
		"node_modules/inner/other.js":                "-",
		"node_modules/@by/two/package.json":          `{"dependencies":{"one":"1"}}`,
		"node_modules/@by/two/dist/x.mjs":            "6",
		"node_modules/big/index.js":                  "-",
		"node_modules/carapace/index.js":             "-",
	})
	before, err := p.Fingerprint("plugin.ts")
	if err != nil {
		t.Fatal(err)
	}
	code, err := p.Code("plugin.ts")
	if err != nil {
		t.Fatal(err)
	}
	s, err := script.Decode(code)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"lib/a.ts", "lib/deep/b.json", "node_modules/@by/two/dist/x.mjs", "node_modules/@by/two/package.json", "node_modules/one/index.js",
		"node_modules/one/node_modules/inner/i.cjs", "node_modules/one/package.json", "package.json", "plugin.ts"}
	if got := slices.Sorted(maps.Keys(s.Files)); !slices.Equal(got, want) {
		t.Errorf("files %q", got)
	}
	files, err := source.Files("plugin.ts", code)
	if err != nil || len(files) != len(want) {
		t.Errorf("%d files come out again (%v)", len(files), err)
	}
	at := filepath.Join(p.Path, "node_modules", "one", "node_modules", "inner", "i.cjs")
	if err := os.WriteFile(at, []byte("another one"), 0o644); err != nil {
		t.Fatal(err)
	}
	if now, err := p.Fingerprint("plugin.ts"); err != nil || now == before {
		t.Errorf("a package has changed, and the plugin has not: %v", err)
	}
}

// TestKeptScripts have their folders.
func TestKeptScripts(t *testing.T) {
	_, p := project(t, map[string]string{"plugin.json": "{}", "plugin.ts": "1", "lib/a.ts": "2",
		"package.json": `{"dependencies":{"one":"1"}}`, "node_modules/one/package.json": "{}", "node_modules/one/index.js": "3"})
	kept := source.Keep(t.TempDir())
	if err := kept.Put(*p, "plugin.ts", func(_, _ []byte) bool { return true }); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plugin.ts", "lib/a.ts", "node_modules/one/index.js"} {
		if _, err := os.Stat(filepath.Join(kept.Name(), "p", name)); err != nil {
			t.Error(err)
		}
	}
	list, err := kept.Packages()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	was, err := p.Code("plugin.ts")
	if err != nil {
		t.Fatal(err)
	}
	if is, err := list[0].Code("plugin.ts"); err != nil || string(is) != string(was) {
		t.Errorf("what is kept is %s, and was %s (%v)", is, was, err)
	}
}

// nested are the files that name a package in each of so many packages within each other, and in the plugin.
func nested(n int, text string) map[string]string {
	files := map[string]string{}
	for i := range n + 1 {
		files[strings.Repeat("node_modules/p0/", i)+"package.json"] = text
	}
	return files
}

// TestTooMuchScript, and what is somewhere else, is refused.
func TestTooMuchScript(t *testing.T) {
	deps := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`"p%d":"1"`, i))
		}
		return `{"dependencies":{` + strings.Join(list, ",") + `}}`
	}
	for name, c := range map[string]struct {
		files map[string]string
		link  [2]string // from a name in the folder, to where
		many  [3]any    // how many files of a name and a length
		want  string
	}{
		"files":                     {map[string]string{}, [2]string{}, [3]any{201, "lib/f%d.ts", 1}, "more files of script than the 200"},
		"bytes":                     {map[string]string{}, [2]string{}, [3]any{5, "f%d.ts", 1 << 20}, "more files of script"},
		"depth":                     {map[string]string{strings.Repeat("d/", 11) + "x.ts": ""}, [2]string{}, [3]any{0, "", 0}, "at most 10 deep"},
		"a package":                 {map[string]string{"package.json": deps(1)}, [2]string{}, [3]any{2001, "node_modules/p0/f%d.js", 1}, "node_modules has more files of script than the 2000"},
		"large packages":            {map[string]string{"package.json": deps(2)}, [2]string{}, [3]any{17, "node_modules/p0/f%d.js", 1 << 20}, "node_modules has more files"},
		"packages":                  {map[string]string{"package.json": deps(101)}, [2]string{}, [3]any{101, "node_modules/p%d/index.js", 1}, "more than 100 packages"},
		"deep packages":             {nested(6, deps(1)), [2]string{}, [3]any{1, strings.Repeat("node_modules/p0/", 6) + strings.Repeat("d/", 9) + "x%d.js", 1}, "more than 20 folders deep"},
		"a linked list of packages": {map[string]string{"node_modules/p0/index.js": "", "../out.json": deps(1)}, [2]string{"package.json", "../out.json"}, [3]any{0, "", 0}, "package.json is a link that leads out"},
		"a linked file":             {map[string]string{}, [2]string{"lib.ts", "/etc/hostname"}, [3]any{0, "", 0}, "lib.ts is a link that leads out of the plugin's folder"},
		"a linked folder":           {map[string]string{}, [2]string{"lib", "/etc"}, [3]any{0, "", 0}, "lib is a link that leads out"},
		"a neighbour":               {map[string]string{}, [2]string{"lib", "../p2"}, [3]any{0, "", 0}, "lib is a link that leads out"},
		"a linked package": {map[string]string{"package.json": deps(1), "node_modules/x/index.js": ""}, [2]string{"node_modules/p0", "/etc"}, [3]any{0, "", 0},
			"node_modules/p0 is a link that leads out"},
		"all packages linked": {map[string]string{"package.json": `{"dependencies":{"p2":"1"}}`}, [2]string{"node_modules", "../"}, [3]any{0, "", 0}, "leads out"},
		"a circle":            {map[string]string{"lib/a.ts": ""}, [2]string{"lib/lib", "../lib"}, [3]any{0, "", 0}, "at most 10 deep"},
		"a link inside":       {map[string]string{"lib/a.ts": ""}, [2]string{"b.ts", "lib/a.ts"}, [3]any{0, "", 0}, ""},
		"a link to nothing":   {map[string]string{}, [2]string{"b.ts", "nothing.ts"}, [3]any{0, "", 0}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"plugin.json": "{}", "plugin.ts": ""}
			maps.Copy(files, c.files)
			for n := range c.many[0].(int) {
				files[fmt.Sprintf(c.many[1].(string), n)] = strings.Repeat(" ", c.many[2].(int))
			}
			plugins, p := project(t, files)
			if c.link[0] != "" {
				if err := errors.Join(os.MkdirAll(filepath.Join(plugins, "p2"), 0o755), os.Symlink(c.link[1], filepath.Join(plugins, "p", c.link[0]))); err != nil {
					t.Skip("there are no links here:", err)
				}
			}
			_, err := p.Code("plugin.ts")
			_, stamped := p.Fingerprint("plugin.ts")
			switch {
			case c.want == "" && err == nil && stamped == nil:
			case c.want == "" || wit.CodeOf(err) != wit.CodeInvalid || wit.CodeOf(stamped) != wit.CodeInvalid || !strings.Contains(err.Error(), c.want):
				t.Errorf("%v, %v, want %q", err, stamped, c.want)
			}
		})
	}
}
