package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/examples"
	"github.com/carapace-gateway/carapace/wit"
)

// TestReadExample: an example is built as its author builds it, also one that `carapace plugins new` cannot begin, and leaves
// nothing behind; each of its versions has code of its own.
func TestReadExample(t *testing.T) {
	t.Chdir("../..")
	t.Setenv("PATH", os.Getenv("PATH"))
	if err := examples.FindCompilers("."); err != nil {
		t.Fatal(err)
	}
	for id, entry := range map[string]string{"c-tool": "plugin.wasm", "as-extism-tool": "plugin.wasm", "go-websocket": "plugin.wasm", "ts-websocket": "plugin.ts"} {
		x, err := readExample(t.Context(), id)
		if err != nil {
			t.Errorf("%s: %v (`make toolchains` installs compilers)", id, err)
			continue
		}
		wasm := bytes.HasPrefix(x.code, []byte("\x00asm"))
		if x.id != id || x.entry != entry || len(x.code) == 0 || wasm != (entry == "plugin.wasm") || !bytes.Contains(x.manifest, []byte(id)) {
			t.Errorf("%s: %s with %d bytes of %s", id, x.id, len(x.code), x.entry)
		}
		if bytes.Equal(x.numbered(1), x.numbered(2)) {
			t.Errorf("%s: two versions have the same code", id)
		}
	}
	if left, err := filepath.Glob(filepath.Join(workFolder, "example-*", "ts-websocket")); err != nil || len(left) > 0 {
		t.Errorf("there is still %v, %v", left, err)
	}
}

// TestMissingCompiler: an example that cannot be built says what to install.
func TestMissingCompiler(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATH", "")
	for id, want := range map[string]string{"as-tool": "make toolchains", "c-tool": "apt-get install clang lld", "rust-tool": "install Rust", "zig-tool": "install Zig"} {
		if _, err := readExample(t.Context(), id); wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", id, err)
		}
	}
}
