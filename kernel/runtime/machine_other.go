//go:build !(linux || darwin || freebsd || netbsd)

package runtime

// machineMemory is how many bytes the machine has, 0 if it does not tell.
func machineMemory() int64 { return 0 }
