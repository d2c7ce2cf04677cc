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

// release gives back b, of which the first used bytes have memory behind them. That goes first, in pieces: while the
// system takes a mapping away, no other thread of the process can get a page.
func release(b []byte, used uint64) {
	for at := uint64(0); at < used; at += releasePiece {
		discard(b[at:min(at+releasePiece, used)])
	}
	if len(b) > 0 {
		_ = unix.Munmap(b)
	}
}

// releasePiece is how many bytes are given back at a time.
const releasePiece = 4 << 20

// discard gives the pages of b back; they read as zero afterwards.
func discard(b []byte) {
	if len(b) > 0 {
		_ = unix.Madvise(b, unix.MADV_DONTNEED)
	}
}
