package runtime

import (
	"context"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carapace-gateway/carapace/kernel/runtime/cache"
	"github.com/carapace-gateway/carapace/kernel/runtime/memory"
	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
)

// ImageExport is the export by which a module says that all its instances may begin as copies of one that has started: what its
// start leaves depends on nothing but the module, and nothing in it draws from random numbers that it has from then. The host sees to
// the first as far as isolation goes (what a start has asked of the host beyond WASI is not copied); the second is a promise.
const ImageExport = "carapace_image"

// compiled is a module's machine code, with what its instances need to know and begin with.
type compiled struct {
	wazero.CompiledModule
	cache.Guest               // without its WASM
	data        *memory.Image // of its memory, before anything runs
	copies      bool          // it says that its instances may begin as copies

	mu      sync.Mutex
	started *started // nil before the first start, or where there can be no copies
}

// started is an instance at the moment when it had started.
type started struct {
	memory  *memory.Image
	globals []uint64
}

// newCompiled puts together what was compiled. wasm is the metered module.
func newCompiled(m wazero.CompiledModule, g cache.Guest, wasm []byte) (*compiled, error) {
	segments, err := meter.Data(wasm)
	if err != nil {
		return nil, err
	}
	parts := make([]memory.Part, len(segments))
	for n, s := range segments {
		parts[n] = memory.Part{At: s.At, Bytes: s.Bytes}
	}
	g.WASM = nil // the compiler has taken what it needs of it
	_, copies := m.ExportedFunctions()[ImageExport]
	return &compiled{CompiledModule: m, Guest: g, data: memory.NewImage(parts), copies: copies}, nil
}

// Close implements wazero.CompiledModule.
func (c *compiled) Close(ctx context.Context) error {
	c.data.Close()
	if c.started != nil {
		c.started.memory.Close()
	}
	return c.CompiledModule.Close(ctx)
}

// copied is the start that a plugin's instance begins as a copy of, nil for none.
func (c *compiled) copied(p *plugin) *started {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.spec.interpreted() {
		return nil
	}
	return c.started
}

// firstBytes is how large an instance's memory is when it has started, as far as that is known.
func (c *compiled) firstBytes(p *plugin) int64 {
	bytes := c.MemoryBytes
	if s := c.copied(p); s != nil {
		bytes = max(bytes, int64(s.memory.Size()))
	}
	return bytes
}

// keep makes the others begin as this instance is now, which has started and done nothing else.
func (c *compiled) keep(i *instance) {
	if !c.copies || i.memory == nil || i.call.asked {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	globals := imageGlobals(i.guest)
	if c.started != nil || len(globals) == 0 {
		return
	}
	s := &started{memory: i.memory.Copy()}
	if s.memory == nil {
		return
	}
	for _, g := range globals {
		s.globals = append(s.globals, g.Get())
	}
	c.started = s
}

// imageGlobals are all that a copy needs besides the memory; none where a module has some that cannot be copied.
func imageGlobals(m api.Module) (list []api.MutableGlobal) {
	for {
		g, ok := m.ExportedGlobal(meter.GlobalName(len(list))).(api.MutableGlobal)
		if !ok {
			return list
		}
		list = append(list, g)
	}
}

// resume makes a new instance, whose memory begins as that of s, what the other one was. CodeUnavailable where there is no room
// for the memory.
func (i *instance) resume(s *started) error {
	m := i.guest.Memory()
	if more := (int64(s.memory.Size()) - int64(m.Size())) >> 16; more > 0 {
		if _, ok := m.Grow(uint32(more)); !ok {
			return wit.Errorf(wit.CodeUnavailable, "plugin %s: no memory to start%s", i.plugin.spec.Plugin, i.call.reason())
		}
	}
	for n, g := range imageGlobals(i.guest) {
		g.Set(s.globals[n])
	}
	return nil
}
