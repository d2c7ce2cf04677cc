// Package module_test has the SDK for Go as others get it: this module, packed as a module proxy serves it.
package module_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	sources "github.com/carapace-gateway/carapace"
	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/wit"
)

// root is where the module is.
const root = "../.."

// packed is the module under the version that new plugins ask for.
var packed = module.Version{Path: "github.com/carapace-gateway/carapace", Version: fmt.Sprintf("v%d.0.0", wit.ABI)}

// source is a file of the module.
type source string

func (s source) Path() string                 { return string(s) }
func (s source) Lstat() (os.FileInfo, error)  { return os.Lstat(filepath.Join(root, string(s))) }
func (s source) Open() (io.ReadCloser, error) { return os.Open(filepath.Join(root, string(s))) }

// TestPlugins of each kind that can be begun in Go build and pass their tests with nothing but the packed module, in a folder of
// their own.
func TestPlugins(t *testing.T) {
	env := stranger(t, proxy(t))
	kinds := author.Kinds(sources.FS, "go")
	if len(kinds) == 0 {
		t.Fatal("nothing can be begun in Go")
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "mine")
			if err := author.New(sources.FS, dir, "go", kind); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(dir, "carapace")); err != nil {
				t.Fatal(err)
			}
			run(t, dir, env, "go", "mod", "edit", "-dropreplace", packed.Path)
			run(t, dir, append(env, "GOOS=wasip1", "GOARCH=wasm"), "go", "build", "-buildmode=c-shared", "-o", "plugin.wasm", ".")
			if wasm, err := os.ReadFile(filepath.Join(dir, "plugin.wasm")); err != nil || !bytes.HasPrefix(wasm, []byte("\x00asm")) {
				t.Errorf("what was built is no module of WebAssembly: %v", err)
			}
			run(t, dir, env, "go", "test", ".")
		})
	}
}

// proxy packs the module into a folder that is laid out as a module proxy.
func proxy(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	at := filepath.Join(dir, filepath.FromSlash(packed.Path), "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	var files []zip.File
	for name := range strings.SplitSeq(run(t, root, os.Environ(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00") {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil && name != "" {
			files = append(files, source(name))
		}
	}
	var archive bytes.Buffer
	if err := zip.Create(&archive, packed, files); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"list":                   []byte(packed.Version + "\n"),
		packed.Version + ".info": fmt.Appendf(nil, `{"Version":%q,"Time":"2026-01-01T00:00:00Z"}`, packed.Version),
		packed.Version + ".mod":  mod,
		packed.Version + ".zip":  archive.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(at, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// stranger is the environment of somebody who has Go, and of modules only what the proxy has.
func stranger(t *testing.T, proxy string) []string {
	t.Helper()
	return append(os.Environ(), "GOPROXY=file://"+filepath.ToSlash(proxy), "GOMODCACHE="+t.TempDir(), "GOSUMDB=off", "GOPRIVATE=", "GONOPROXY=",
		"GOFLAGS=-mod=mod -modcacherw -trimpath", "GOWORK=off", "GOTOOLCHAIN=local")
}

// run runs a command in a folder, and returns what it prints.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	var said bytes.Buffer
	c.Dir, c.Env, c.Stderr = dir, env, &said
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", c, err, out, &said)
	}
	return string(out)
}
