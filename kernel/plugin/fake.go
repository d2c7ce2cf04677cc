package plugin

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

// Fake is a plugin whose exports are Go functions. It passes the same checks as any other and is
// granted, called, replaced and drained like it; only the engine is not asked.
type Fake struct {
	Manifest wit.Manifest
	// Exports are called concurrently. An error without a code becomes unavailable.
	Exports map[string]func(ctx context.Context, in []byte) ([]byte, error)
}

// CallHost lets a fake's export call an import of the contract, as its plugin.
func CallHost(ctx context.Context, name string, in []byte) ([]byte, error) {
	functions, _ := ctx.Value(fakeHost{}).(map[string]host.Function)
	fn := functions[name]
	if fn == nil {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no host function %s", name)
	}
	return fn(ctx, in)
}

type fakeHost struct{}

// Memory is a source of fakes. The zero value is empty and ready.
type Memory struct {
	mu      sync.Mutex
	fakes   map[string]*Fake
	changed []chan struct{}
}

// Put adds a fake under its manifest's id, or replaces the one that was there.
func (m *Memory) Put(f Fake) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fakes == nil {
		m.fakes = map[string]*Fake{}
	}
	m.fakes[f.Manifest.ID] = &f
	m.announce()
}

// Remove takes a fake away.
func (m *Memory) Remove(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.fakes, id)
	m.announce()
}

func (m *Memory) announce() {
	for _, c := range m.changed {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Name implements Source.
func (m *Memory) Name() string { return "memory" }

// Packages implements Source.
func (m *Memory) Packages() ([]Package, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Package
	for _, id := range slices.Sorted(maps.Keys(m.fakes)) {
		found = append(found, Package{Folder: id, Path: "memory:" + id, Fake: m.fakes[id]})
	}
	return found, nil
}

// Watch implements Source.
func (m *Memory) Watch(ctx context.Context, changed func()) error {
	c := make(chan struct{}, 1)
	m.mu.Lock()
	m.changed = append(m.changed, c)
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.changed = slices.DeleteFunc(m.changed, func(o chan struct{}) bool { return o == c })
	}()
	for {
		select {
		case <-c:
			changed()
		case <-ctx.Done():
			return nil
		}
	}
}

// fakeCode runs a Fake behind the engine's seam.
type fakeCode struct{ fake *Fake }

func (c fakeCode) Info(context.Context) (Info, error) {
	return Info{Exports: slices.Sorted(maps.Keys(c.fake.Exports))}, nil
}

func (fakeCode) Compile(context.Context) error { return nil }
func (fakeCode) Release()                      {}

func (c fakeCode) Start(s Spec) (Caller, error) {
	return &fakeCaller{fake: c.fake, spec: s, room: make(chan struct{}, max(s.Calls, 1))}, nil
}

type fakeCaller struct {
	fake          *Fake
	spec          Spec
	room          chan struct{}
	calls, errors atomic.Int64
	closed        atomic.Bool
}

func (c *fakeCaller) Call(ctx context.Context, export string, in []byte) (out []byte, err error) {
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
	defer func() {
		if r := recover(); r != nil {
			err = wit.Errorf(wit.CodeUnavailable, "plugin %s: %s trapped: %v", c.spec.Plugin, export, r)
		}
		if err != nil {
			c.errors.Add(1)
		}
	}()
	fn := c.fake.Exports[export]
	if fn == nil {
		return nil, wit.Errorf(wit.CodeNotFound, "plugin %s has no export %s", c.spec.Plugin, export)
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, fakeHost{}, c.spec.Functions), c.spec.Deadline)
	defer cancel()
	out, err = fn(ctx, in)
	if err != nil && wit.CodeOf(err) == wit.CodeInternal {
		err = wit.Errorf(wit.CodeUnavailable, "plugin %s: %s: %w", c.spec.Plugin, export, err)
	}
	return out, err
}

func (c *fakeCaller) Stats() CallStats {
	return CallStats{Calls: c.calls.Load(), Errors: c.errors.Load(), Instances: len(c.room)}
}

func (c *fakeCaller) Close(context.Context) error {
	c.closed.Store(true)
	return nil
}
