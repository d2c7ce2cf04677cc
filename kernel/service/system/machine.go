package system

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// SystemInfo is the machine that the gateway runs on, and its process.
type SystemInfo struct {
	MachineName string `json:"machineName"`
	Hostname    string `json:"hostname"`
	// Platform and Arch are Go's names, Release the system's where it tells.
	Platform string `json:"platform"`
	Release  string `json:"release"`
	Arch     string `json:"arch"`
	OSLabel  string `json:"osLabel"`
	// NodeVersion is the version of what runs the gateway: Go's.
	NodeVersion string `json:"nodeVersion"`
	// Version is the gateway's.
	Version string `json:"version"`
	PID     int    `json:"pid"`
	// UptimeMs is how long the gateway has run, in milliseconds.
	UptimeMs int64 `json:"uptimeMs"`
	CPUCount int   `json:"cpuCount"`
	// MemoryTotalBytes and MemoryFreeBytes are the machine's; 0 where the system does not tell.
	MemoryTotalBytes int64  `json:"memoryTotalBytes"`
	MemoryFreeBytes  int64  `json:"memoryFreeBytes"`
	StateDir         string `json:"stateDir,omitempty"`
}

func (m *monitor) machine(context.Context, rpc.None) (SystemInfo, error) {
	host, _ := os.Hostname() // a machine without a name has none to show
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	total, free := machineMemory()
	return SystemInfo{
		MachineName: host, Hostname: host, Platform: runtime.GOOS, Release: string(bytes.TrimSpace(release)), Arch: runtime.GOARCH,
		OSLabel: runtime.GOOS + " " + runtime.GOARCH, NodeVersion: runtime.Version(), Version: m.version, PID: os.Getpid(),
		UptimeMs: time.Since(m.started).Milliseconds(), CPUCount: runtime.NumCPU(), MemoryTotalBytes: total, MemoryFreeBytes: free, StateDir: m.stateDir,
	}, nil
}

// machineMemory reads the machine's memory where the system has /proc.
func machineMemory() (total, free int64) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0
	}
	for line := range bytes.Lines(b) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kilobytes, _ := strconv.ParseInt(string(fields[1]), 10, 64) // 0 is not known
		switch string(fields[0]) {
		case "MemTotal:":
			total = kilobytes << 10
		case "MemAvailable:":
			free = kilobytes << 10
		}
	}
	return total, free
}
