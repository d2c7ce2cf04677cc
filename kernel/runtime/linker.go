package runtime

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"github.com/carapace-gateway/carapace/kernel/runtime/exchange"
	"github.com/carapace-gateway/carapace/kernel/runtime/memory"
	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
)

// linker makes instances: a guest, its exchange module and the host functions, linked to each other. It counts
// their memories and keeps nothing else of them.
type linker struct {
	runtime  wazero.Runtime
	exchange wazero.CompiledModule
	clock    clock
	turns    *turns
	log      hclog.Logger
	memories atomic.Int64 // linear memories alive
	preludes preludes
}

// addHost adds the host's functions to r, once for all guests of it, and returns what guests may import.
func addHost(ctx context.Context, r wazero.Runtime) (*imports, error) {
	for _, add := range []func(context.Context, wazero.Runtime) error{addTick, addEnv, addUser, addBulk, addInterpreter} {
		if err := add(ctx, r); err != nil {
			return nil, wit.Errorf(wit.CodeInternal, "host functions: %w", err)
		}
	}
	wasi, err := addWASI(ctx, r)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "WASI: %w", err)
	}
	return newImports(wasi), nil
}

// addTick adds the function that the meter makes every guest call.
func addTick(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(meter.TickModule)
	b.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, _ []uint64) {
		instanceOf(ctx).call.tick()
	}), nil, nil).Export(meter.TickName)
	_, err := b.Instantiate(ctx)
	return err
}

// plugin is what the instances of one pool will share.
func (l *linker) plugin(spec Spec, killed context.Context) *plugin {
	return &plugin{spec: spec, limits: spec.Limits.withDefaults(spec.Mode), clock: l.clock, turns: l.turns, log: l.log, killed: killed}
}

// needs is how many bytes an instance holds when it starts. CodeTooLarge when that is more than the plugin may have.
func (l *linker) needs(p *plugin, m *compiled) (int64, error) {
	first := m.firstBytes(p)
	if first > p.limits.MemoryBytes {
		return 0, wit.Errorf(wit.CodeTooLarge, "plugin %s needs %d MB of memory to start and may have %d MB; raise limits.memory",
			p.spec.Plugin, first>>20, p.limits.MemoryBytes>>20)
	}
	return instanceBytes + m.TableBytes + first + exchange.StartBytes, nil
}

// instance makes one and starts it. It has the limits' deadline to start, and stops when ctx ends.
// room has what needs says, and stays the caller's.
func (l *linker) instance(ctx context.Context, p *plugin, m *compiled, room *account) (_ *instance, err error) {
	i := &instance{plugin: p, room: room, direct: m.DirectInput, exports: map[string]*export{}}
	i.begin(ctx, "_initialize")
	defer func() {
		if r := recover(); r != nil {
			err = wit.Errorf(wit.CodeUnavailable, "plugin %s: cannot be started: %v", p.spec.Plugin, r)
		}
		i.starting = i.call.usage().guest
		i.call.end()
		if err != nil {
			i.close()
		}
	}()
	if err := l.linkExchange(i); err != nil {
		return nil, err
	}
	image, begun := m.data, m.copied(p)
	if begun != nil {
		image = begun.memory
	}
	if err := l.linkGuest(i, m, image); err != nil {
		return nil, err
	}
	room.ahead = 0 // the rest is the host's part
	if len(p.spec.Scripts) > 0 {
		return i, l.startScripts(i, m)
	}
	if p.spec.Program != nil {
		return i, l.startProgram(i)
	}
	if begun != nil {
		return i, i.resume(begun)
	}
	if err := i.initialize(); err != nil {
		return nil, err
	}
	m.keep(i)
	return i, nil
}

func (l *linker) linkExchange(i *instance) (err error) {
	pages := memory.NewAllocator(uint64(i.plugin.limits.ExchangeBytes), nil, i.room.grow, &l.memories)
	i.base = experimental.WithMemoryAllocator(context.Background(), pages)
	i.peer, err = l.runtime.InstantiateModule(i, l.exchange, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if i.pages = pages.Made(); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "plugin %s: no memory to exchange data: %w", i.plugin.spec.Plugin, err)
	}
	i.exchange = exchange.New(i.pages, i.peer, i.plugin.spec.Plugin)
	return nil
}

// linkGuest makes the guest, whose memory begins with an image.
func (l *linker) linkGuest(i *instance, m *compiled, image *memory.Image) (err error) {
	pages := memory.NewAllocator(uint64(i.plugin.limits.MemoryBytes), image, i.room.grow, &l.memories)
	i.base = experimental.WithImportResolver(
		experimental.WithMemoryAllocator(context.Background(), pages),
		func(name string) api.Module {
			if name == extismEnv {
				return i.peer
			}
			return nil
		})
	i.guest, err = l.runtime.InstantiateModule(i, m.CompiledModule, l.moduleConfig(i))
	if i.memory = pages.Made(); err != nil {
		return i.failure(err)
	}
	i.base = nil
	return nil
}

// moduleConfig is what a guest's instance gets of the world.
func (l *linker) moduleConfig(i *instance) wazero.ModuleConfig {
	var args []string
	if program := i.plugin.spec.Program; program != nil {
		args = program.Args
	}
	return wazero.NewModuleConfig().WithName("").WithStartFunctions().WithArgs(args...).
		WithRandSource(rand.Reader).
		WithWalltime(func() (int64, int32) { t := time.Now(); return t.Unix(), int32(t.Nanosecond()) }, sys.ClockResolution(1000)).
		WithNanotime(l.clock.now, sys.ClockResolution(1)).
		WithNanosleep(i.call.sleep)
}
