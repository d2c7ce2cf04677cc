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
