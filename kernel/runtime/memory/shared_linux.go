package memory

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shared is a file without a name, in memory, whose pages memories have in common until they write to them.
type shared struct{ file *os.File }

func (s *shared) make(size uint64, parts []Part) bool {
	fd, err := unix.MemfdCreate("carapace-image", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "carapace-image")
	err = f.Truncate(int64(s.whole(size)))
	for _, p := range parts {
		if err == nil {
			_, err = f.WriteAt(p.Bytes, int64(p.At))
		}
	}
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
	}
	if err != nil {
		_ = f.Close()
		return false
	}
	s.file = f
	return true
}

// whole is a size as whole pages have it.
func (s *shared) whole(size uint64) uint64 {
	page := uint64(os.Getpagesize())
	return (size + page - 1) / page * page
}

// lay puts the image where b is, which was mapped before.
func (s *shared) lay(b []byte) bool {
	_, _, failed := unix.Syscall6(unix.SYS_MMAP, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.PROT_READ|unix.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_FIXED, s.file.Fd(), 0)
	return failed == 0
}

func (s *shared) close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}
