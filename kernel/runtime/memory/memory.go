// Package memory makes the linear memories of WebAssembly instances.
//
// A memory lives outside Go's heap where the system allows it: address space is reserved once at the full
// size that the cap permits, so a memory never moves and growing copies nothing, and pages cost nothing until
// they are touched. On other systems it is one slice of that size.
//
// A memory belongs to one instance and, like it, is used by one goroutine at a time. Its owner frees it after
// the instance was closed; the bytes must not be touched afterwards.
package memory

import (
	"sync/atomic"

	"github.com/tetratelabs/wazero/experimental"
)

// Linear is one linear memory under a cap. It implements wazero's experimental.LinearMemory.
type Linear struct {
	reserved  []byte
	committed uint64 // what the system lets be used, size at least
	size      uint64
	limit     uint64
	grow      func(bytes int64) bool
	alive     *atomic.Int64 // nil once freed
}

// commitStep is how much is committed at once: guests grow by a page, and while the system commits one, no other thread
// of the process can get a page.
const commitStep = 1 << 20

// Allocator makes the one memory of a module instance, for wazero. It keeps hold of it, because wazero does
// not free the memory of an instance whose start function failed.
type Allocator struct {
	limit uint64
	image *Image
	grow  func(bytes int64) bool
	alive *atomic.Int64
	made  *Linear
}

// NewAllocator makes one whose memory has at most limit bytes and is counted in alive until it is freed. It begins with image,
// which may be nil. grow is asked for the bytes of its first size, and each time that it is to have more, and may refuse them.
func NewAllocator(limit uint64, image *Image, grow func(bytes int64) bool, alive *atomic.Int64) *Allocator {
	return &Allocator{limit: limit, image: image, grow: grow, alive: alive}
}

// Allocate implements wazero's experimental.MemoryAllocator. A memory whose address space cannot be had is
// returned nevertheless; it refuses to grow, so that its instance cannot start.
func (a *Allocator) Allocate(_, most uint64) experimental.LinearMemory {
	most = min(most, a.limit)
	m := &Linear{reserved: reserve(most), limit: most, grow: a.grow, alive: a.alive}
	if m.reserved == nil || !m.begin(a.image) {
		m.limit = 0
	}
	a.alive.Add(1)
	a.made = m
	return m
}

// begin gives the memory its first content.
func (m *Linear) begin(image *Image) bool {
	return image.Size() == 0 || image.Size() <= m.limit && m.commit(image.Size()) && image.fill(m)
}

// Made returns the memory, nil if the instance asked for none.
func (a *Allocator) Made() *Linear { return a.made }

// Reallocate grows the memory to size bytes, or returns nil where the cap, or who was asked, forbids it.
func (m *Linear) Reallocate(size uint64) []byte {
	if size > m.limit || m.reserved == nil {
		return nil
	}
	if size > m.size && !(m.commit(size) && m.grow(int64(size-m.size))) {
		return nil // what was committed and is not used takes nothing
	}
	m.size = size
	return m.reserved[:size:size]
}

// commit makes the memory up to size usable.
func (m *Linear) commit(size uint64) bool {
	if size <= m.committed {
		return true
	}
	end := min((size+commitStep-1)/commitStep*commitStep, m.limit)
	if !commit(m.reserved[m.committed:end]) {
		return false
	}
	m.committed = end
	return true
}

// Free gives the memory back. It may be called again.
func (m *Linear) Free() {
	if m.alive == nil {
		return
	}
	if m.reserved != nil {
		release(m.reserved, m.size)
	}
	m.alive.Add(-1)
	m.reserved, m.committed, m.size, m.alive = nil, 0, 0, nil
}

// Size is how many bytes can be used now.
func (m *Linear) Size() uint64 { return m.size }

// Limit is how many bytes the memory may grow to.
func (m *Linear) Limit() uint64 { return m.limit }

// Bytes returns the whole memory without copying. The slice is valid until the memory grows or is freed.
func (m *Linear) Bytes() []byte { return m.reserved[:m.size] }

// Slice returns n bytes at off without copying, if the memory has them.
func (m *Linear) Slice(off, n uint64) ([]byte, bool) {
	if off > m.size || n > m.size-off {
		return nil, false
	}
	return m.reserved[off : off+n : off+n], true
}

// Discard gives the pages from off on back to the system. They stay usable and read as zero, in a memory that began with
// nothing. off must be a multiple of the page size.
func (m *Linear) Discard(off uint64) {
	if off < m.size {
		discard(m.reserved[off:m.size])
	}
}
