//go:build unix

package main

import "syscall"

// raiseFiles lets this process, and what it starts, have so many files open.
func raiseFiles(n uint64) error {
	l := new(syscall.Rlimit)
	setLimit(&l.Cur, n)
	setLimit(&l.Max, n)
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, l)
}

// setLimit sets one of a limit's numbers, which are signed on some systems.
func setLimit[T int64 | uint64](to *T, n uint64) { *to = T(n) }
