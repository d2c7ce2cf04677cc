//go:build !linux

package memory

// shared is what this system does not have.
type shared struct{}

func (*shared) make(uint64, []Part) bool { return false }

func (*shared) whole(size uint64) uint64 { return size }

func (*shared) lay([]byte) bool { return false }

func (*shared) close() {}
