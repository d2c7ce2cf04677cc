package runtime_test

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
)

// countedSource counts how often a module's bytes are asked for: not at all when the cache has it.
func countedSource(wasm []byte, opened *atomic.Int64) runtime.Source {
	src := source("test", wasm)
	src.Open = func() ([]byte, error) { opened.Add(1); return wasm, nil }
	return src
}

// callOnce starts an engine on dir, calls echo and answers how often the bytes were asked for.
func callOnce(t *testing.T, dir string, wasm []byte) int64 {
	t.Helper()
	var opened atomic.Int64
	e := newEngine(t, runtime.Config{CacheDir: dir})
	m := e.Load(countedSource(wasm, &opened))
	defer m.Release()
	start := time.Now()
	if err := m.Compile(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Logf("compile: %s, opened %d times", time.Since(start).Round(time.Millisecond), opened.Load())
	p := m.Pool(runtime.Spec{Plugin: "test", Mode: runtime.Warm})
	defer p.Close(context.Background())
	if got := mustCall(t, p, "echo", "hi"); got != "hi" {
		t.Fatalf("echo = %q", got)
	}
	return opened.Load()
}

func TestCompileCacheSurvivesDamage(t *testing.T) {
	wasm := benchGuest()
	dir := t.TempDir()
	if n := callOnce(t, dir, wasm); n != 1 {
		t.Fatalf("cold: opened %d times", n)
	}
	if n := callOnce(t, dir, wasm); n != 0 {
		t.Fatalf("warm: opened %d times, want none", n)
	}
	size := func(path string) int64 {
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return st.Size()
	}
	// Smallest first: the guest, then the exchange module.
	files := func(pattern string) []string {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		slices.SortFunc(found, func(a, b string) int { return cmp.Compare(size(a), size(b)) })
		if len(found) != 2 {
			t.Fatalf("cache holds %v", found)
		}
		return found
	}
	entries, codes := files("*.module"), files(filepath.Join("code", "*", "*"))
	flip := func(path string, at int64) func() {
		return func() {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			b := []byte{0}
			if _, err := f.ReadAt(b, at); err != nil {
				t.Fatal(err)
			}
			b[0] ^= 0x40
			if _, err := f.WriteAt(b, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("exchange module", func(t *testing.T) {
		flip(codes[1], 40)()
		flip(entries[1], size(entries[1])-10)()
		if n := callOnce(t, dir, wasm); n != 0 {
			t.Errorf("the bytes were asked for %d times, want none", n)
		}
	})
	for name, damage := range map[string]func(){
		"entry header":    flip(entries[0], 30),
		"entry wasm":      flip(entries[0], size(entries[0])-100),
		"entry truncated": func() { must(t, os.Truncate(entries[0], 40)) },
		"entry emptied":   func() { must(t, os.Truncate(entries[0], 0)) },
		"code offsets":    flip(codes[0], 40),
		"code body":       flip(codes[0], size(codes[0])/2),
		"code truncated":  func() { must(t, os.Truncate(codes[0], size(codes[0])/2)) },
		"code gone":       func() { must(t, os.Remove(codes[0])) },
		"entry gone":      func() { must(t, os.Remove(entries[0])) },
	} {
		t.Run(name, func(t *testing.T) {
			damage()
			if n := callOnce(t, dir, wasm); n != 1 {
				t.Errorf("after damage the bytes were asked for %d times, want 1", n)
			}
			if n := callOnce(t, dir, wasm); n != 0 {
				t.Errorf("after repair the bytes were asked for %d times, want none", n)
			}
		})
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "making-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCacheForgetsWhatNobodyUses(t *testing.T) {
	dir := t.TempDir()
	wasm := benchGuest()
	call := func() int64 {
		var opened atomic.Int64
		e := newEngine(t, runtime.Config{CacheDir: dir})
		m := e.Load(countedSource(wasm, &opened))
		defer m.Release()
		must(t, m.Compile(context.Background()))
		return opened.Load()
	}
	age := func(by time.Duration) {
		then := time.Now().Add(-by)
		for _, pattern := range []string{"*.module", filepath.Join("code", "*", "*")} {
			found, _ := filepath.Glob(filepath.Join(dir, pattern))
			for _, path := range found {
				must(t, os.Chtimes(path, then, then))
			}
		}
	}
	half := filepath.Join(dir, "making-123")
	must(t, os.Mkdir(half, 0o700))
	must(t, os.Chtimes(half, time.Time{}.AddDate(2000, 0, 0), time.Time{}.AddDate(2000, 0, 0)))
	for n, c := range []struct {
		age    time.Duration
		opened int64
	}{{0, 1}, {0, 0}, {59 * 24 * time.Hour, 0}, {59 * 24 * time.Hour, 0}, {61 * 24 * time.Hour, 1}} {
		age(c.age)
		if got := call(); got != c.opened {
			t.Errorf("step %d: the bytes were asked for %d times, want %d", n, got, c.opened)
		}
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("what a dead process was making is still there")
	}
}

func TestCacheDirectoryThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := runtime.New(context.Background(), runtime.Config{CacheDir: filepath.Join(file, "x")}); err == nil || !strings.Contains(err.Error(), "compile cache") {
		t.Fatalf("err = %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestACacheOutlivesAClockThatIsBehind: what is used while the clock stands in another century, as it does on a board
// that has not asked for the time yet, is still there once the clock is right.
func TestACacheOutlivesAClockThatIsBehind(t *testing.T) {
	wasm, dir := benchGuest(), t.TempDir()
	callOnce(t, dir, wasm)
	synctest.Test(t, func(t *testing.T) { // its clock begins in the year 2000
		if n := callOnce(t, dir, wasm); n != 0 {
			t.Errorf("with a clock that is behind: opened %d times, want none", n)
		}
	})
	if n := callOnce(t, dir, wasm); n != 0 {
		t.Errorf("with the clock right again: opened %d times, want none", n)
	}
}
