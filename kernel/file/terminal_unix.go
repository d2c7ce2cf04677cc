//go:build unix

package file

import "syscall"

const noTerminal = syscall.O_NOCTTY
