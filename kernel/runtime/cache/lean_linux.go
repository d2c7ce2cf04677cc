package cache

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine code is four times as large as its module, and little of it ever runs: of eighteen megabytes of the built-in plugins a
// conversation runs two and a half. wazero copies all of it into memory of its own, where it stays. Here that memory is replaced by
// the same bytes of a file, of which the system keeps what is run, and takes back what is not.
//
// The file has no name, so that nobody can change what was checked: it is a copy, made at each load, and compared with the memory
// that it takes the place of. Where anything is not as expected, that memory stays.

// leanFrom is the size of machine code that is worth a file, in bytes.
const leanFrom = 1 << 20

// lean replaces the memory of machine code that was just loaded from a file of the cache.
func (c *Cache) lean(code string) error {
	from, err := os.Open(filepath.Join(c.dir, "code", code))
	if err != nil {
		return err
	}
	defer from.Close()
	offset, length, err := codeIn(from)
	if err != nil || length < leanFrom {
		return err
	}
	nameless, err := os.CreateTemp(c.dir, "making-*")
	if err != nil {
		return err
	}
	defer nameless.Close()
	if err := os.Remove(nameless.Name()); err != nil {
		return err
	}
	at, err := copyCode(nameless, io.NewSectionReader(from, offset, length))
	if err != nil {
		return err
	}
	_, _, failed := unix.Syscall6(unix.SYS_MMAP, uintptr(at), uintptr(pages(length)), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_FIXED, nameless.Fd(), 0)
	if failed != 0 {
		return failed
	}
	return nil
}

// codeIn finds the machine code in a file of wazero's: behind a magic, its version, and where each function begins.
func codeIn(f io.ReaderAt) (offset, length int64, err error) {
	at, count, err := functionsIn(f)
	if err != nil {
		return 0, 0, err
	}
	at += 8 * int64(count)
	var size [8]byte
	if _, err := f.ReadAt(size[:], at); err != nil {
		return 0, 0, err
	}
	length = int64(binary.LittleEndian.Uint64(size[:]))
	if length < 0 || length > maxMachineCode {
		return 0, 0, errForm
	}
	return at + 8, length, nil
}

var (
	// One of the two is of a module that was closed, and may be given back at any moment.
	errTwice  = errors.New("machine code is twice in the memory of this process")
	errNoCode = errors.New("machine code is not in the memory of this process")
)

// pages is a size as whole pages have it.
func pages(n int64) int64 {
	page := int64(os.Getpagesize())
	return (n + page - 1) / page * page
}

// copyCode writes machine code to a file, and returns where in memory it is: executable, no file's, and the same. It looks at each
// page, since the system joins what lies side by side.
func copyCode(to *os.File, code *io.SectionReader) (address int64, err error) {
	first := make([]byte, min(code.Size(), 256))
	if _, err := code.ReadAt(first, 0); err != nil {
		return 0, err
	}
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		return 0, err
	}
	defer memory.Close()
	regions, err := executable()
	if err != nil {
		return 0, err
	}
	here := make([]byte, len(first))
	for _, r := range regions {
		for at := r.from; at+pages(code.Size()) <= r.to; at += int64(os.Getpagesize()) {
			if _, err := memory.ReadAt(here, at); err != nil || !bytes.Equal(here, first) {
				continue
			}
			switch same, err := copySame(to, code, io.NewSectionReader(memory, at, code.Size())); {
			case err != nil:
				return 0, err
			case same && address != 0:
				return 0, errTwice
			case same:
				address = at
			}
		}
	}
	if address == 0 {
		return 0, errNoCode
	}
	return address, nil
}

// copySame writes what two readers of the same size have, and stops with false where they differ.
func copySame(to io.WriterAt, a, b *io.SectionReader) (same bool, err error) {
	one, two := make([]byte, 4*pieceBytes), make([]byte, 4*pieceBytes)
	for at := int64(0); at < a.Size(); at += int64(len(one)) {
		n := min(int64(len(one)), a.Size()-at)
		if _, err := a.ReadAt(one[:n], at); err != nil {
			return false, err
		}
		if _, err := b.ReadAt(two[:n], at); err != nil || !bytes.Equal(one[:n], two[:n]) {
			return false, nil
		}
		for from := int64(0); from < n; from += folioBytes {
			if _, err := to.WriteAt(one[from:min(from+folioBytes, n)], at+from); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// folioBytes is how much is written at once. The system keeps together what is written together, and makes it resident together
// when one byte of it is run: written by the megabyte, twice as much is resident.
const folioBytes = 16 << 10

// region is a part of this process's memory.
type region struct{ from, to int64 }

// executable lists the regions that are executable and no file's (see proc_pid_maps(5)).
func executable() (list []region, err error) {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil, err
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 5 || fields[1] != "r-xp" || fields[4] != "0" {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		a, bad1 := strconv.ParseInt(from, 16, 64)
		b, bad2 := strconv.ParseInt(to, 16, 64)
		if bad1 == nil && bad2 == nil {
			list = append(list, region{a, b})
		}
	}
	return list, nil
}
