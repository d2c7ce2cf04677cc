//go:build unix

package source_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/source"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestKeptOnce: what is kept already is not written again, and a copy that has become something else is.
func TestKeptOnce(t *testing.T) {
	dir := t.TempDir()
	kept := source.Keep(dir)
	pkg := source.Package{Folder: "p", Path: "p", Root: fstest.MapFS{
		"p/plugin.json": {Data: []byte("manifest")}, "p/plugin.wasm": {Data: []byte("code")},
	}}
	put := func() {
		t.Helper()
		must(t, kept.Put(pkg, "plugin.wasm", func(manifest, code []byte) bool {
			return string(manifest) == "manifest" && string(code) == "code"
		}))
	}
	path := filepath.Join(dir, "p", "plugin.wasm")
	put()
	then := time.Unix(1_000_000, 0)
	must(t, os.Chtimes(path, then, then))
	put()
	if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(then) {
		t.Errorf("it was written again: %v", err)
	}
	must(t, os.WriteFile(path, []byte("else"), 0o600))
	put()
	if b, err := os.ReadFile(path); err != nil || string(b) != "code" {
		t.Errorf("kept is %q: %v", b, err)
	}
}

// TestKeptPipe: a pipe where a file was kept holds nobody up.
func TestKeptPipe(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "p"), 0o700))
	must(t, syscall.Mkfifo(filepath.Join(dir, "p", "plugin.json"), 0o600))
	packages, err := source.Keep(dir).Packages()
	if must(t, err); len(packages) != 1 {
		t.Fatalf("%v", packages)
	}
	if _, err := packages[0].Manifest(); err == nil { // or it waits for ever for somebody to write to the pipe
		t.Error("a pipe was read")
	}
}
