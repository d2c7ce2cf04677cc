package plugin

import (
	"context"
	"errors"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// fixed is an engine that counts what is held of its code, and callers that count their calls.
type fixed struct{ held, closed, warmed int }

func (f *fixed) Load(engine.Source) (engine.Code, error) { f.held++; return f, nil }
func (f *fixed) Info(context.Context) (engine.Info, error) {
	return engine.Info{}, nil
}
func (f *fixed) Compile(context.Context) error            { return nil }
func (f *fixed) Start(engine.Spec) (engine.Caller, error) { return &counting{fixed: f}, nil }
func (f *fixed) Release()                                 { f.held-- }

type counting struct {
	*fixed
	calls int64
}

func (c *counting) Call(context.Context, string, []byte) ([]byte, error) { c.calls++; return nil, nil }
func (c *counting) Trace(ctx context.Context, export string, in []byte, _ *engine.Trace) ([]byte, error) {
	return c.Call(ctx, export, in)
}
func (c *counting) Stats() engine.Stats         { return engine.Stats{Calls: c.calls, Instances: 1} }
func (c *counting) Warm(context.Context) error  { c.warmed++; return nil }
func (c *counting) Close(context.Context) error { c.closed++; return nil }

func newTestVersion(f *fixed) (v *version, reported *[]life.Event) {
	reported = &[]life.Event{}
	v = &version{manifest: &wit.Manifest{ID: "p", Version: "1.0.0", Entry: "p.wasm"}, engine: f, ref: 1, log: hclog.NewNullLogger(),
		calls: newGate(), report: func(_ *version, e life.Event) { *reported = append(*reported, e) }}
	v.code, _ = f.Load(engine.Source{})
	v.verified.Store(true)
	return v, reported
}

func TestLimits(t *testing.T) {
	v, _ := newTestVersion(&fixed{})
	if l := manifest.Limits(v.manifest); l != (wit.Limits{Memory: 64 << 20, Deadline: 10_000, MaxInstances: 4}) {
		t.Errorf("of a manifest that names none: %+v", l)
	}
	fresh := wit.InstancesFresh
	v.manifest.Limits = &wit.Limits{Deadline: 5, Instances: &fresh}
	if l := manifest.Limits(v.manifest); l != (wit.Limits{Memory: 64 << 20, Deadline: 5, Instances: &fresh, MaxInstances: 4}) || v.manifest.Limits.Memory != 0 {
		t.Errorf("%+v", l)
	}
}

func TestGate(t *testing.T) {
	g := newGate()
	for range 2 {
		if !g.enter() {
			t.Fatal("an open gate lets nobody in")
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if g.close(ended) || g.enter() {
		t.Error("a closed gate lets somebody in, or does not wait")
	}
	g.leave()
	go g.leave()
	if !g.close(context.Background()) {
		t.Error("the last call has left")
	}
}

func TestCallers(t *testing.T) {
	f, c := &fixed{}, &callers{}
	start := func() (engine.Caller, error) { return f.Start(engine.Spec{}) }
	if c.started() {
		t.Error("started before the first call")
	}
	for _, key := range []string{"tool", "tool", "hook"} {
		caller, err := c.get(key, start)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = caller.Call(context.Background(), "x", nil)
	}
	if s := c.stats(); s.Calls != 3 || s.Instances != 2 || !c.started() {
		t.Errorf("%+v", s)
	}
	if _, err := c.get("bad", func() (engine.Caller, error) { return nil, errors.New("no") }); err == nil {
		t.Error("a caller that cannot be started")
	}
	c.close(context.Background())
	c.addStats(engine.Stats{Calls: 10})
	if s := c.stats(); s.Calls != 13 || s.Instances != 0 || f.closed != 2 || c.started() {
		t.Errorf("%+v, %d closed", s, f.closed)
	}
}

func TestVersion(t *testing.T) {
	f := &fixed{}
	v, reported := newTestVersion(f)
	v.worked()
	v.worked()
	if len(*reported) != 1 || (*reported)[0] != (life.Worked{Ref: 1}) {
		t.Errorf("reported %+v", *reported)
	}
	next := v.clone(2)
	if !v.stop(context.Background()) || v.calls.enter() || !next.calls.enter() {
		t.Error("the old version takes calls, or the new one does not")
	}
	v.free()
	v.free()
	if f.held != 1 {
		t.Errorf("%d held: a clone shares nothing that is given back with the old one", f.held)
	}
	next.worked()
	if len(*reported) != 2 || (*reported)[1] != (life.Worked{Ref: 2}) {
		t.Errorf("a clone reports %+v", *reported)
	}
	next.free()
	if f.held != 0 {
		t.Errorf("%d held", f.held)
	}
	late, _ := newTestVersion(f)
	late.free()
	late.verified.Store(false)
	if _, err := late.verify(context.Background(), &inspector{}); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("a version that was freed is verified: %v", err)
	}
}
