package plugin_test

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// badDisk is a file system one of whose files cannot be read for now.
type badDisk struct {
	fs.FS
	name string
	bad  *atomic.Bool
}

var errDisk = errors.New("input/output error")

func (d badDisk) Open(name string) (fs.File, error) {
	if d.bad.Load() && path.Base(name) == d.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errDisk}
	}
	return d.FS.Open(name)
}

// TestADiskThatFailsForNow: a plugin whose files cannot be read runs once they can, though nothing about them has
// changed; one that runs goes on meanwhile.
func TestADiskThatFailsForNow(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"plugin.json", "plugin.wasm"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			var bad atomic.Bool
			on := func(n int) source.Package {
				p := written(n)
				p.Root = badDisk{p.Root, file, &bad}
				return p
			}
			bad.Store(true)
			memory := &plugintest.Memory{}
			memory.PutPackage(on(1))
			r := newRig(t, store.OpenMemory(), memory).start()
			if c := r.wait("p - failed"); !strings.Contains(c.Reason, "cannot be read") {
				t.Errorf("%+v", c)
			}
			bad.Store(false)
			r.wait("p 1.0.1 verified")
			r.says("p_tool", "1 as p")
			bad.Store(true)
			memory.PutPackage(on(2))
			r.wait("p - failed")
			r.says("p_tool", "1 as p")
			bad.Store(false)
			r.wait("p 1.0.2 ready")
			r.says("p_tool", "2 as p")
		})
	}
}
