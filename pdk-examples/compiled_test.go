package examples_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	sources "github.com/carapace-gateway/carapace"
	"github.com/carapace-gateway/carapace/cmd/carapace/author"
)

// compilers are the languages whose examples a compiler of their own builds, and where it comes from.
var compilers = map[string]string{"as": "../sdk/as/node_modules/.bin/asc", "c": "clang", "rust": "cargo", "zig": "../sdk/zig/compiler/bin/zig"}

// isCompiled reports whether an example is in one of those languages.
func isCompiled(name string) bool {
	lang, _, _ := strings.Cut(name, "-")
	return compilers[lang] != ""
}

// findCompilers has those found that `make toolchains` installs.
func findCompilers() error {
	search := os.Getenv("PATH")
	for _, compiler := range compilers {
		if filepath.Base(compiler) == compiler {
			continue // the system's
		}
		folder, err := filepath.Abs(filepath.Dir(compiler))
		if err != nil {
			return err
		}
		search = folder + string(filepath.ListSeparator) + search
	}
	return os.Setenv("PATH", search)
}

// builds are the examples' modules by name, each of which is built once.
var builds sync.Map

// compiled builds an example as its README says, in a folder as `carapace plugins new` makes it, and returns its code.
func compiled(t *testing.T, name string) []byte {
	t.Helper()
	once, _ := builds.LoadOrStore(name, sync.OnceValues(func() ([]byte, error) { return compile(name) }))
	code, err := once.(func() ([]byte, error))()
	if err != nil {
		t.Fatalf("%s/README.md: %v (`make toolchains` installs compilers)", name, err)
	}
	return code
}

func compile(name string) ([]byte, error) {
	parent, err := os.MkdirTemp("", "example-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(parent)
	dir, home := filepath.Join(parent, name), filepath.Join(parent, "home")
	if err := scaffold(dir, name); err != nil {
		return nil, err
	}
	readme, err := os.ReadFile(filepath.Join(name, "README.md"))
	if err != nil {
		return nil, err
	}
	commands := commandsOf(string(readme))
	if err := follow(dir, home, commands); err != nil {
		return nil, err
	}
	if strings.Contains(commands, "mkdir") {
		dir = filepath.Join(home, ".config", "carapace", "plugins", name)
	}
	_, none := os.Stat(filepath.Join(dir, "plugin.json"))
	code, err := os.ReadFile(filepath.Join(dir, "plugin.wasm"))
	return code, errors.Join(none, err)
}

// scaffold makes an example's folder, with the SDK and what npm has installed where the compiler looks for it.
func scaffold(dir, name string) error {
	lang, kind, _ := strings.Cut(name, "-")
	if strings.HasPrefix(kind, "extism-") {
		if err := os.CopyFS(dir, os.DirFS(name)); err != nil {
			return err
		}
	} else if err := author.New(sources.FS, dir, lang, kind); err != nil {
		return err
	}
	if lang != "as" {
		return nil
	}
	modules, err := filepath.Abs("../sdk/as/node_modules")
	if err != nil {
		return err
	}
	return install(modules, dir)
}

// install is `npm install` without a network.
func install(from, dir string) error {
	to := filepath.Join(dir, "node_modules")
	packages, err := os.ReadDir(from)
	if err = errors.Join(err, os.Mkdir(to, 0o755)); err != nil {
		return err
	}
	for _, p := range packages {
		err = errors.Join(err, os.Symlink(filepath.Join(from, p.Name()), filepath.Join(to, p.Name())))
	}
	if _, none := os.Stat(filepath.Join(dir, "vendor")); errors.Is(none, fs.ErrNotExist) {
		return err
	}
	return errors.Join(err, os.Symlink("../vendor/carapace-as", filepath.Join(to, "carapace-as")))
}
