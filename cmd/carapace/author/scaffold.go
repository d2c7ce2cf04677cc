package author

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// modulePath is how Go names the SDK's module.
const modulePath = "github.com/carapace-gateway/carapace"

// languages are those that a plugin can be begun in, by the word for the command line, which examples are named by too; see prefix.
var languages = map[string]func(s scaffold) error{"as": scaffold.assemblyScript, "c": scaffold.c, "go": scaffold.golang, "python": scaffold.python, "rust": scaffold.rust,
	"ts": scaffold.typescript, "zig": scaffold.zig}

// words are what else languages are called.
var words = map[string]string{"assemblyscript": "as", "golang": "go", "py": "python", "rs": "rust", "typescript": "ts"}

// untyped says to those who want TypeScript's other half where it is.
var untyped = map[string]string{"javascript": inTypeScript, "js": inTypeScript}

const inTypeScript = "; JavaScript is begun in ts: types may be left out, and plugin.ts be called plugin.js, also in plugin.json"

// Language is the word of Languages for what somebody calls a language; a word that is not known stays as it is.
func Language(word string) string { return cmp.Or(words[strings.ToLower(word)], word) }

// prefix is what the names of a language's examples begin with.
func prefix(lang string) string {
	if lang == "python" {
		return "py"
	}
	return lang
}

// examples is where the sources have a folder for each language and kind.
const examples = "pdk-examples"

// Kinds are the kinds of plugin that can be begun in a language, empty for a language that is not known.
func Kinds(sources fs.FS, lang string) (kinds []string) {
	entries, err := fs.ReadDir(sources, examples)
	if err != nil || languages[lang] == nil {
		return nil
	}
	for _, e := range entries {
		kind, of := strings.CutPrefix(e.Name(), prefix(lang)+"-")
		if _, err := fs.Stat(sources, path.Join(examples, e.Name(), manifestFile)); of && err == nil && slices.ContainsFunc(wit.Exports(), func(f wit.Function) bool { return f.Capability == kind }) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Languages are the words for the languages that a plugin can be begun in.
func Languages() []string { return slices.Sorted(maps.Keys(languages)) }

// New begins a plugin in a new folder, whose name is its id: the smallest one of its kind, with what it takes to build and
// test it. sources are those that the binary carries. CodeInvalid for an id, a language or a kind that is none,
// CodeConflict where the folder has something in it.
func New(sources fs.FS, dir, lang, kind string) (err error) {
	id := filepath.Base(dir)
	if !identifier.MatchString(id) {
		return wit.Errorf(wit.CodeInvalid, "%.80q cannot be a plugin's id: use 1 to 64 lower-case letters, digits and hyphens", id)
	}
	write := languages[lang]
	if write == nil {
		return wit.Errorf(wit.CodeInvalid, "%.40q is no language of these: %s%s", lang, strings.Join(Languages(), ", "), untyped[strings.ToLower(lang)])
	}
	if kinds := Kinds(sources, lang); !slices.Contains(kinds, kind) {
		return wit.Errorf(wit.CodeInvalid, "%.40q is no kind of these: %s%s", kind, strings.Join(kinds, ", "), elsewhere(sources, kind))
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return wit.Errorf(wit.CodeConflict, "%s has something in it: name a new folder", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s := scaffold{sources: sources, dir: dir, id: id, lang: lang, kind: kind}
	return errors.Join(s.example(), write(s), s.readme())
}

// elsewhere says in which languages a kind can be begun, if there are any.
func elsewhere(sources fs.FS, kind string) string {
	others := slices.DeleteFunc(Languages(), func(lang string) bool { return !slices.Contains(Kinds(sources, lang), kind) })
	if len(others) == 0 {
		return ""
	}
	return fmt.Sprintf("; a %s is begun in %s", kind, strings.Join(others, " or "))
}

var identifier = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// scaffold writes a new plugin.
type scaffold struct {
	sources             fs.FS
	dir, id, lang, kind string
}

// example copies the example of the language and kind under the plugin's own name.
func (s scaffold) example() error {
	was := prefix(s.lang) + "-" + s.kind
	from := path.Join(examples, was)
	return s.copy(from, "", func(name string, text []byte) []byte {
		switch path.Base(name) {
		case "README.md":
			return nil // it is about the example
		case manifestFile:
			text = manifestName.ReplaceAll(text, []byte(`  "name": "`+title(s.id)+`",`))
		}
		text = bytes.ReplaceAll(text, []byte(was), []byte(s.id))
		return bytes.ReplaceAll(text, []byte(path.Join(modulePath, examples, s.id)), []byte(s.id))
	})
}

var manifestName = regexp.MustCompile(`(?m)^  "name": ".*",$`)

// title is what people call a plugin with this id, until its author says otherwise.
func title(id string) string {
	words := strings.Split(id, "-")
	for n, w := range words {
		if w != "" {
			words[n] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}

// copy writes the files of a folder of the sources into one of the plugin's. What change returns nil for is left out.
func (s scaffold) copy(from, to string, change func(name string, text []byte) []byte) error {
	return fs.WalkDir(s.sources, from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(s.sources, name)
		if err != nil {
			return err
		}
		if text = change(name, text); text == nil {
			return nil
		}
		return s.write(path.Join(to, strings.TrimPrefix(name, from+"/")), text)
	})
}

func (s scaffold) write(name string, text []byte) error {
	to := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

// goVersion is the version of the SDK's module that plugins ask for: that of the contract.
var goVersion = fmt.Sprintf("v%d.0.0", wit.ABI)

// goSDK is the folder with the SDK's module in a plugin in Go.
const goSDK = "carapace"

// golang makes the folder a module beside whose code is the SDK's, which go.mod names in the place of the one that is published: so
// `go get` adds other modules.
func (s scaffold) golang() error {
	for _, from := range []string{"sdk/go", "wit"} {
		err := s.copy(from, path.Join(goSDK, from), func(name string, text []byte) []byte {
			if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/testdata/") {
				return nil
			}
			return text
		})
		if err != nil {
			return err
		}
	}
	const head = "module %s\n\ngo 1.26\n"
	return errors.Join(
		s.write("go.mod", fmt.Appendf(nil, head+"\nrequire %s %s\n\nreplace %[2]s => ./%[4]s\n", s.id, modulePath, goVersion, goSDK)),
		s.write(path.Join(goSDK, "go.mod"), fmt.Appendf(nil, head, modulePath)),
		s.write(".gitignore", []byte("*.wasm\n")))
}

// typescript puts the SDK beside the plugin, where package.json looks for it, and once more where editors find its types before npm
// has installed anything. What npm installs is for tests and for the compiler's check of types: the gateway needs none of it.
func (s scaffold) typescript() error {
	whole := func(_ string, text []byte) []byte { return text }
	tsconfig := "{\n  \"extends\": \"carapace/tsconfig.json\",\n  \"include\": [\"*.ts\"]\n}\n"
	return errors.Join(
		s.copy("sdk/js", "vendor/carapace", whole),
		s.copy("sdk/js", "node_modules/carapace", whole),
		s.write("package.json", fmt.Appendf(nil, packageJSON, s.id)),
		s.write("tsconfig.json", []byte(tsconfig)),
		s.write(".gitignore", []byte("node_modules/\n")))
}

// packageJSON is that of a plugin in TypeScript.
const packageJSON = `{
  "name": "%s",
  "private": true,
  "type": "module",
  "scripts": {
    "check": "tsc -p .",
    "test": "node --test plugin.test.mjs"
  },
  "devDependencies": {
    "carapace": "file:vendor/carapace",
    "typescript": "7.0.2"
  }
}
`

// python puts the SDK where editors and tests look for it. The gateway has its own.
func (s scaffold) python() error {
	return errors.Join(
		s.copy("sdk/python/carapace", "carapace", func(_ string, text []byte) []byte { return text }),
		s.write(".gitignore", []byte("__pycache__/\n")))
}

// hints are what the README of a new plugin says of a language: what is installed once, and how the plugin's own test runs.
var hints = map[string]struct{ once, test string }{
	"as":     {"npm install", "npm test"},
	"c":      {"", "cc -std=c11 -o test test.c && ./test"},
	"go":     {"", "go test ."},
	"python": {"carapace runtimes install python", "python3 -m unittest"},
	"rust":   {"rustup target add " + wasmTarget, "cargo test --offline"},
	"ts":     {"npm install", "npm test"},
	"zig":    {"", "zig test plugin.zig"},
}

// readme says what to do with the folder.
func (s scaffold) readme() error {
	of, lines := hints[s.lang], [][2]string{}
	switch {
	case s.lang == "ts":
		lines = append(lines, [2]string{of.once, "once, for its own test and your editor: the gateway needs none of it"})
	case of.once != "":
		lines = append(lines, [2]string{of.once, "once"})
	}
	lines = append(lines, [2]string{"carapace plugins dev .", "build it with each save, and have the gateway run it"},
		[2]string{"carapace plugins test .", "hold it to the contract, offline"}, [2]string{of.test, "its own test"},
		[2]string{"carapace plugins info " + s.id, "what it is, and how it is"})
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&b, "%-38s # %s\n", line[0], line[1])
	}
	return s.write("README.md", fmt.Appendf(nil, "# %s\n\nA plugin for the carapace gateway: %s.\n\n```sh\n%s```\n", title(s.id), s.kind, b.String()))
}
