//go:build unix

package runtime_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// ownProcess is the command of a compiler: this test's binary.
func ownProcess() []string { return []string{os.Args[0], compilerArgument} }

// stuck is a compiler that never ends, and whose start can be waited for: reading its pipe waits for it.
func stuck(t *testing.T) (command []string, started func()) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	return []string{"/bin/sh", "-c", "echo > " + pipe + "; exec /bin/sleep 600"}, func() {
		if _, err := os.ReadFile(pipe); err != nil {
			t.Error(err)
		}
	}
}

func TestCompilingInAProcess(t *testing.T) {
	e := newEngine(t, runtime.Config{CacheDir: t.TempDir(), Compiler: ownProcess()})
	p := newPool(t, e, benchGuest(), runtime.Spec{Mode: runtime.Warm})
	if got := mustCall(t, p, "echo", "hi"); got != "hi" {
		t.Errorf("echo = %q", got)
	}
	b := &builder{}
	b.fn("f", nil, op(i32), nil)
	m := e.Load(source("broken", b.bytes()))
	defer m.Release()
	if err := m.Compile(context.Background()); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "broken: not a valid module") {
		t.Errorf("err = %v", err)
	}
}

// TestLoadingDoesNotWaitForACompilation compiles something without end, and loads meanwhile what is in the cache.
// Then the engine is closed, which ends the compilation.
func TestLoadingDoesNotWaitForACompilation(t *testing.T) {
	dir := t.TempDir()
	callOnce(t, dir, benchGuest())
	command, started := stuck(t)
	e, err := runtime.New(context.Background(), runtime.Config{CacheDir: dir, Compiler: command})
	must(t, err)
	slow := e.Load(source("slow", one(hostile[0].build)))
	failed := make(chan error, 1)
	go func() { failed <- slow.Compile(context.Background()) }()
	started()
	var opened atomic.Int64
	p := e.Load(countedSource(benchGuest(), &opened)).Pool(runtime.Spec{Plugin: "quick"})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if out, err := p.Call(ctx, "echo", []byte("hi")); err != nil || string(out) != "hi" || opened.Load() != 0 {
		t.Errorf("beside a compilation: %q, %v, read %d times", out, err, opened.Load())
	}
	other := e.Load(source("other", one(hostile[1].build)))
	waiting := make(chan error, 1)
	go func() { waiting <- other.Compile(context.Background()) }()
	must(t, e.Close(ctx))
	must(t, ctx.Err()) // it would have waited for the compiler
	for _, c := range []chan error{failed, waiting} {
		if err := <-c; wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("err = %v, want unavailable", err)
		}
	}
}

// TestACompilationThatFails stands for one that runs out of processor time or memory, which the system ends.
func TestACompilationThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		command []string
		code    wit.Code
	}{
		"killed":     {[]string{"/bin/sh", "-c", "kill -KILL $$"}, wit.CodeInvalid},
		"crashed":    {[]string{"/bin/sh", "-c", "echo 'fatal error: out of memory' >&2; exit 2"}, wit.CodeInvalid},
		"no file":    {[]string{"/bin/sh", "-c", "exit 0"}, wit.CodeUnavailable},
		"no program": {[]string{"/does/not/exist"}, wit.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, runtime.Config{CacheDir: t.TempDir(), Compiler: c.command})
			m := e.Load(source("test", benchGuest()))
			defer m.Release()
			if err := m.Compile(context.Background()); wit.CodeOf(err) != c.code {
				t.Errorf("err = %v (%s), want %s", err, wit.CodeOf(err), c.code)
			}
		})
	}
}

// TestAFullDisk takes the cache's directory away: modules run all the same.
func TestAFullDisk(t *testing.T) {
	for name, command := range map[string][]string{"here": nil, "in a process": ownProcess()} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			e := newEngine(t, runtime.Config{CacheDir: dir, Compiler: command})
			must(t, os.RemoveAll(dir))
			p := newPool(t, e, benchGuest(), runtime.Spec{})
			if got := mustCall(t, p, "echo", "hi"); got != "hi" {
				t.Errorf("echo = %q", got)
			}
		})
	}
}

// TestForeignMachineCode puts a cache that was made under another key where an engine looks: it is not run.
func TestForeignMachineCode(t *testing.T) {
	dir := t.TempDir()
	load := func(wasm []byte, key string) int64 {
		var opened atomic.Int64
		e := newEngine(t, runtime.Config{CacheDir: dir, CacheKey: []byte(key)})
		m := e.Load(countedSource(wasm, &opened))
		defer m.Release()
		must(t, m.Compile(context.Background()))
		return opened.Load()
	}
	one, two := benchGuest(), one(hostile[0].build)
	for n, step := range []struct {
		key    string
		opened int64
	}{{"", 1}, {"", 0}, {"the owner's", 1}, {"the owner's", 0}, {"another", 1}, {"", 1}} {
		if got := load(one, step.key); got != step.opened {
			t.Errorf("step %d: the bytes were asked for %d times, want %d", n, got, step.opened)
		}
	}
	// One module's entry under another one's name.
	entries, _ := filepath.Glob(filepath.Join(dir, source("", one).Hash+"*.module"))
	b, err := os.ReadFile(entries[0])
	must(t, err)
	must(t, os.WriteFile(strings.Replace(entries[0], source("", one).Hash, source("", two).Hash, 1), b, 0o600))
	if load(two, "") != 1 {
		t.Error("an entry passes for another module's")
	}
}
