//go:build unix

package main

import "syscall"

// raiseFiles lets this process, and what it starts, have so many files open.
func raiseFiles(n uint64) error {
	l := new(syscall.Rlimit)
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, l); err != nil {
		return err
	}
	setLimit(&l.Cur, n)
	if uint64(l.Max) < n { // what is given up cannot be had again
		setLimit(&l.Max, n)
	}
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, l)
}

// setLimit sets one of a limit's numbers, which are signed on some systems.
func setLimit[T int64 | uint64](to *T, n uint64) { *to = T(n) }
