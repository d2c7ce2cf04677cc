//go:build linux || darwin

package memory

import "golang.org/x/sys/unix"

// reserve takes address space without memory behind it, or returns nil.
func reserve(n uint64) []byte {
	if n == 0 {
		return []byte{}
	}
	b, err := unix.Mmap(-1, 0, int(n), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil
	}
	return b
}

func commit(b []byte) bool {
	return len(b) == 0 || unix.Mprotect(b, unix.PROT_READ|unix.PROT_WRITE) == nil
}

func release(b []byte) {
	if len(b) > 0 {
		_ = unix.Munmap(b)
	}
}

// discard gives the pages of b back; they read as zero afterwards.
func discard(b []byte) {
	if len(b) > 0 {
		_ = unix.Madvise(b, unix.MADV_DONTNEED)
	}
}
