//go:build unix

package cache

import (
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// niceness makes the compiler wait for whoever else needs a processor.
const niceness = 10

// ownGroup keeps a Ctrl-C in the terminal from the process, which ends when the gateway says so.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// limitProcess bounds this process for the rest of its life. Of its memory it is what can be written to: Go reserves
// address space that it never uses.
func limitProcess(processor time.Duration, memory uint64) error {
	seconds := uint64(processor / time.Second)
	err := errors.Join(
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
		unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: seconds}),
		unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: memory, Max: memory}))
	_ = unix.Setpriority(unix.PRIO_PGRP, 0, niceness) // courtesy
	return err
}
