//go:build darwin || freebsd || netbsd

package runtime

import "golang.org/x/sys/unix"

// machineMemory is how many bytes the machine has, 0 if it does not tell.
func machineMemory() int64 {
	for _, name := range []string{"hw.memsize", "hw.physmem64", "hw.physmem"} {
		if n, err := unix.SysctlUint64(name); err == nil {
			return int64(n)
		}
	}
	return 0
}
