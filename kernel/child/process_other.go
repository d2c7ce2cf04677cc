//go:build !unix

package child

import (
	"syscall"
	"time"
)

func ownGroup() *syscall.SysProcAttr { return nil }

// limitProcess has nothing to set here; the clock bounds the process, and Go's own limit its memory.
func limitProcess(time.Duration, uint64) error { return nil }
