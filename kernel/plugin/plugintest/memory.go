package plugintest

import (
	"context"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/wit"
)

// Memory is a source of fakes and other packages. The zero value is empty and ready.
type Memory struct {
	mu       sync.Mutex
	packages map[string]source.Package
	changed  []chan struct{}
}

// Put adds a fake under its manifest's id, or replaces the one that was there.
func (m *Memory) Put(f Fake) { m.PutPackage(pack(&f)) }

// PutPackage adds a package under its folder, or replaces the one that was there.
func (m *Memory) PutPackage(p source.Package) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.packages == nil {
		m.packages = map[string]source.Package{}
	}
	m.packages[p.Folder] = p
	m.announce()
}

// pack makes a fake a package. Each has files of a time of its own, as an upgrade has.
func pack(f *Fake) source.Package {
	id := f.Manifest.ID
	code, _, _ := strings.Cut(f.Manifest.Entry, "#")
	written := time.Unix(0, rand.Int64())
	return source.Package{Folder: id, Path: "memory:" + id, Engine: &runner{f}, Root: fstest.MapFS{
		path.Join(id, "plugin.json"): {Data: wit.Marshal(&f.Manifest), ModTime: written},
		path.Join(id, code):          {Data: []byte("functions of a test"), ModTime: written},
	}}
}

// Remove takes away what Put or PutPackage has added.
func (m *Memory) Remove(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.packages, id)
	m.announce()
}

func (m *Memory) announce() {
	for _, c := range m.changed {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Name implements source.Source.
func (m *Memory) Name() string { return "memory" }

// Packages implements source.Source.
func (m *Memory) Packages() ([]source.Package, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []source.Package
	for _, id := range slices.Sorted(maps.Keys(m.packages)) {
		found = append(found, m.packages[id])
	}
	return found, nil
}

// Watch implements source.Source.
func (m *Memory) Watch(ctx context.Context, changed func()) error {
	c := make(chan struct{}, 1)
	m.mu.Lock()
	m.changed = append(m.changed, c)
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.changed = slices.DeleteFunc(m.changed, func(o chan struct{}) bool { return o == c })
	}()
	for {
		select {
		case <-c:
			changed()
		case <-ctx.Done():
			return nil
		}
	}
}
