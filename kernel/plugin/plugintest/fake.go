// Package plugintest makes plugins of Go functions, for tests.
//
// A Fake enters where files do: Memory is a source whose packages have a plugin.json and a file of code, and
// say that an engine of their own runs it. So a fake is verified, granted, compiled, called, replaced and
// drained like any other plugin, and nothing outside of this package knows that it is one.
package plugintest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/wit"
)

// Fake is a plugin whose exports are Go functions.
type Fake struct {
	Manifest wit.Manifest
	// Exports are called concurrently. An error without a code becomes unavailable, a panic is a trap.
	Exports map[string]func(ctx context.Context, in []byte) ([]byte, error)
	// Compile stands for the compiler's work; nil takes no time.
	Compile func(context.Context) error
}

// CallHost lets a fake's export call an import of the contract, as its plugin.
func CallHost(ctx context.Context, name string, in []byte) ([]byte, error) {
	functions, _ := ctx.Value(functionsKey{}).(map[string]host.Function)
	fn := functions[name]
	if fn == nil {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no host function %s", name)
	}
	return fn(ctx, bytes.Clone(in))
}

type functionsKey struct{}

// runner is the engine of one fake, and its only code.
type runner struct{ fake *Fake }

// Load implements engine.Engine.
func (r *runner) Load(engine.Source) (engine.Code, error) { return r, nil }

// Info implements engine.Code.
func (r *runner) Info(context.Context) (engine.Info, error) {
	return engine.Info{Exports: slices.Sorted(maps.Keys(r.fake.Exports))}, nil
}

// Compile implements engine.Code.
func (r *runner) Compile(ctx context.Context) error {
	if r.fake.Compile == nil {
		return nil
	}
	return r.fake.Compile(ctx)
}

// Release implements engine.Code.
func (*runner) Release() {}

// Start implements engine.Code.
func (r *runner) Start(s engine.Spec) (engine.Caller, error) {
	return &caller{fake: r.fake, spec: s, room: make(chan struct{}, max(s.Calls, 1))}, nil
}

// caller calls a fake within its spec.
type caller struct {
	fake          *Fake
	spec          engine.Spec
	room          chan struct{}
	calls, errors atomic.Int64
	discarded     atomic.Int64
	closed        atomic.Bool
	alive         atomic.Bool // the instance of a single caller
	made          atomic.Int64
}

// Call implements engine.Caller.
func (c *caller) Call(ctx context.Context, export string, in []byte) (out []byte, err error) {
	if c.closed.Load() {
		return nil, wit.Errorf(wit.CodeUnavailable, "plugin %s is being stopped", c.spec.Plugin)
	}
	select {
	case c.room <- struct{}{}:
		defer func() { <-c.room }()
	case <-ctx.Done():
		return nil, wit.Errorf(wit.CodeTimeout, "plugin %s: no instance was free for %s", c.spec.Plugin, export)
	}
	c.calls.Add(1)
	if c.spec.Instances == wit.InstancesSingle && c.alive.CompareAndSwap(false, true) {
		c.made.Add(1)
	}
	defer func() {
		if r := recover(); r != nil {
			c.discarded.Add(1)
			c.alive.Store(false)
			err = &engine.Uncoded{Err: wit.Errorf(wit.CodeUnavailable, "plugin %s: %s trapped: %v", c.spec.Plugin, export, r)}
		}
		if err != nil {
			c.errors.Add(1)
		}
	}()
	fn := c.fake.Exports[export]
	if fn == nil {
		return nil, wit.Errorf(wit.CodeNotFound, "plugin %s has no export %s", c.spec.Plugin, export)
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, functionsKey{}, c.spec.Functions), c.spec.Deadline)
	defer cancel()
	out, err = fn(ctx, in)
	if err != nil && wit.CodeOf(err) == wit.CodeInternal {
		err = &engine.Uncoded{Err: wit.Errorf(wit.CodeUnavailable, "plugin %s: %s: %w", c.spec.Plugin, export, err)}
	}
	return out, err
}

// Trace implements engine.Caller. A fake uses nothing that is measured.
func (c *caller) Trace(ctx context.Context, export string, in []byte, _ *engine.Trace) ([]byte, error) {
	return c.Call(ctx, export, in)
}

// Stats implements engine.Caller.
func (c *caller) Stats() engine.Stats {
	s := engine.Stats{Calls: c.calls.Load(), Errors: c.errors.Load(), Discarded: c.discarded.Load(), Made: c.made.Load(), Instances: len(c.room)}
	if c.alive.Load() {
		s.Instances = 1
	}
	return s
}

// Close implements engine.Caller.
func (c *caller) Warm(context.Context) error { return nil }

func (c *caller) Close(context.Context) error {
	c.closed.Store(true)
	return nil
}
