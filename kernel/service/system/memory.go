package system

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strconv"
)

// Memory is what the process uses, in bytes: of the system where it tells, and of Go's runtime.
type Memory struct {
	RSS  int64 `json:"rss"`
	Heap int64 `json:"heap"`
}

func usedMemory() Memory {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	used := Memory{RSS: int64(m.Sys - m.HeapReleased), Heap: int64(m.HeapAlloc)}
	if pages, err := residentPages(); err == nil {
		used.RSS = pages * int64(os.Getpagesize())
	}
	return used
}

// residentPages reads the process's resident pages where the system has /proc.
func residentPages() (int64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0, errors.New("statm has too few fields")
	}
	return strconv.ParseInt(string(fields[1]), 10, 64)
}
