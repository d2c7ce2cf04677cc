package runtime

import "sync/atomic"

// linear is one linear memory under a cap. It is reserved once at its full size and never moves;
// pages become usable as it grows and cost nothing until they are touched.
type linear struct {
	reserved []byte
	size     uint64
	limit    uint64
	counter  *atomic.Int64 // memories alive in the engine
}

// allocator makes the one memory of a module instance. It keeps hold of it, because wazero does not
// free the memory of an instance whose start function failed.
type allocator struct {
	limit   uint64
	counter *atomic.Int64
	made    *linear
}

func (a *allocator) allocate(max uint64) *linear {
	max = min(max, a.limit)
	m := &linear{limit: max, counter: a.counter}
	m.reserved = reserve(max)
	if m.reserved == nil {
		m.limit = 0
	}
	a.counter.Add(1)
	a.made = m
	return m
}

// Reallocate grows the memory to size bytes, or answers nil where the cap forbids it.
func (m *linear) Reallocate(size uint64) []byte {
	if size > m.limit || m.reserved == nil {
		return nil
	}
	if size > m.size && !commit(m.reserved[m.size:size]) {
		return nil
	}
	m.size = size
	return m.reserved[:size:size]
}

// Free gives the memory back. It may be called again.
func (m *linear) Free() {
	if m.counter == nil {
		return
	}
	if m.reserved != nil {
		release(m.reserved)
	}
	m.counter.Add(-1)
	m.reserved, m.size, m.counter = nil, 0, nil
}

func (m *linear) bytes() []byte { return m.reserved[:m.size] }

// slice answers n bytes at off if the memory has them.
func (m *linear) slice(off, n uint64) ([]byte, bool) {
	if off > m.size || n > m.size-off {
		return nil, false
	}
	return m.reserved[off : off+n : off+n], true
}

const (
	keptExchange = 1 << 20
	largestIdle  = 4 << 20
)

// bloated says that an instance is better replaced than kept: its memory, which cannot shrink, is
// nearly used up. A single instance is kept, for it holds what its plugin remembers. What a large
// call left of exchange memory is given back here.
func (i *instance) bloated() bool {
	if i.exchange.size > largestIdle && i.register(regBump) > keptExchange {
		discard(i.exchange.reserved[keptExchange:i.exchange.size])
	}
	return i.memory != nil && i.pool.spec.Mode == Warm && i.memory.size > i.memory.limit/4*3
}
