package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"runtime/debug"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// Info is what can be said about a module without compiling it.
type Info = meter.Info

// Import is one thing that a module needs from outside.
type Import = meter.Import

// Export is one thing that a module offers.
type Export = meter.Export

// Inspect reads a module's imports and exports. Nothing is compiled or executed. A component, and
// whatever else is not a core module, is refused with code invalid and a message that says what to
// build instead.
func Inspect(wasm []byte) (Info, error) { return meter.Inspect(wasm) }

// Source is where a module's bytes come from.
type Source struct {
	Name string // for messages
	Hash string // lower-case hex SHA-256 of the bytes, checked; "" shares and caches nothing
	// Open answers the bytes, which are not changed. It is called when they are needed and not in
	// the cache, possibly again after the code was given back.
	Open func() ([]byte, error)
}

// Module is one file of code. Loads of the same hash are the same module.
type Module struct {
	engine *Engine
	source Source
	refs   int // under engine.mu

	mu     sync.Mutex
	code   *code
	flight *flight // the compilation under way
	users  int     // instances, alive or being made
	timer  *time.Timer
	idleAt int64
}

// code is a compiled module. It is closed when nothing uses it.
type code struct {
	compiled wazero.CompiledModule
	guest
}

// newCode forgets the wasm, which the compiler has taken what it needs of.
func newCode(compiled wazero.CompiledModule, g guest) *code {
	g.wasm = nil
	return &code{compiled, g}
}

// Load names a module. Nothing is read or compiled yet. Each Load is answered by one Release.
func (e *Engine) Load(src Source) *Module {
	e.mu.Lock()
	defer e.mu.Unlock()
	if src.Hash == "" {
		return &Module{engine: e, source: src, refs: 1}
	}
	m := e.modules[src.Hash]
	if m == nil {
		m = &Module{engine: e, source: src}
		e.modules[src.Hash] = m
	}
	m.refs++
	return m
}

// Release ends one Load. With the last one, the code is given back as soon as no instance uses it.
func (m *Module) Release() {
	m.engine.mu.Lock()
	m.refs--
	last := m.refs == 0
	if last && m.engine.modules[m.source.Hash] == m {
		delete(m.engine.modules, m.source.Hash)
	}
	m.engine.mu.Unlock()
	if last {
		m.unload()
	}
}

// Compile makes the machine code, or finds it in the cache. One compilation serves all who wait;
// it goes on when the one who asked gives up. Errors: invalid for what cannot be accepted,
// unavailable when the bytes cannot be read.
func (m *Module) Compile(ctx context.Context) error {
	if _, err := m.acquire(ctx); err != nil {
		return err
	}
	m.release()
	return nil
}

// acquire answers the code, compiled if need be, and keeps it from being given back until release.
func (m *Module) acquire(ctx context.Context) (*code, error) {
	for {
		m.mu.Lock()
		if m.code != nil {
			m.users++
			c := m.code
			m.mu.Unlock()
			return c, nil
		}
		if m.flight == nil {
			f := &flight{done: make(chan struct{})}
			m.flight = f
			if !m.engine.spawn(func() { m.compile(f) }) {
				m.flight = nil
				m.mu.Unlock()
				return nil, errClosed
			}
		}
		f := m.flight
		m.mu.Unlock()
		select {
		case <-f.done:
			if f.err != nil {
				return nil, f.err
			}
		case <-ctx.Done():
			return nil, wit.Errorf(wit.CodeUnavailable, "%s is still being compiled: %w", m.source.Name, context.Cause(ctx))
		}
	}
}

func (m *Module) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.users--; m.users == 0 {
		m.rest()
	}
}

// spawn runs f beside the caller; Close waits for it. It answers false if the engine is closed.
func (e *Engine) spawn(f func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.work.Go(f)
	return true
}

// flight is one compilation and what came of it.
type flight struct {
	done chan struct{}
	err  error
}

func (m *Module) compile(f *flight) {
	e := m.engine
	e.compiles <- struct{}{}
	c, err := m.load(e.life)
	<-e.compiles
	m.mu.Lock()
	m.flight = nil
	if err == nil {
		m.code = c
		m.rest()
	}
	m.mu.Unlock()
	f.err = err
	close(f.done)
	debug.FreeOSMemory() // loading leaves several times the module's size in garbage
}

// load finds the code in the cache or makes it.
func (m *Module) load(ctx context.Context) (c *code, err error) {
	e := m.engine
	ctx = experimental.WithCompilationWorkers(ctx, e.cfg.CompileWorkers)
	start, cold := e.now(), false
	defer func() {
		e.log.Debug("loaded module", "module", m.source.Name, "cold", cold, "took", time.Duration(e.now()-start), "error", err)
	}()
	if e.disk != nil && m.source.Hash != "" {
		if c := e.disk.load(ctx, e.runtime, m.source.Hash); c != nil {
			return c, nil
		}
	}
	cold = true
	wasm, err := m.read()
	if err != nil {
		return nil, err
	}
	g, err := e.meter(wasm)
	if err != nil {
		return nil, wit.Errorf(wit.CodeOf(err), "%s: %w", m.source.Name, err)
	}
	if c, err = e.build(ctx, m.source.Hash, g); err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "%s: not a valid module: %w", m.source.Name, err)
	}
	return c, nil
}

// build compiles g, by way of the disk cache if there is one and hash is not empty.
func (e *Engine) build(ctx context.Context, hash string, g *guest) (*code, error) {
	if e.disk != nil && hash != "" {
		if c := e.disk.load(ctx, e.runtime, hash); c != nil {
			return c, nil
		}
		if err := e.disk.store(ctx, hash, g); err != nil {
			e.log.Warn("module is not kept in the compile cache", "module", hash, "error", err)
		} else if c := e.disk.load(ctx, e.runtime, hash); c != nil {
			return c, nil
		}
	}
	compiled, err := e.runtime.CompileModule(ctx, g.wasm)
	if err != nil {
		return nil, err
	}
	return newCode(compiled, *g), nil
}

func (m *Module) read() ([]byte, error) {
	wasm, err := m.source.Open()
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "%s: cannot be read: %w", m.source.Name, err)
	}
	if m.source.Hash != "" {
		if sum := sha256.Sum256(wasm); hex.EncodeToString(sum[:]) != m.source.Hash {
			return nil, wit.Errorf(wit.CodeInvalid, "%s: its bytes are not those that were verified; install it again", m.source.Name)
		}
	}
	return wasm, nil
}

// rest arms the timer that gives the code back. The caller holds mu.
func (m *Module) rest() {
	if m.users > 0 || m.code == nil {
		return
	}
	m.idleAt = m.engine.now()
	if m.timer == nil {
		m.timer = time.AfterFunc(m.engine.cfg.CodeIdle, m.expire)
	} else {
		m.timer.Reset(m.engine.cfg.CodeIdle)
	}
}

func (m *Module) expire() {
	m.mu.Lock()
	idle := m.users == 0 && time.Duration(m.engine.now()-m.idleAt) >= m.engine.cfg.CodeIdle
	m.mu.Unlock()
	if idle {
		m.unload()
	}
}

// unload gives the code back unless an instance uses it.
func (m *Module) unload() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.timer != nil {
		m.timer.Stop()
	}
	if m.users > 0 || m.code == nil {
		return
	}
	_ = m.code.compiled.Close(context.Background())
	m.code = nil
}
