//go:build unix

package process

import "syscall"

// ToggleProfile begins or ends a profile, of a gateway that was built with -tags profile.
func (p *Process) ToggleProfile() error { return p.cmd.Process.Signal(syscall.SIGUSR1) }
