package runtime

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
)

// Info is what can be said about a module without compiling it.
type Info = meter.Info

// Import is one thing that a module needs from outside.
type Import = meter.Import

// Export is one thing that a module offers.
type Export = meter.Export

// Inspect reads a module's imports and exports. Nothing is compiled or executed. A component, and whatever else
// is not a core module, is refused with code invalid and a message that says what to build instead.
func Inspect(wasm []byte) (Info, error) { return meter.Inspect(wasm) }

// Module is one file of code. Loads of the same hash are the same module.
type Module struct {
	code     *code
	linker   *linker
	budget   *budget
	registry *registry
}

// Compile makes the machine code, or finds it in the cache. One compilation serves all who wait; it goes on when
// the one who asked gives up. Errors: invalid for what cannot be accepted, unavailable when the bytes cannot be
// read.
func (m *Module) Compile(ctx context.Context) error {
	if _, err := m.code.acquire(ctx); err != nil {
		return err
	}
	m.code.release()
	return nil
}

// Pool makes a pool of m for one plugin. Nothing is compiled or instantiated before the first call. A pool holds
// its module; Close gives it back. A pool of a closed engine refuses all calls.
func (m *Module) Pool(spec Spec) *Pool {
	p := newPool(m.code, m.linker, m.budget, spec)
	p.onClose = func() {
		m.registry.leave(p)
		m.Release()
	}
	if !m.registry.enter(m, p) {
		p.refuse()
	}
	return p
}

// Release ends one Load. With the last one, the code is given back as soon as no instance uses it.
func (m *Module) Release() {
	if m.registry.release(m) {
		m.code.unload()
	}
}
