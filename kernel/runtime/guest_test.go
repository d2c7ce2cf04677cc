package runtime_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
)

// guests builds each Go guest once per test run.
var guests = struct {
	sync.Mutex
	built map[string][]byte
}{built: map[string][]byte{}}

// goGuest returns the module of a Go package, built as plugin authors build theirs. The file stays
// where it is between test runs, so that the go command need not link it again while it is current.
func goGuest(t testing.TB, pkg string) []byte {
	t.Helper()
	guests.Lock()
	defer guests.Unlock()
	if b := guests.built[pkg]; b != nil {
		return b
	}
	out := filepath.Join(userCache(), "carapace-test-guests", filepath.Base(pkg)+".wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-trimpath", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build guest %s: %v\n%s", pkg, err, b)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	guests.built[pkg] = b
	return b
}

const (
	kitchen = "./testdata/kitchen"
	toolPkg = "../../pdk-examples/go-extism-tool"
	fastPkg = "./testdata/fast"
)

// patience is how long a test waits for what must come. It only bounds a failing test.
const patience = 3 * time.Minute

// compilerArgument makes this test's binary the process that compiles for it.
const compilerArgument = "compile-for-a-test"

// userCache is where what lasts from one test run to the next is.
func userCache() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return os.TempDir()
	}
	return cache
}

// compileCache is shared by the tests that are not about compiling, and lasts: the Go guests and the interpreter of Python take
// long to compile, and with the race detector ten times longer.
var compileCache = filepath.Join(userCache(), "carapace-kerneltest")

// TestGoGuestsCompile: each guest is a module. The race detector's run leaves out this one, and finds their machine code.
func TestGoGuestsCompile(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	for _, pkg := range []string{kitchen, toolPkg, fastPkg} {
		m := e.Load(source("test", goGuest(t, pkg)))
		must(t, m.Compile(t.Context()))
		m.Release()
	}
}

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == compilerArgument {
		os.Exit(runtime.ServeCompiler(context.Background(), os.Args[2], os.Stdin, os.Stderr))
	}
	goruntime.LockOSThread() // the first one, which Go cannot end
	os.Exit(m.Run())
}

func newEngine(t testing.TB, cfg runtime.Config) *runtime.Engine {
	t.Helper()
	if cfg.CacheDir == "" {
		cfg.CacheDir = compileCache
	}
	e, err := runtime.New(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Errorf("close engine: %v", err)
		}
	})
	return e
}

func source(name string, wasm []byte) runtime.Source {
	sum := sha256.Sum256(wasm)
	return runtime.Source{Name: name, Hash: hex.EncodeToString(sum[:]), Open: func() ([]byte, error) { return wasm, nil }}
}

// newPool loads wasm into an engine and makes a pool of it that the test's end closes.
func newPool(t testing.TB, e *runtime.Engine, wasm []byte, spec runtime.Spec) *runtime.Pool {
	t.Helper()
	if spec.Plugin == "" {
		spec.Plugin = "test"
	}
	m := e.Load(source(spec.Plugin, wasm))
	t.Cleanup(m.Release)
	p := m.Pool(spec)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Errorf("close pool: %v", err)
		}
	})
	return p
}

func mustCall(t testing.TB, p *runtime.Pool, export, in string) string {
	t.Helper()
	out, err := p.Call(context.Background(), export, []byte(in))
	if err != nil {
		t.Fatalf("%s(%.40q): %v", export, in, err)
	}
	return string(out)
}

func TestGoGuestOfUnmodifiedPDK(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	p := newPool(t, e, goGuest(t, kitchen), runtime.Spec{Mode: runtime.Warm, Config: map[string]string{"city": "Kyiv"}})
	large := strings.Repeat("0123456789abcdef", 1<<16)
	for _, c := range []struct{ export, in, want string }{
		{"noop", "", ""},
		{"void", "", "void"},
		{"echo", "", ""},
		{"echo", "h", "h"},
		{"echo", "a request of exactly forty-six bytes, as usual", "a request of exactly forty-six bytes, as usual"},
		{"echo", large, large},
		{"json", `{"id":"1","text":"hi","count":1}`, `{"id":"1","text":"HI","count":2}`},
		{"config", "city", "Kyiv true"},
		{"config", "nothing", " false"},
		{"config", runtime.ConfigPlugin, "test true"},
		{"vars", "", "0 true"},
		{"vars", "", "1 true"},
		{"count", "", "1"},
		{"count", "", "2"},
		{"fib", "20", "6765"},
	} {
		if got := mustCall(t, p, c.export, c.in); got != c.want {
			t.Errorf("%s(%.40q) = %.80q, want %.80q", c.export, c.in, got, c.want)
		}
	}
	if s := p.Stats(); s.Instances != 1 || s.Errors != 0 {
		t.Errorf("stats = %+v, want one instance and no errors", s)
	}
}
