//go:build !(linux || darwin)

package memory

// Without mmap linear memories live in Go's heap, at their full size.

func reserve(n uint64) []byte { return make([]byte, n) }

func commit([]byte) bool { return true }

func release([]byte, uint64) {}

func discard(b []byte) { clear(b) }
