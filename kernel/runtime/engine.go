package runtime

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"

	"github.com/carapace-gateway/carapace/kernel/runtime/cache"
	"github.com/carapace-gateway/carapace/wit"
)

// Config says how an Engine works. The zero value is usable and caches nothing on disk.
type Config struct {
	CacheDir string // for metered modules and machine code; "" keeps them in memory only
	CacheKey []byte // seals what is in CacheDir; without it whoever can write there is trusted
	// Compiler is the command of a process that compiles, which has to call ServeCompiler with one argument more.
	// Without it, or without CacheDir, the engine compiles in its own process, which cannot be stopped.
	Compiler              []string
	Seed                  fs.FS // of compilations that the build shipped; see Export
	Logger                hclog.Logger
	CompileWorkers        int // threads for one compilation; 2
	MaxConcurrentCompiles int // 1
	MaxInstances          int // alive at a time, over all pools; 256
	// Memory is how many bytes all instances may hold together: their memories, call stacks that have grown, and what the
	// host keeps for them, but not the machine code. A quarter of the machine's, or of what its control group may use,
	// and at least 128 MB.
	Memory   int64
	CodeIdle time.Duration // after which machine code without instances is given back; 5 min
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&c.CompileWorkers, 2)
	def(&c.MaxConcurrentCompiles, 1)
	def(&c.MaxInstances, 256)
	if c.Memory <= 0 {
		c.Memory = DefaultMemory()
	}
	if c.CodeIdle <= 0 {
		c.CodeIdle = 5 * time.Minute
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	return c
}

func (c Config) cache(rc wazero.RuntimeConfig) cache.Config {
	d := cache.Config{Dir: c.CacheDir, Seed: c.Seed, Key: c.CacheKey, Runtime: rc, Log: c.Logger}
	if len(c.Compiler) > 0 {
		d.Compile = cache.InProcess(c.Compiler)
	}
	return d
}

// ServeCompiler is what the process of Config.Compiler does. dir is its last argument, in and out its standard input
// and error; it exits with the code.
func ServeCompiler(ctx context.Context, dir string, in io.Reader, out io.Writer) (code int) {
	return cache.Serve(ctx, runtimeConfig(), dir, in, out)
}

// Engine is the top of the stack: it makes the parts that modules, pools and instances share, hands each layer
// those that it needs, and closes all of it in order.
type Engine struct {
	runtime  wazero.Runtime
	cache    *cache.Cache // nil without a directory
	compiler *compiler
	linker   *linker
	budget   *budget
	registry *registry
	jobs     *jobs
	codeIdle time.Duration
	clock    clock
}

// New makes an engine. It fails with CodeUnavailable if the cache directory cannot be made.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	cfg = cfg.withDefaults()
	e := &Engine{registry: newRegistry(), jobs: newJobs(ctx), codeIdle: cfg.CodeIdle, clock: newClock()}
	e.budget = newBudget(cfg.MaxInstances, cfg.Memory, e.evict)
	rc := runtimeConfig()
	if cfg.CacheDir != "" {
		var err error
		if e.cache, err = cache.Open(cfg.cache(rc)); err != nil {
			return nil, err
		}
		rc = e.cache.RuntimeConfig()
	}
	e.runtime = wazero.NewRuntimeWithConfig(ctx, rc)
	if err := e.link(ctx, cfg); err != nil {
		return nil, errors.Join(err, e.runtime.Close(ctx))
	}
	return e, nil
}

// link makes the compiler, which needs to know what the host offers, and then the linker, which needs the
// exchange module compiled.
func (e *Engine) link(ctx context.Context, cfg Config) error {
	imports, err := addHost(ctx, e.runtime)
	if err != nil {
		return err
	}
	e.compiler = &compiler{runtime: e.runtime, cache: e.cache, imports: imports, slots: make(chan struct{}, cfg.MaxConcurrentCompiles),
		loads: make(chan struct{}, concurrentLoads), workers: cfg.CompileWorkers, clock: e.clock, log: cfg.Logger}
	exchange, err := e.compiler.exchange(ctx)
	if err != nil {
		return err
	}
	e.linker = &linker{runtime: e.runtime, exchange: exchange, clock: e.clock, turns: newTurns(), log: cfg.Logger}
	return nil
}

// Load names a module. Nothing is read or compiled yet. Each Load is followed by one Release.
func (e *Engine) Load(src Source) *Module {
	return e.registry.load(src.Hash, func() *Module {
		c := &code{source: src, compiler: e.compiler, jobs: e.jobs, idle: e.codeIdle, clock: e.clock}
		return &Module{code: c, linker: e.linker, budget: e.budget, registry: e.registry}
	})
}

// Export writes the seed of a module that this engine has compiled into its cache directory, and returns the
// file name under which another engine looks for it. CodeNotFound when it has not compiled it, CodeInvalid when
// it has no cache directory.
func (e *Engine) Export(w io.Writer, hash string) (name string, err error) {
	if e.cache == nil {
		return "", wit.NewError(wit.CodeInvalid, "an engine without a cache directory has nothing to export")
	}
	return e.cache.Export(w, hash)
}

// EngineStats are an engine's figures of one moment.
type EngineStats struct {
	Modules   int   // loaded by name
	Compiled  int   // of which hold machine code
	Pools     int   // open
	Instances int   // alive
	Memories  int64 // linear memories alive: two for each instance that has one of its own
	Bytes     int64 // that the instances hold
}

// Stats returns the figures of this moment.
func (e *Engine) Stats() EngineStats {
	modules := e.registry.modules()
	alive, held, _ := e.budget.figures()
	s := EngineStats{Modules: len(modules), Pools: len(e.registry.openPools()), Instances: alive, Memories: e.linker.memories.Load(), Bytes: held}
	for _, m := range modules {
		if m.code.loaded() {
			s.Compiled++
		}
	}
	return s
}

// MemoryStats say how much of Config.Memory is used.
type MemoryStats struct {
	Held    int64 // bytes, now
	Budget  int64 // Config.Memory
	Refused int64 // calls that found no room, and calls whose guest could not grow, since the start
}

// Memory returns the figures of this moment.
func (e *Engine) Memory() MemoryStats {
	_, held, refused := e.budget.figures()
	return MemoryStats{Held: held, Budget: e.budget.total, Refused: refused}
}

// evictions is how often evict looks for another instance when a call has taken the one that it found.
const evictions = 8

// evict closes the idle instance that was used longest ago: of the pool with that share, or of any. It returns false
// when there is none.
func (e *Engine) evict(of *share) bool {
	for range evictions {
		var from *Pool
		var oldest age
		for _, p := range e.registry.openPools() {
			if of != nil && p.share != of {
				continue
			}
			if a, ok := p.oldest(); ok && (from == nil || a.before(oldest)) {
				from, oldest = p, a
			}
		}
		if from == nil {
			return false
		}
		if from.evict() {
			return true
		}
	}
	return false
}

// Close drains every pool that is still open and gives back everything. Calls in flight are waited for until ctx
// ends and then stopped. It may be called again.
func (e *Engine) Close(ctx context.Context) error {
	if !e.registry.close() {
		return nil
	}
	e.jobs.close()
	modules := e.registry.modules()
	var errs []error
	for _, p := range e.registry.openPools() {
		errs = append(errs, p.Close(ctx))
	}
	e.jobs.wait()
	for _, m := range modules {
		m.code.unload()
	}
	errs = append(errs, e.runtime.Close(context.WithoutCancel(ctx)))
	if e.cache != nil {
		errs = append(errs, e.cache.Close(context.WithoutCancel(ctx)))
	}
	return errors.Join(errs...)
}
