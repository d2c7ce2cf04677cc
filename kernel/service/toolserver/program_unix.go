//go:build unix

package toolserver

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the program the first of a group, so that what it starts ends with it.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// askGroup asks a program and what it has started to end.
func askGroup(c *exec.Cmd) { _ = syscall.Kill(-c.Process.Pid, syscall.SIGTERM) } // it may have ended by itself

// endGroup ends them.
func endGroup(c *exec.Cmd) { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) } // likewise
