package kerneltest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
)

// built keeps what a test process has compiled, by package and flags.
var built struct {
	sync.Mutex
	modules map[string][]byte
}

// WASM compiles a package of this module to WebAssembly, as make does, once in a test process. define
// are values for the linker, such as main.version=v2. The module is the same to the byte in a test that needs C for the race
// detector: it finds the machine code that a test without has left in CacheDir.
func WASM(t testing.TB, pkg string, define ...string) []byte {
	t.Helper()
	flags := "-s -w"
	for _, d := range define {
		flags += " -X " + d
	}
	built.Lock()
	defer built.Unlock()
	if code, ok := built.modules[pkg+flags]; ok {
		return code
	}
	out := filepath.Join(t.TempDir(), "plugin.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags="+flags, "-o", out, pkg)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, text)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if built.modules == nil {
		prune(CacheDir())
		built.modules = map[string][]byte{}
	}
	compile(t, code)
	built.modules[pkg+flags] = code
	return code
}

// compile puts the machine code into CacheDir: with the race detector it can take longer than a call may
// wait for it.
func compile(t testing.TB, code []byte) {
	t.Helper()
	ctx := context.Background()
	engine, err := runtime.New(ctx, runtime.Config{CacheDir: CacheDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = engine.Close(ctx) }()
	sum := sha256.Sum256(code)
	module := engine.Load(runtime.Source{Name: "plugin.wasm", Hash: hex.EncodeToString(sum[:]), Open: func() ([]byte, error) { return code, nil }})
	defer module.Release()
	if err := module.Compile(ctx); err != nil {
		t.Fatal(err)
	}
}

// keep is how long code stays in CacheDir; what is still used is compiled again then.
const keep = 24 * time.Hour

// prune removes what earlier test runs left in the cache. What cannot be removed stays.
func prune(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil && time.Since(info.ModTime()) > keep {
			_ = os.Remove(path)
		}
		return nil
	})
}

// Bundle compiles a bundle of the built-in plugins: each is a package of its name, without .wasm.
func Bundle(t testing.TB, name string) []byte {
	t.Helper()
	return WASM(t, "github.com/carapace-gateway/carapace/builtin-plugins/bundle/"+strings.TrimSuffix(name, ".wasm"))
}

// Bundled gives the kernel the plugins whose manifests are in folder/*/plugin.json, with the bundles of folder/bundle compiled
// now, so that a test never runs yesterday's.
func Bundled(t testing.TB, folder string) Option {
	t.Helper()
	files, tree := fstest.MapFS{}, os.DirFS(folder)
	bundles, err := fs.ReadDir(tree, "bundle")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bundles {
		files[b.Name()+".wasm"] = &fstest.MapFile{Data: Bundle(t, b.Name())}
	}
	manifests, err := fs.Glob(tree, "*/plugin.json")
	if err != nil || len(manifests) == 0 {
		t.Fatalf("no manifests in %s: %v", folder, err)
	}
	for _, name := range manifests {
		b, err := fs.ReadFile(tree, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: b}
	}
	return Builtins(files)
}

// Compiled shares compiled code between test runs on this machine, since compiling is slow and never
// what is tested here.
func Compiled(t testing.TB) Option {
	t.Helper()
	return Cache(CacheDir())
}

// CacheDir is where Compiled keeps it.
func CacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "carapace-kerneltest")
}
