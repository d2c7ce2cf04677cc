package examples_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/examples"
)

// isCompiled reports whether an example is in a language that has a compiler of its own.
func isCompiled(name string) bool {
	lang, _, _ := strings.Cut(name, "-")
	return slices.Contains([]string{"as", "c", "rust", "zig"}, lang)
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
	if err := examples.Lay("..", dir, name); err != nil {
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
