//go:build !linux

package terminal

import (
	"errors"
	"os"
	"os/exec"
)

func start(*exec.Cmd) (*os.File, error) { return nil, errors.ErrUnsupported }
