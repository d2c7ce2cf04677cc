package examples_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	sources "github.com/carapace-gateway/carapace"
	"github.com/carapace-gateway/carapace/cmd/carapace/author"
)

// isRust reports whether an example is built by cargo.
func isRust(name string) bool { return strings.HasPrefix(name, "rust-") }

// crates are the modules of examples in Rust by name, each of which is built once.
var crates sync.Map

// rust builds an example by the commands of its README, in a folder as `carapace plugins new` makes it, and returns its code.
func rust(t *testing.T, name string) []byte {
	t.Helper()
	built, _ := crates.LoadOrStore(name, sync.OnceValues(func() ([]byte, error) {
		readme, err := os.ReadFile(filepath.Join(name, "README.md"))
		if err != nil {
			return nil, err
		}
		return os.ReadFile(filepath.Join(build(t, name, string(readme)), "plugin.wasm"))
	}))
	code, err := built.(func() ([]byte, error))()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return code
}

// scaffold makes an example's folder as `carapace plugins new` does, under the example's own name.
func scaffold(t *testing.T, name string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), name)
	lang, kind, _ := strings.Cut(name, "-")
	if err := author.New(sources.FS, dir, lang, kind); err != nil {
		t.Fatal(err)
	}
	return dir
}

// toolchain says where rustup keeps what it has installed, for commands whose HOME is another one, unless the environment
// says it.
func toolchain(t *testing.T) (variables []string) {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	return []string{"RUSTUP_HOME=" + filepath.Join(home, ".rustup"), "CARGO_HOME=" + filepath.Join(home, ".cargo")}
}
