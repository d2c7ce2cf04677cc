//go:build unix

package child

import (
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// niceness makes the process wait for whoever else needs a processor.
const niceness = 10

// ownGroup keeps a Ctrl-C in the terminal from the process, which ends when the gateway says so.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// limitProcess bounds this process for the rest of its life. Of its memory it is what can be written to: Go reserves
// address space that it never uses.
func limitProcess(processor time.Duration, memory uint64) error {
	err := errors.Join(
		unix.Setrlimit(unix.RLIMIT_CORE, rlimit(0)),
		unix.Setrlimit(unix.RLIMIT_CPU, rlimit(uint64(processor/time.Second))),
		unix.Setrlimit(unix.RLIMIT_DATA, rlimit(memory)))
	_ = unix.Setpriority(unix.PRIO_PGRP, 0, niceness) // courtesy
	return err
}

// rlimit is a limit that the process cannot raise. Its numbers are signed on some systems.
func rlimit(most uint64) *unix.Rlimit {
	l := new(unix.Rlimit)
	set(&l.Cur, most)
	set(&l.Max, most)
	return l
}

func set[T int64 | uint64](to *T, v uint64) { *to = T(v) }
