package runtime

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// instance is one guest with its exchange memory. It serves one call at a time; only the goroutine
// that took it from the pool touches it.
//
// It is also the context that is passed through wazero, so that a host function finds its instance
// with a type assertion instead of a search, and nothing is allocated per call.
type instance struct {
	pool     *Pool
	guest    api.Module
	peer     api.Module // the exchange module
	exchange *linear
	memory   *linear // nil if the guest has none
	exports  map[string]*export
	base     context.Context // answers wazero's keys while instantiating
	vars     map[string][]byte
	varBytes int64
	direct   bool // the guest takes its input straight from the host
	calls    int64
	used     bool // since the pool last looked for idle instances

	call
}

// call is the state of the call that is being served.
type call struct {
	ctx      context.Context
	export   string
	sampled  int64           // when it began, if this call is a sample
	checked  int64           // when it was first checked, if it was
	deadline int64           // from then on
	hostTime int64           // of which spent in host functions
	hostCtx  context.Context // for host functions, made with the first
	release  func()          // of hostCtx
	ticks    int64
	halt     error // why the guest was stopped, if it was
	lines    int   // logged so far
	stderr   string
	out, err lineBuffer
	response HTTPResponse
	in       []byte
	answer   []byte // set by the guest without the exchange memory
	stack    [2]uint64
}

// export is a guest's function, ready to be called.
type export struct {
	fn      api.Function
	results int
}

type instanceKey struct{}

// Deadline implements context.Context.
func (i *instance) Deadline() (time.Time, bool) {
	return i.pool.engine.epoch.Add(time.Duration(i.deadline)), i.deadline != 0
}

// Done implements context.Context.
func (i *instance) Done() <-chan struct{} { return i.ctx.Done() }

// Err implements context.Context.
func (i *instance) Err() error { return i.ctx.Err() }

// Value implements context.Context. The caller's values are not for the engine: it looks for its own
// keys on every call.
func (i *instance) Value(key any) any {
	if _, ok := key.(instanceKey); ok {
		return i
	}
	if i.base != nil {
		return i.base.Value(key)
	}
	return nil
}

func instanceOf(ctx context.Context) *instance {
	if i, ok := ctx.(*instance); ok {
		return i
	}
	return ctx.Value(instanceKey{}).(*instance)
}

// newInstance makes one. It has the limits' deadline to start, and stops when ctx ends.
func (p *Pool) newInstance(ctx context.Context, code *code) (_ *instance, err error) {
	if code.MemoryBytes > p.limits.MemoryBytes {
		return nil, wit.Errorf(wit.CodeTooLarge, "plugin %s needs %d MB of memory to start and may have %d MB; raise limits.memory",
			p.spec.Plugin, code.MemoryBytes>>20, p.limits.MemoryBytes>>20)
	}
	e := p.engine
	i := &instance{pool: p, direct: code.DirectInput, exports: map[string]*export{}}
	i.begin(ctx, "_initialize")
	defer func() {
		if r := recover(); r != nil {
			err = wit.Errorf(wit.CodeUnavailable, "plugin %s: cannot be started: %v", p.spec.Plugin, r)
		}
		if err != nil {
			i.close()
		}
	}()
	peerMemory := &allocator{limit: uint64(p.limits.ExchangeBytes), counter: &e.memories}
	i.base = experimental.WithMemoryAllocator(context.Background(), experimental.MemoryAllocatorFunc(
		func(_, max uint64) experimental.LinearMemory { return peerMemory.allocate(max) }))
	i.peer, err = e.runtime.InstantiateModule(i, e.exchange, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if i.exchange = peerMemory.made; err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "plugin %s: no memory to exchange data: %w", p.spec.Plugin, err)
	}
	i.reset()
	guestMemory := &allocator{limit: uint64(p.limits.MemoryBytes), counter: &e.memories}
	i.base = experimental.WithImportResolver(
		experimental.WithMemoryAllocator(context.Background(), experimental.MemoryAllocatorFunc(
			func(_, max uint64) experimental.LinearMemory { return guestMemory.allocate(max) })),
		func(name string) api.Module {
			if name == extismEnv {
				return i.peer
			}
			return nil
		})
	i.guest, err = e.runtime.InstantiateModule(i, code.compiled, e.moduleConfig(i))
	i.memory = guestMemory.made
	if err != nil {
		return nil, i.failure(err)
	}
	i.base = nil
	err = i.initialize()
	i.end()
	return i, err
}

// initialize runs what a guest's toolchain wants run before anything else: a reactor's _initialize or
// a command's constructors, and then, for Haskell, hs_init.
func (i *instance) initialize() error {
	done, err := i.run("_initialize", 0)
	if !done && err == nil {
		_, err = i.run("__wasm_call_ctors", 0)
	}
	if err == nil {
		_, err = i.run("hs_init", 2)
	}
	return err
}

// run calls an export of that many i32 parameters, zero each, if the guest has it.
func (i *instance) run(name string, params int) (done bool, err error) {
	fn := i.guest.ExportedFunction(name)
	if fn == nil || len(fn.Definition().ParamTypes()) != params || len(fn.Definition().ResultTypes()) > len(i.stack) {
		return false, nil
	}
	i.stack = [2]uint64{}
	if err := fn.CallWithStack(i, i.stack[:]); err != nil {
		return true, i.failure(err)
	}
	return true, nil
}

func (i *instance) export(name string) (*export, error) {
	if x := i.exports[name]; x != nil {
		return x, nil
	}
	fn := i.guest.ExportedFunction(name)
	if fn == nil {
		return nil, wit.Errorf(wit.CodeNotFound, "plugin %s has no export %s", i.pool.spec.Plugin, name)
	}
	params, results := fn.Definition().ParamTypes(), fn.Definition().ResultTypes()
	if len(params) != 0 || len(results) > 1 || len(results) == 1 && results[0] != api.ValueTypeI32 {
		return nil, wit.Errorf(wit.CodeInvalid, "plugin %s: export %s must take nothing and return an i32", i.pool.spec.Plugin, name)
	}
	x := &export{fn: fn, results: len(results)}
	i.exports[name] = x
	return x, nil
}

// close gives back everything. The guest may have been stopped anywhere.
func (i *instance) close() {
	background := context.Background()
	if i.guest != nil {
		_ = i.guest.Close(background)
	}
	if i.memory != nil {
		i.memory.Free()
	}
	if i.peer != nil {
		_ = i.peer.Close(background)
	}
	if i.exchange != nil {
		i.exchange.Free()
	}
}
