package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/carapace-gateway/carapace/kernel/runtime/cache"
	"github.com/carapace-gateway/carapace/wit"
)

// features are the proposals that guests may use. Package meter accepts exactly these.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

func runtimeConfig() wazero.RuntimeConfig {
	return wazero.NewRuntimeConfig().WithCoreFeatures(features).WithDebugInfoEnabled(false)
}

// compiler turns a module's bytes into machine code, by way of the cache where there is one. It keeps none of
// what it makes. It works for a bounded number at a time; the others wait.
type compiler struct {
	runtime wazero.Runtime
	cache   *cache.Cache // nil: nothing is kept on disk
	imports *imports
	slots   chan struct{} // of those that compile
	loads   chan struct{} // of those that load from the cache, who never wait for the former
	workers int           // threads for one compilation
	clock   clock
	log     hclog.Logger
}

// concurrentLoads is how many modules are loaded from the cache at a time: each takes several times its size.
const concurrentLoads = 2

// load finds a module's machine code in the cache, or reads, checks, meters and compiles the module.
// CodeInvalid for what cannot be accepted, CodeUnavailable when it cannot be read or ctx has ended.
func (c *compiler) load(ctx context.Context, src Source) (m *compiled, err error) {
	ctx = experimental.WithCompilationWorkers(ctx, c.workers)
	start, cold := c.clock.now(), false
	defer func() {
		c.log.Debug("module loaded", "module", src.Name, "cold", cold, "took", time.Duration(c.clock.now()-start), "error", err)
	}()
	if m := c.cached(ctx, src.Hash); m != nil {
		return m, nil
	}
	cold = true
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, errClosed
	}
	wasm, err := src.read()
	if err != nil {
		return nil, err
	}
	g, err := c.imports.meter(wasm)
	if err == nil {
		m, err = c.compile(ctx, src.Hash, g, false)
	}
	if err != nil {
		return nil, wit.Errorf(wit.CodeOf(err), "%s: %w", src.Name, err)
	}
	return m, nil
}

// exchange compiles the module that stands beside each guest.
func (c *compiler) exchange(ctx context.Context) (wazero.CompiledModule, error) {
	wasm := exchangeModule()
	sum := sha256.Sum256(wasm)
	hash := hex.EncodeToString(sum[:])
	m := c.cached(ctx, hash)
	if m == nil {
		var err error
		if m, err = c.compile(ctx, hash, &cache.Guest{WASM: wasm}, true); err != nil {
			return nil, wit.Errorf(wit.CodeInternal, "exchange module: %w", err)
		}
	}
	return m.CompiledModule, nil
}

// cached returns what the cache has, nil for nothing.
func (c *compiler) cached(ctx context.Context, hash string) *compiled {
	if c.cache == nil || hash == "" {
		return nil
	}
	c.loads <- struct{}{}
	defer func() { <-c.loads }()
	m, g := c.cache.Load(ctx, c.runtime, hash)
	if m == nil {
		return nil
	}
	made, err := newCompiled(m, g, g.WASM)
	if err != nil {
		c.log.Warn("module in the cache cannot be read", "module", hash, "error", err)
		return nil
	}
	return made
}

// compile makes machine code. With a cache it is made there and loaded from there, so that nothing of the
// compiler's memory stays in use; a disk that refuses costs the next start's time, and no more. own is set for the
// gateway's own code, which needs no process of its own.
func (c *compiler) compile(ctx context.Context, hash string, g *cache.Guest, own bool) (*compiled, error) {
	if c.cache == nil || hash == "" {
		return c.inMemory(g, func() (wazero.CompiledModule, error) { return c.runtime.CompileModule(ctx, g.WASM) })
	}
	err := c.cache.Store(ctx, hash, g, own)
	if err == nil {
		if m := c.cached(ctx, hash); m != nil {
			return m, nil
		}
	} else if wit.CodeOf(err) != wit.CodeInternal {
		return nil, err
	}
	c.log.Warn("module not cached", "module", hash, "error", err)
	return c.inMemory(g, func() (wazero.CompiledModule, error) { return c.cache.Memory(ctx, c.runtime, g.WASM) })
}

// inMemory is a guest whose machine code is kept nowhere else.
func (c *compiler) inMemory(g *cache.Guest, compile func() (wazero.CompiledModule, error)) (*compiled, error) {
	m, err := compile()
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "not a valid module: %w", err)
	}
	return newCompiled(m, *g, g.WASM)
}
