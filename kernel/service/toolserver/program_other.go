//go:build !unix

package toolserver

import (
	"os/exec"
	"syscall"
)

func ownGroup() *syscall.SysProcAttr { return nil }

// askGroup does nothing: there is nothing here by which a program can be asked.
func askGroup(*exec.Cmd) {}

// endGroup ends the program.
func endGroup(c *exec.Cmd) { _ = c.Process.Kill() } // it may have ended by itself
