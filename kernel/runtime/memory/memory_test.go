package memory_test

import (
	goruntime "runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime/memory"
)

const page = 64 << 10

func TestLinearGrowsToItsCapAndNoFurther(t *testing.T) {
	var alive atomic.Int64
	var asked []int64
	a := memory.NewAllocator(2*page, nil, func(n int64) bool { asked = append(asked, n); return true }, &alive)
	if a.Made() != nil || alive.Load() != 0 {
		t.Fatal("an allocator that was never asked made a memory")
	}
	a.Allocate(0, 1<<32)
	m := a.Made()
	defer m.Free()
	first := m.Reallocate(page)
	if len(first) != page || m.Size() != page || m.Limit() != 2*page || alive.Load() != 1 {
		t.Fatalf("%d bytes, size %d, limit %d, %d alive", len(first), m.Size(), m.Limit(), alive.Load())
	}
	first[0] = 7
	second := m.Reallocate(2 * page)
	if len(second) != 2*page || &second[0] != &first[0] || second[0] != 7 {
		t.Error("a memory moved when it grew")
	}
	if m.Reallocate(2*page+1) != nil || m.Size() != 2*page {
		t.Error("a memory grew past its cap")
	}
	if !slices.Equal(asked, []int64{page, page}) {
		t.Errorf("asked for %v", asked)
	}
	for _, c := range []struct {
		off, n uint64
		ok     bool
	}{{0, 2 * page, true}, {2 * page, 0, true}, {2*page - 1, 2, false}, {1, ^uint64(0), false}, {^uint64(0), 1, false}} {
		if b, ok := m.Slice(c.off, c.n); ok != c.ok || ok && uint64(len(b)) != c.n {
			t.Errorf("Slice(%d, %d) = %d bytes, %v", c.off, c.n, len(b), ok)
		}
	}
	second[page] = 9
	m.Discard(page)
	m.Discard(1 << 40)
	if second[page] != 0 || second[0] != 7 {
		t.Errorf("after Discard the kept byte is %d and the other %d", second[0], second[page])
	}
	m.Free()
	m.Free()
	if alive.Load() != 0 || m.Size() != 0 {
		t.Errorf("%d memories alive after Free", alive.Load())
	}
}

func TestMemoryThatCannotBeHadRefusesToGrow(t *testing.T) {
	var alive atomic.Int64
	a := memory.NewAllocator(1<<62, nil, func(int64) bool { return true }, &alive)
	if goruntime.GOOS != "linux" && goruntime.GOOS != "darwin" {
		t.Skip("memories live in Go's heap here, which panics instead")
	}
	a.Allocate(0, 1<<62)
	if a.Made().Reallocate(page) != nil {
		t.Error("a memory without address space grew")
	}
	a.Made().Free()
	if alive.Load() != 0 {
		t.Errorf("%d memories alive after Free", alive.Load())
	}
}

func TestMemoryThatIsRefusedStaysAsItIs(t *testing.T) {
	var alive atomic.Int64
	left := int64(page)
	a := memory.NewAllocator(4*page, nil, func(n int64) bool { left -= n; return left >= 0 }, &alive)
	a.Allocate(0, 4*page)
	m := a.Made()
	defer m.Free()
	m.Reallocate(page)
	if m.Reallocate(3*page) != nil || m.Size() != page {
		t.Errorf("it has %d bytes, more than it was given", m.Size())
	}
	if left = page; m.Reallocate(2*page) == nil {
		t.Error("it does not grow when it may again")
	}
}
