package runtime_test

import (
	"context"
	"errors"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

var store64 = op(i64, i64)

// hostile guests: what export "bad" does, and the code and words of the error that it ends with.
var hostile = []struct {
	name  string
	code  wit.Code // "" for success
	words string
	build func(b *builder) [][]byte
}{
	{"loops for ever", wit.CodeTimeout, "plugin test: bad did not answer within 100ms", func(b *builder) [][]byte {
		return [][]byte{loop()}
	}},
	{"loops for ever through tail calls", wit.CodeTimeout, "did not answer", func(b *builder) [][]byte {
		f := b.fn("", nil, nil, nil, op(0x12, 0))
		return [][]byte{call(f)}
	}},
	{"fills memory for ever", wit.CodeTimeout, "did not answer", func(b *builder) [][]byte {
		return [][]byte{ci32(600), op(0x40, 0, 0x1a), loop(ci32(0), ci32(1), ci32(32<<20), op(0xfc, 11, 0))}
	}},
	{"copies memory for ever", wit.CodeTimeout, "did not answer", func(b *builder) [][]byte {
		return [][]byte{ci32(600), op(0x40, 0, 0x1a), loop(ci32(16), ci32(0), ci32(32<<20), op(0xfc, 10, 0, 0))}
	}},
	{"grows memory for ever", wit.CodeTimeout, "did not answer", func(b *builder) [][]byte {
		return [][]byte{loop(ci32(1), op(0x40, 0, 0x1a))}
	}},
	{"grows a table for ever", wit.CodeTimeout, "did not answer", func(b *builder) [][]byte {
		b.table = op(0x70, 0, 1)
		return [][]byte{loop(op(0xd0, 0x70), ci32(1<<16), op(0xfc, 15, 0, 0x1a))}
	}},
	{"grows a table that starts large", "", "", func(b *builder) [][]byte { // not at all: it traps when it does
		b.table = op(0x70, 0, 0x81, 0x80, 0x20) // just above half of what tables may start with
		return [][]byte{op(0xd0, 0x70), ci32(1), op(0xfc, 15, 0), ci32(-1), op(0x47, 0x04, 0x40, 0x00, 0x0b)}
	}},
	{"recurses for ever", wit.CodeUnavailable, "trapped: stack overflow", func(b *builder) [][]byte {
		f := b.fn("", nil, nil, nil, op(0x10, 0))
		return [][]byte{call(f)}
	}},
	{"recurses for ever with large frames", wit.CodeUnavailable, "trapped: stack overflow", func(b *builder) [][]byte {
		locals := make([]byte, 1000)
		for i := range locals {
			locals[i] = i64
		}
		f := b.fn("", nil, op(i64), locals, op(0x10, 0), get(0), op(0x7c))
		return [][]byte{call(f), op(0x1a)}
	}},
	{"allocates blocks for ever", wit.CodeTimeout, "did not answer", func(b *builder) [][]byte {
		alloc := env(b, "alloc", op(i64), op(i64))
		return [][]byte{loop(ci64(1<<20), call(alloc), op(0x1a))}
	}},
	{"sleeps for an hour", wit.CodeTimeout, "did not answer", func(b *builder) [][]byte {
		poll := b.imp("wasi_snapshot_preview1", "poll_oneoff", op(i32, i32, i32, i32), op(i32))
		return [][]byte{ci32(24), ci64(3600e9), op(0x37, 3, 0), ci32(0), ci32(256), ci32(1), ci32(512), call(poll), op(0x1a)}
	}},
	{"asks for random numbers for ever", wit.CodeTimeout, "did not answer", func(b *builder) [][]byte {
		random := b.imp("wasi_snapshot_preview1", "random_get", op(i32, i32), op(i32))
		return [][]byte{ci32(600), op(0x40, 0, 0x1a), loop(ci32(0), ci32(32<<20), call(random), op(0x1a))}
	}},
	{"writes empty lines for ever", wit.CodeTimeout, "did not answer", func(b *builder) [][]byte {
		write := b.imp("wasi_snapshot_preview1", "fd_write", op(i32, i32, i32, i32), op(i32))
		return [][]byte{ci32(960), op(0x40, 0, 0x1a), ci32(4096), ci32(10), ci32(60<<20 - 4096), op(0xfc, 11, 0),
			ci32(0), ci32(4096), op(0x36, 2, 0), ci32(4), ci32(60<<20 - 4096), op(0x36, 2, 0),
			loop(ci32(1), ci32(0), ci32(1), ci32(512), call(write), op(0x1a))}
	}},
	{"logs for ever", wit.CodeTimeout, "did not answer", func(b *builder) [][]byte {
		alloc, log := env(b, "alloc", op(i64), op(i64)), env(b, "log_error", op(i64), nil)
		return [][]byte{ci64(20 << 20), call(alloc), set(0), loop(get(0), call(log))}
	}},
	{"traps", wit.CodeUnavailable, "plugin test: bad trapped: unreachable", func(b *builder) [][]byte {
		return [][]byte{op(0x00)}
	}},
	{"divides by zero", wit.CodeUnavailable, "trapped: integer divide by zero", func(b *builder) [][]byte {
		return [][]byte{ci32(1), ci32(0), op(0x6d, 0x1a)}
	}},
	{"reads outside its memory", wit.CodeUnavailable, "trapped: out of bounds memory access", func(b *builder) [][]byte {
		return [][]byte{ci32(-8), op(0x28, 0, 0, 0x1a)}
	}},
	{"calls a null function", wit.CodeUnavailable, "trapped: invalid table access", func(b *builder) [][]byte {
		b.table = op(0x70, 0, 1)
		b.typ(nil, nil)
		return [][]byte{ci32(0), op(0x11, 0, 0)}
	}},
	{"exits", wit.CodeUnavailable, "bad exited with code 3", func(b *builder) [][]byte {
		exit := b.imp("wasi_snapshot_preview1", "proc_exit", op(i32), nil)
		return [][]byte{ci32(3), call(exit)}
	}},
	{"exits well", "", "", func(b *builder) [][]byte {
		exit := b.imp("wasi_snapshot_preview1", "proc_exit", op(i32), nil)
		return [][]byte{ci32(0), call(exit)}
	}},
	{"claims an answer of a terabyte", wit.CodeTooLarge, "over the limit", func(b *builder) [][]byte {
		out := env(b, "output_set", store64, nil)
		return [][]byte{ci64(4096), ci64(1 << 40), call(out)}
	}},
	{"claims an answer of negative length", wit.CodeTooLarge, "over the limit", func(b *builder) [][]byte {
		out := env(b, "output_set", store64, nil)
		return [][]byte{ci64(4096), ci64(-1), call(out)}
	}},
	{"claims an answer outside its memory", wit.CodeInvalid, "outside its memory", func(b *builder) [][]byte {
		out := env(b, "output_set", store64, nil)
		return [][]byte{ci64(-4096), ci64(4096), call(out)}
	}},
	{"reports an error that is nowhere", wit.CodeInvalid, "at an address that holds none", func(b *builder) [][]byte {
		set := env(b, "error_set", op(i64), nil)
		return [][]byte{ci64(1 << 50), call(set)}
	}},
	{"reports an error inside another block", wit.CodeInvalid, "at an address that holds none", func(b *builder) [][]byte {
		alloc, set := env(b, "alloc", op(i64), op(i64)), env(b, "error_set", op(i64), nil)
		return [][]byte{ci64(64), call(alloc), ci64(32), op(0x7c), call(set)}
	}},
	{"forges the length of a block", wit.CodeTooLarge, "over the limit", func(b *builder) [][]byte {
		alloc, store := env(b, "alloc", op(i64), op(i64)), env(b, "store_u64", store64, nil)
		config := env(b, "config_get", op(i64), op(i64))
		return [][]byte{ci64(64), call(alloc), tee64(), ci64(16), op(0x7d), ci64(1 << 60), call(store), get(0), call(config), op(0x1a)}
	}},
	{"writes to the registers", wit.CodeUnavailable, "trapped: unreachable", func(b *builder) [][]byte {
		store := env(b, "store_u64", store64, nil)
		return [][]byte{ci64(8), ci64(-1), call(store)}
	}},
	{"writes around the end of the address space", wit.CodeUnavailable, "trapped: unreachable", func(b *builder) [][]byte {
		store := env(b, "store_u64", store64, nil)
		return [][]byte{ci64(1<<32 + 8), ci64(-1), call(store)}
	}},
	{"breaks the free lists", wit.CodeUnavailable, "trapped: out of bounds memory access", func(b *builder) [][]byte {
		alloc, store, free := env(b, "alloc", op(i64), op(i64)), env(b, "store_u64", store64, nil), env(b, "free", op(i64), nil)
		return [][]byte{ci64(64), call(alloc), tee64(), call(free), get(0), call(free), get(0), ci64(1153), call(store),
			ci64(64), call(alloc), op(0x1a), ci64(64), call(alloc), op(0x1a), get(0), ci64(-8), call(store),
			ci64(64), call(alloc), op(0x1a)}
	}},
	{"passes a wild argument to a host function", wit.CodeInvalid, "argument of greet", func(b *builder) [][]byte {
		greet := b.imp("extism:host/user", "greet", op(i64), op(i64))
		return [][]byte{ci64(1 << 33), call(greet), op(0x1a)}
	}},
	{"copies from outside", wit.CodeInvalid, "outside its memory", func(b *builder) [][]byte {
		read := b.imp("carapace:host/memory", "read", op(i64, i32, i32), nil)
		return [][]byte{ci64(1 << 40), ci32(0), ci32(16), call(read)}
	}},
	{"copies to outside", wit.CodeInvalid, "outside its memory", func(b *builder) [][]byte {
		read := b.imp("carapace:host/memory", "read", op(i64, i32, i32), nil)
		return [][]byte{ci64(4096), ci32(65530), ci32(16), call(read)}
	}},
	{"copies over the registers", wit.CodeInvalid, "outside its memory", func(b *builder) [][]byte {
		write := b.imp("carapace:host/memory", "write", op(i64, i32, i32), nil)
		return [][]byte{ci64(8), ci32(0), ci32(16), call(write)}
	}},
	{"fails with garbage", wit.CodeUnavailable, "bad failed with code -559038737", func(b *builder) [][]byte {
		return [][]byte{ci32(-559038737), op(0x0f)}
	}},
	{"polls a million things", "", "", func(b *builder) [][]byte {
		poll := b.imp("wasi_snapshot_preview1", "poll_oneoff", op(i32, i32, i32, i32), op(i32))
		return [][]byte{ci32(0), ci32(256), ci32(1 << 30), ci32(512), call(poll), ci32(28), op(0x47, 0x04, 0x40, 0x00, 0x0b)}
	}},
	{"writes a million buffers", "", "", func(b *builder) [][]byte {
		write := b.imp("wasi_snapshot_preview1", "fd_write", op(i32, i32, i32, i32), op(i32))
		return [][]byte{ci32(1), ci32(0), ci32(1 << 29), ci32(512), call(write), ci32(28), op(0x47, 0x04, 0x40, 0x00, 0x0b)}
	}},
}

func tee64() []byte { return tee(0) }

func TestHostileGuests(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	quiet := newPool(t, e, goGuest(t, fastPkg), runtime.Spec{Plugin: "quiet", Mode: runtime.Warm})
	mustCall(t, quiet, "echo", "warm up")
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			limit := patience
			if h.code == wit.CodeTimeout {
				limit = 100 * time.Millisecond
			}
			p := newPool(t, e, one(h.build), runtime.Spec{
				Mode: runtime.Warm, Limits: runtime.Limits{Deadline: limit, Instances: 1},
				Functions: map[string]runtime.HostFunc{"greet": func(_ context.Context, in []byte) ([]byte, error) { return in, nil }},
				Log:       func(hclog.Level, string) {},
			})
			mustCall(t, p, "ok", "")
			others := 0
			bad := func() {
				done := make(chan struct{})
				go func() {
					defer close(done)
					_, err := p.Call(context.Background(), "bad", nil)
					if wit.CodeOf(err) != h.code || err != nil && !strings.Contains(err.Error(), h.words) {
						t.Errorf("error = %q %v, want %q with %q", wit.CodeOf(err), err, h.code, h.words)
					}
				}()
				for {
					select {
					case <-done:
						return
					default:
						mustCall(t, quiet, "echo", "meanwhile")
						others++
					}
				}
			}
			// A machine that is busy may run the test's goroutine only when the deadline is over.
			for bad(); h.code == wit.CodeTimeout && others == 0; {
				bad()
			}
			t.Logf("%d other calls answered meanwhile", others)
			mustCall(t, p, "ok", "")
		})
	}
	if s := quiet.Stats(); s.Instances != 1 || s.Errors != 0 {
		t.Errorf("the quiet neighbour: %+v", s)
	}
}

// TestGarbageCollectorBesideHostileGuest collects while a guest loops that is only stopped afterwards.
func TestGarbageCollectorBesideHostileGuest(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	p := newPool(t, e, one(hostile[0].build), runtime.Spec{Limits: runtime.Limits{Deadline: patience}})
	ctx, cancel := context.WithCancel(context.Background())
	running := newWatched(ctx)
	ended := make(chan error)
	go func() { _, err := p.Call(running, "bad", nil); ended <- err }()
	<-running.looked
	for range 3 {
		goruntime.GC()
	}
	cancel()
	if err := <-ended; wit.CodeOf(err) != wit.CodeUnavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want that the caller gave up", err)
	}
}

func TestModulesThatAreRefused(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	table := &builder{table: op(0x70, 0, 0x80, 0x80, 0x80, 0x10)}
	table.fn("bad", nil, nil, nil)
	taken := &builder{}
	taken.fn("carapace:start", nil, nil, nil)
	given := &builder{}
	given.start = []byte{given.fn("", op(i32), nil, nil)}
	many := &builder{}
	for n := range 200 {
		many.imp("extism:host/user", strings.Repeat("f", n+1), op(i64), op(i64))
	}
	imports := func(module, name string, params, results []byte) []byte {
		b := &builder{}
		b.imp(module, name, params, results)
		return b.bytes()
	}
	for _, c := range []struct {
		name  string
		wasm  []byte
		words string
	}{
		{"nothing", nil, "not a wasm module"},
		{"text", []byte("console.log(1)"), "not a wasm module"},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), "build a core module instead"},
		{"truncated", one(hostile[0].build)[:40], "truncated"},
		{"unknown import", imports("env", "now", nil, op(i64)), "imports env.now, which this host does not have"},
		{"unknown Extism function", imports("extism:host/env", "fly", nil, nil), "imports extism:host/env.fly"},
		{"unknown WASI function", imports("wasi_snapshot_preview1", "fly", nil, nil), "imports wasi_snapshot_preview1.fly"},
		{"another type", imports("extism:host/env", "alloc", op(i32), op(i32)), "with another type"},
		{"user function of another type", imports("extism:host/user", "f", op(i32), nil), "(i64) -> i64"},
		{"the tick", imports("carapace:meter", "tick", nil, nil), "which this host does not have"},
		{"the numbered functions", imports("carapace:user", "0", op(i64), op(i64)), "which this host does not have"},
		{"too many user functions", many.bytes(), "more than 128"},
		{"huge table", table.bytes(), "elements"},
		{"the host's name for a start function", taken.bytes(), "belongs to the host"},
		{"start function with a parameter", given.bytes(), "start function takes or returns something"},
		{"invalid code", func() []byte { b := &builder{}; b.fn("f", nil, op(i32), nil); return b.bytes() }(), "not a valid module"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := e.Load(source("test", c.wasm))
			defer m.Release()
			err := m.Compile(context.Background())
			if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.words) {
				t.Errorf("err = %v (%s), want invalid with %q", err, wit.CodeOf(err), c.words)
			}
		})
	}
}

func TestInstancesThatCannotStart(t *testing.T) {
	spin := &builder{}
	spin.start = []byte{spin.fn("", nil, nil, nil, loop())}
	spin.fn("bad", nil, nil, nil)
	trap := &builder{}
	trap.fn("_initialize", nil, nil, nil, op(0))
	trap.fn("bad", nil, nil, nil)
	big := &builder{}
	big.mem(2000)
	big.fn("bad", nil, nil, nil)
	wrong := &builder{}
	wrong.fn("bad", op(i32), op(i32), nil, get(0))
	e := newEngine(t, runtime.Config{})
	for _, c := range []struct {
		name, words string
		wasm        []byte
		code        wit.Code
	}{
		{"start function loops", "_initialize did not answer within 100ms", spin.bytes(), wit.CodeTimeout},
		{"_initialize traps", "_initialize trapped: unreachable", trap.bytes(), wit.CodeUnavailable},
		{"memory over the limit", "needs 125 MB of memory to start and may have 64 MB", big.bytes(), wit.CodeTooLarge},
		{"export takes arguments", "must take nothing and return an i32", wrong.bytes(), wit.CodeInvalid},
		{"export is missing", "plugin test has no export bad", (&builder{}).bytes(), wit.CodeNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPool(t, e, c.wasm, runtime.Spec{Limits: runtime.Limits{Deadline: 100 * time.Millisecond}})
			for range 2 {
				_, err := p.Call(context.Background(), "bad", nil)
				if wit.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.words) {
					t.Errorf("err = %v (%s), want %s with %q", err, wit.CodeOf(err), c.code, c.words)
				}
			}
			if s := p.Stats(); s.Alive != 0 {
				t.Errorf("stats = %+v, want nothing alive", s)
			}
		})
	}

}

// TestHowLongAWriteMayTake: what a guest writes at once is read in pieces of 64 KiB, and a call that is over ends before the next
// piece and before the next line. The time that this takes is the most by which a deadline is overrun.
func TestHowLongAWriteMayTake(t *testing.T) {
	const start, size, piece = 4096, 60<<20 - 4096, 64 << 10
	// writes fills the memory with a byte and writes it at once.
	writes := func(fill int64) []byte {
		return one(func(b *builder) [][]byte {
			write := b.imp("wasi_snapshot_preview1", "fd_write", op(i32, i32, i32, i32), op(i32))
			return [][]byte{ci32(960), op(0x40, 0, 0x1a), ci32(start), ci32(fill), ci32(size), op(0xfc, 11, 0),
				ci32(0), ci32(start), op(0x36, 2, 0), ci32(4), ci32(size), op(0x36, 2, 0),
				ci32(2), ci32(0), ci32(1), ci32(512), call(write), op(0x1a)}
		})
	}
	for name, fill := range map[string]int64{"one line": 'x', "empty lines": '\n'} {
		e, ctx := newEngine(t, runtime.Config{}), newWatched(t.Context())
		p := newPool(t, e, writes(fill), runtime.Spec{Limits: runtime.Limits{Deadline: patience}, Log: func(hclog.Level, string) {}})
		if _, err := p.Call(ctx, "bad", nil); err != nil || ctx.times.Load() < size/piece {
			t.Errorf("%s: %d looks at %d pieces, %v", name, ctx.times.Load(), size/piece, err)
		}
	}
	// Lines that are long to be written: the caller gives up at the third.
	ctx, giveUp := context.WithCancel(t.Context())
	lines := 0
	e := newEngine(t, runtime.Config{})
	p := newPool(t, e, one(func(b *builder) [][]byte {
		write := b.imp("wasi_snapshot_preview1", "fd_write", op(i32, i32, i32, i32), op(i32))
		b.data = cat(op(0), ci32(0), op(0x0b), vec(append([]byte{8, 0, 0, 0, 200, 0, 0, 0}, strings.Repeat("x\n", 100)...)))
		b.nData = 1
		return [][]byte{ci32(1), ci32(0), ci32(1), ci32(512), call(write), op(0x1a)}
	}), runtime.Spec{Log: func(hclog.Level, string) {
		if lines++; lines == 3 {
			giveUp()
		}
	}})
	if _, err := p.Call(ctx, "bad", nil); !errors.Is(err, context.Canceled) || lines != 3 {
		t.Errorf("%d lines were logged, %v", lines, err)
	}
}
