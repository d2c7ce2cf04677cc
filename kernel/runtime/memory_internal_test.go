package runtime

import (
	"testing"
	"testing/fstest"
)

// Waiting is how many calls wait for room.
func (e *Engine) Waiting() int { return int(e.budget.waiting.Load()) }

func TestDefaultMemory(t *testing.T) {
	if got := DefaultMemory(); got < leastMemory {
		t.Errorf("the default is %d bytes", got)
	}
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for _, c := range []struct {
		name string
		fs   fstest.MapFS
		want int64
	}{
		{"no control groups", fstest.MapFS{}, 0},
		{"version 2", fstest.MapFS{
			"proc/self/cgroup":                              file("0::/user.slice/app.scope\n"),
			"sys/fs/cgroup/user.slice/memory.max":           file("1073741824\n"),
			"sys/fs/cgroup/user.slice/app.scope/memory.max": file("max\n"),
		}, 1 << 30},
		{"version 2, the group's own", fstest.MapFS{
			"proc/self/cgroup":             file("0::/app\n"),
			"sys/fs/cgroup/app/memory.max": file("536870912\n"),
		}, 512 << 20},
		{"version 2 in a container", fstest.MapFS{
			"proc/self/cgroup":         file("0::/../../outside\n"),
			"sys/fs/cgroup/memory.max": file("268435456\n"),
		}, 256 << 20},
		{"version 1", fstest.MapFS{
			"proc/self/cgroup":                                      file("12:cpu,cpuacct:/x\n5:memory:/docker/abc\n0::/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":            file("9223372036854771712\n"),
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": file("134217728\n"),
		}, 128 << 20},
		{"version 1 in a container", fstest.MapFS{
			"proc/self/cgroup":                           file("5:memory:/docker/abc\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("134217728\n"),
		}, 128 << 20},
		{"nonsense", fstest.MapFS{"proc/self/cgroup": file("\n::\n0::/\n"), "sys/fs/cgroup/memory.max": file("lots\n")}, 0},
	} {
		if got := groupMemory(c.fs); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
