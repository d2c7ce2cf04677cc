package runtime_test

import (
	"context"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// deep is a guest whose exports recurse, to as many calls as their input has bytes or without end.
func deep(locals int) []byte {
	b := &builder{}
	length := env(b, "input_length", nil, op(i64))
	b.mem(1)
	kinds := make([]byte, locals)
	for n := range kinds {
		kinds[n] = i64
	}
	self := byte(1)
	f := b.fn("", op(i32), op(i32), kinds, get(0), op(0x45, 0x04, 0x40), ci32(0), op(0x0f, 0x0b), get(0), ci32(1), op(0x6b), call(self), ci32(1), op(0x6a))
	b.fn("to", nil, op(i32), nil, call(length), op(0xa7), call(f), op(0x1a), ci32(0))
	b.fn("for_ever", nil, op(i32), nil, ci32(-1), call(f), op(0x1a), ci32(0))
	return b.bytes()
}

// deepStart is a guest that recurses without end while it starts: in its start function, or in the export of that name.
func deepStart(export string, locals int) []byte {
	b := &builder{}
	kinds := make([]byte, locals)
	for n := range kinds {
		kinds[n] = i64
	}
	f := b.fn("", nil, op(i64), kinds, op(0x10, 0), ci64(1), op(0x7c))
	start := b.fn(export, nil, nil, nil, call(f), op(0x1a))
	if export == "" {
		b.start = []byte{start}
	}
	b.fn("ok", nil, op(i32), nil, ci32(0))
	return b.bytes()
}

// TestTheCallStackOfAStartIsBounded has guests recurse without end before their first call.
func TestTheCallStackOfAStartIsBounded(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	for _, export := range []string{"", "_initialize", "__wasm_call_ctors"} {
		for _, locals := range []int{0, 1000} {
			p := newPool(t, e, deepStart(export, locals), runtime.Spec{})
			var before, after goruntime.MemStats
			goruntime.ReadMemStats(&before)
			_, err := p.Call(context.Background(), "ok", nil)
			goruntime.ReadMemStats(&after)
			if wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "trapped: stack overflow") {
				t.Errorf("export %q, %d locals: err = %v", export, locals, err)
			}
			if taken := int64(after.TotalAlloc - before.TotalAlloc); taken > 150<<20 {
				t.Errorf("export %q, %d locals: it took %d MB", export, locals, taken>>20)
			}
		}
	}
}

// TestAStartFunctionRunsBeforeAllElse has a start function of the module's own and one that it imports.
func TestAStartFunctionRunsBeforeAllElse(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	b := &builder{}
	output := b.imp("carapace:host/memory", "output", op(i32, i32), nil)
	b.mem(1)
	add := func(digit int64) [][]byte { // to what is there, as the next decimal place
		return [][]byte{ci32(0), ci32(0), op(0x28, 2, 0), ci32(256), op(0x6c), ci32(digit), op(0x6a), op(0x36, 2, 0)}
	}
	b.start = []byte{b.fn("", nil, nil, nil, add('1')...)}
	b.fn("_initialize", nil, nil, nil, add('2')...)
	b.fn("order", nil, op(i32), nil, ci32(0), ci32(2), call(output), ci32(0))
	if got := mustCall(t, newPool(t, e, b.bytes(), runtime.Spec{}), "order", ""); got != "21" {
		t.Errorf("the steps ran as %q, the last one first", got)
	}
	reset := &builder{}
	reset.start = []byte{env(reset, "reset", nil, nil)}
	reset.fn("ok", nil, op(i32), nil, ci32(0))
	mustCall(t, newPool(t, e, reset.bytes(), runtime.Spec{}), "ok", "")
}

// heap is what is in use after a collection.
func heap() int64 {
	var m goruntime.MemStats
	goruntime.GC()
	goruntime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestTheCallStackIsBounded has guests recurse with small frames and with large ones, to a depth and without end. What
// they took of the stack is not kept, and their instances go on where nothing went wrong.
func TestTheCallStackIsBounded(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	for _, c := range []struct {
		name   string
		locals int
		depth  int
	}{{"small frames", 0, 100_000}, {"large frames", 1000, 1_500}, {"frames as large as they may be", 19_000, 80}} {
		t.Run(c.name, func(t *testing.T) {
			p := newPool(t, e, deep(c.locals), runtime.Spec{Mode: runtime.Single, Limits: runtime.Limits{MemoryBytes: 1 << 20}})
			mustCall(t, p, "to", "x")
			before := heap()
			mustCall(t, p, "to", strings.Repeat("x", c.depth))
			if kept := heap() - before; kept > 4<<20 {
				t.Errorf("an idle instance keeps %d KB", kept>>10)
			}
			if s := p.Stats(); s.Instances != 1 {
				t.Errorf("%+v", s)
			}
			var m0, m1 goruntime.MemStats
			goruntime.ReadMemStats(&m0)
			_, err := p.Call(context.Background(), "for_ever", nil)
			goruntime.ReadMemStats(&m1)
			if wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "trapped: stack overflow") {
				t.Errorf("err = %v", err)
			}
			if taken := int64(m1.TotalAlloc - m0.TotalAlloc); taken > 150<<20 {
				t.Errorf("it took %d MB", taken>>20)
			}
			mustCall(t, p, "to", "x")
		})
	}
}
