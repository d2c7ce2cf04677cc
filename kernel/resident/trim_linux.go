package resident

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// trim looks for mappings of files that have nothing of their own (see proc_pid_smaps(5)). One can be read only and
// have been written to before, as where a loader has put addresses: what is there would be lost.
func trim() {
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	var at mapping
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if m, ok := readMapping(lines.Text()); ok {
			at = m
		} else if kb, ok := strings.CutPrefix(lines.Text(), "Anonymous:"); ok && at.constant && strings.HasPrefix(at.file, "/") && strings.TrimSpace(kb) == "0 kB" {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, at.from, at.to-at.from, unix.MADV_DONTNEED)
		}
	}
}

// mapping is a part of the process' addresses.
type mapping struct {
	from, to uintptr
	constant bool // it can be read or executed, not written, and is private
	file     string
}

// readMapping reads the line that begins a mapping, such as `00400000-00452000 r-xp 00000000 08:02 173521 /usr/bin/x`.
func readMapping(line string) (m mapping, ok bool) {
	fields := strings.SplitN(strings.Join(strings.Fields(line), " "), " ", 6)
	if len(fields) < 5 {
		return m, false
	}
	first, last, _ := strings.Cut(fields[0], "-")
	from, bad1 := strconv.ParseUint(first, 16, 64)
	to, bad2 := strconv.ParseUint(last, 16, 64)
	if bad1 != nil || bad2 != nil || from >= to {
		return m, false
	}
	m = mapping{from: uintptr(from), to: uintptr(to), constant: fields[1] == "r--p" || fields[1] == "r-xp"}
	if len(fields) == 6 {
		m.file = fields[5]
	}
	return m, true
}
