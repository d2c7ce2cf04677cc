package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Config says how an Engine works. The zero value is usable and caches nothing on disk.
type Config struct {
	CacheDir              string // for metered modules and machine code; "" keeps them in memory only
	Seed                  fs.FS  // of compilations that the build shipped; see Export
	Logger                hclog.Logger
	CompileWorkers        int           // threads for one compilation; 2
	MaxConcurrentCompiles int           // 1
	MaxInstances          int           // alive at a time, over all pools; 256
	CodeIdle              time.Duration // after which machine code without instances is given back; 5 min
}

// features are the proposals that guests may use. Package meter accepts exactly these.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

// Engine holds everything that modules share: compiler, host functions, cache and bounds.
type Engine struct {
	cfg      Config
	log      hclog.Logger
	epoch    time.Time
	runtime  wazero.Runtime
	exchange wazero.CompiledModule
	wasi     map[string]bool // names of its functions
	disk     *diskCache
	compiles chan struct{}
	memories atomic.Int64

	mu       sync.Mutex
	modules  map[string]*Module
	pools    map[*Pool]struct{}
	closed   bool
	budget   budget
	work     sync.WaitGroup
	shutdown context.CancelFunc
	life     context.Context
}

// New makes an engine. It fails if the cache directory cannot be made.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&cfg.CompileWorkers, 2)
	def(&cfg.MaxConcurrentCompiles, 1)
	def(&cfg.MaxInstances, 256)
	if cfg.CodeIdle <= 0 {
		cfg.CodeIdle = 5 * time.Minute
	}
	e := &Engine{cfg: cfg, log: cfg.Logger, epoch: time.Now(), modules: map[string]*Module{},
		pools: map[*Pool]struct{}{}, compiles: make(chan struct{}, cfg.MaxConcurrentCompiles)}
	e.budget.free = cfg.MaxInstances
	e.life, e.shutdown = context.WithCancel(context.WithoutCancel(ctx))
	rc := runtimeConfig()
	if cfg.CacheDir != "" {
		var err error
		if e.disk, rc, err = openDiskCache(cfg.CacheDir, rc, e.log); err != nil {
			return nil, err
		}
		e.disk.seed = cfg.Seed
	}
	e.runtime = wazero.NewRuntimeWithConfig(ctx, rc)
	if err := e.instantiateHost(ctx); err != nil {
		return nil, errors.Join(err, e.runtime.Close(ctx))
	}
	return e, nil
}

func runtimeConfig() wazero.RuntimeConfig {
	return wazero.NewRuntimeConfig().WithCoreFeatures(features).WithDebugInfoEnabled(false)
}

func (e *Engine) instantiateHost(ctx context.Context) error {
	for _, f := range []func(context.Context, wazero.Runtime) error{instantiateTick, instantiateEnv, instantiateUser, instantiateBulk} {
		if err := f(ctx, e.runtime); err != nil {
			return wit.Errorf(wit.CodeInternal, "host functions: %w", err)
		}
	}
	var err error
	if e.wasi, err = instantiateWASI(ctx, e.runtime); err != nil {
		return wit.Errorf(wit.CodeInternal, "WASI: %w", err)
	}
	wasm := exchangeModule()
	sum := sha256.Sum256(wasm)
	c, err := e.build(ctx, hex.EncodeToString(sum[:]), &guest{wasm: wasm})
	if err != nil {
		return wit.Errorf(wit.CodeInternal, "exchange module: %w", err)
	}
	e.exchange = c.compiled
	return nil
}

func instantiateTick(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(meter.TickModule)
	b.NewFunctionBuilder().WithGoFunction(api.GoFunc(tick), nil, nil).Export(meter.TickName)
	_, err := b.Instantiate(ctx)
	return err
}

// EngineStats are an engine's figures of one moment.
type EngineStats struct {
	Modules   int   // loaded by name
	Compiled  int   // of which hold machine code
	Pools     int   // open
	Instances int   // alive
	Memories  int64 // linear memories alive: two for each instance that has one of its own
}

// Stats answers the figures of this moment.
func (e *Engine) Stats() EngineStats {
	e.mu.Lock()
	modules := make([]*Module, 0, len(e.modules))
	for _, m := range e.modules {
		modules = append(modules, m)
	}
	s := EngineStats{Modules: len(modules), Pools: len(e.pools)}
	e.mu.Unlock()
	for _, m := range modules {
		m.mu.Lock()
		if m.code != nil {
			s.Compiled++
		}
		m.mu.Unlock()
	}
	s.Instances, s.Memories = e.cfg.MaxInstances-e.budget.left(), e.memories.Load()
	return s
}

// Close drains every pool that is still open and gives back everything. Calls in flight are waited
// for until ctx ends and then stopped. It may be called again.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	pools := make([]*Pool, 0, len(e.pools))
	for p := range e.pools {
		pools = append(pools, p)
	}
	modules := make([]*Module, 0, len(e.modules))
	for _, m := range e.modules {
		modules = append(modules, m)
	}
	e.mu.Unlock()
	e.shutdown()
	var errs []error
	for _, p := range pools {
		errs = append(errs, p.Close(ctx))
	}
	e.work.Wait()
	for _, m := range modules {
		m.unload()
	}
	errs = append(errs, e.runtime.Close(context.WithoutCancel(ctx)))
	if e.disk != nil {
		errs = append(errs, e.disk.close(context.WithoutCancel(ctx)))
	}
	return errors.Join(errs...)
}

var errClosed = wit.NewError(wit.CodeUnavailable, "the plugin runtime is closed")
