package memory_test

import (
	"bytes"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime/memory"
)

// begun is a memory of two pages that begins with an image.
func begun(t *testing.T, image *memory.Image, limit uint64) *memory.Linear {
	t.Helper()
	var alive atomic.Int64
	a := memory.NewAllocator(limit, image, func(int64) bool { return true }, &alive)
	a.Allocate(0, 1<<32)
	m := a.Made()
	t.Cleanup(m.Free)
	if m.Reallocate(2*page) == nil {
		t.Fatal("no memory")
	}
	return m
}

func TestMemoriesOfOneImageDoNotSeeEachOther(t *testing.T) {
	for name, parts := range map[string][]memory.Part{
		"shared": {{10, []byte("first")}, {page - 2, []byte("last")}},
		// So much is between them that it is not worth sharing.
		"copied": {{10, []byte("first")}, {32<<20 - 4, []byte("last")}},
		"none":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			image := memory.NewImage(parts)
			limit := max(image.Size(), 4*page)
			one, other := begun(t, image, limit), begun(t, image, limit)
			image.Close()
			image.Close()
			if n := image.Size(); n > one.Size() {
				one.Reallocate(n)
				other.Reallocate(n)
			}
			for n, m := range []*memory.Linear{one, other} {
				for _, p := range parts {
					if got, ok := m.Slice(p.At, uint64(len(p.Bytes))); !ok || !bytes.Equal(got, p.Bytes) {
						t.Errorf("memory %d has %q at %d", n, got, p.At)
					}
				}
				if b := m.Bytes(); b[9] != 0 || b[2*page-1] != 0 {
					t.Errorf("memory %d is not zero between", n)
				}
				m.Bytes()[10], m.Bytes()[page] = byte(n+1), byte(n+1)
			}
			if one.Bytes()[10] != 1 || other.Bytes()[10] != 2 || one.Bytes()[page] != 1 {
				t.Error("what one wrote the other has")
			}
		})
	}
}

func TestImageLargerThanItsMemoryIsNone(t *testing.T) {
	image := memory.NewImage([]memory.Part{{3 * page, []byte{1}}})
	defer image.Close()
	var alive atomic.Int64
	a := memory.NewAllocator(2*page, image, func(int64) bool { return true }, &alive)
	a.Allocate(0, 2*page)
	defer a.Made().Free()
	if a.Made().Reallocate(page) != nil {
		t.Error("a memory was made that its image does not fit in")
	}
}

func TestCopyIsAsTheMemoryWas(t *testing.T) {
	first := begun(t, nil, 4*page)
	copy(first.Bytes()[5:], "before")
	copy(first.Bytes()[2*page-6:], "the end")
	image := first.Copy()
	if image == nil {
		t.Skip("this system shares no memory")
	}
	defer image.Close()
	was := slices.Clone(first.Bytes())
	copy(first.Bytes()[5:], "after!")
	second := begun(t, image, 4*page)
	if !bytes.Equal(second.Bytes(), was) {
		t.Error("a copy differs from what was copied")
	}
	large := begun(t, nil, 64<<20)
	large.Reallocate(32 << 20)
	large.Bytes()[0], large.Bytes()[32<<20-1] = 1, 1
	if large.Copy() != nil {
		t.Error("thirty megabytes of nothing were shared")
	}
}
