// Package terminal runs programs on pseudo-terminals, to see what they show there.
package terminal

import (
	"os"
	"os/exec"
)

// Start starts cmd on a terminal of its own, of 120 columns and 40 rows, and returns the terminal's other end: what is
// shown is read from there, and what is written there is typed. Reading fails once the program has ended. The caller
// closes it. The error is errors.ErrUnsupported where the system is not Linux.
func Start(cmd *exec.Cmd) (*os.File, error) { return start(cmd) }
