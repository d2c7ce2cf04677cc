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
	slots   chan struct{}
	workers int // threads for one compilation
	clock   clock
	log     hclog.Logger
}

// compiled is a module's machine code, with what its instances need to know.
type compiled struct {
	wazero.CompiledModule
	cache.Guest // without its WASM
}

// load finds a module's machine code in the cache, or reads, checks, meters and compiles the module.
// CodeInvalid for what cannot be accepted, CodeUnavailable when it cannot be read.
func (c *compiler) load(ctx context.Context, src Source) (m *compiled, err error) {
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	ctx = experimental.WithCompilationWorkers(ctx, c.workers)
	start, cold := c.clock.now(), false
	defer func() {
		c.log.Debug("module loaded", "module", src.Name, "cold", cold, "took", time.Duration(c.clock.now()-start), "error", err)
	}()
	if m := c.cached(ctx, src.Hash); m != nil {
		return m, nil
	}
	cold = true
	wasm, err := src.read()
	if err != nil {
		return nil, err
	}
	g, err := c.imports.meter(wasm)
	if err != nil {
		return nil, wit.Errorf(wit.CodeOf(err), "%s: %w", src.Name, err)
	}
	if m, err = c.compile(ctx, src.Hash, g); err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "%s: not a valid module: %w", src.Name, err)
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
		if m, err = c.compile(ctx, hash, &cache.Guest{WASM: wasm}); err != nil {
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
	m, g := c.cache.Load(ctx, c.runtime, hash)
	if m == nil {
		return nil
	}
	return &compiled{m, g}
}

// compile makes machine code. With a cache it is made there and loaded from there, so that nothing of the
// compiler's memory stays in use.
func (c *compiler) compile(ctx context.Context, hash string, g *cache.Guest) (*compiled, error) {
	if c.cache != nil && hash != "" {
		if err := c.cache.Store(ctx, hash, g); err != nil {
			c.log.Warn("module not cached", "module", hash, "error", err)
		} else if m := c.cached(ctx, hash); m != nil {
			return m, nil
		}
	}
	m, err := c.runtime.CompileModule(ctx, g.WASM)
	if err != nil {
		return nil, err
	}
	kept := *g
	kept.WASM = nil // the compiler has taken what it needs of it
	return &compiled{m, kept}, nil
}
