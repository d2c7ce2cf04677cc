package runtime

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// leastMemory is the default budget of a small machine.
const leastMemory = 128 << 20

// DefaultMemory is a quarter of what this process may use, and at least 128 MB.
func DefaultMemory() int64 {
	all := machineMemory()
	if limit := groupMemory(os.DirFS("/")); limit > 0 && (all == 0 || limit < all) {
		all = limit
	}
	return max(all/4, leastMemory)
}

// groupMemory is the least limit of the control groups (cgroups 2, or 1) that the process is in, 0 where there is none.
// A group's limit holds for the groups below it. In a container the names that the process is told are often those
// outside, so that only the root is found, which is the container's own.
func groupMemory(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	var least int64
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // number, controllers, path
		if len(parts) < 3 {
			continue
		}
		top, file := "sys/fs/cgroup", "memory.max"
		if parts[1] == "memory" {
			top, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if parts[1] != "" {
			continue
		}
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			if n := readLimit(root, path.Join(top, dir, file)); n > 0 && (least == 0 || n < least) {
				least = n
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// readLimit reads a number of bytes, 0 for none. "max" is none, and what version 1 says instead is larger than any machine.
func readLimit(root fs.FS, name string) int64 {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || n >= 1<<60 {
		return 0
	}
	return n
}
