package system

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"github.com/carapace-gateway/carapace/kernel/service"
)

// Memory is what the process uses, in bytes: of the system where it tells, and of Go's runtime.
type Memory struct {
	RSS  int64 `json:"rss"`
	Heap int64 `json:"heap"`
	// Plugins is the part that the plugins' code has.
	Plugins PluginMemory `json:"plugins"`
}

// PluginMemory is the memory that all plugins share.
type PluginMemory struct {
	// Held is what they have now, and Budget what they may have: see runtime.memory in the settings. Both are in bytes.
	Held   int64 `json:"held"`
	Budget int64 `json:"budget"`
	// Refused counts the calls that found no room, or could not grow, since the start.
	Refused int64 `json:"refused"`
}

// checkMemory says whether the plugins have room.
func (d *doctor) checkMemory() service.Check {
	m := d.memory()
	c := service.Check{Name: "memory", OK: true, Message: fmt.Sprintf("plugins hold %d MB, of at most %d MB", m.Held>>20, m.Budget>>20)}
	if m.Refused > 0 {
		c.Warning, c.Message = true, fmt.Sprintf("%s; %s found no room, or could not grow, since the start", c.Message, service.Count(m.Refused, "call"))
		c.Hint = "give them more by runtime.memory in the settings, or --memory; `carapace plugins list --json` shows what each holds"
	}
	return c
}

func usedMemory(plugins PluginMemory) Memory {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	used := Memory{RSS: int64(m.Sys - m.HeapReleased), Heap: int64(m.HeapAlloc), Plugins: plugins}
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
