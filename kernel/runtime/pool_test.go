package runtime_test

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// counterGuest returns how often this instance was called, and can wait for the host or trap.
func counterGuest() []byte {
	b := &builder{}
	alloc, output := env(b, "alloc", op(i64), op(i64)), env(b, "output_set", op(i64, i64), nil)
	store := env(b, "store_u8", op(i64, i32), nil)
	wait := b.imp("extism:host/user", "wait", op(i64), op(i64))
	b.mem(1)
	b.fn("count", nil, op(i32), op(i64),
		ci32(0), ci32(0), op(0x28, 2, 0), ci32(1), op(0x6a), op(0x36, 2, 0),
		ci64(1), call(alloc), tee(0), ci32(0), op(0x28, 2, 0), ci32('0'), op(0x6a), call(store),
		get(0), ci64(1), call(output), ci32(0))
	b.fn("wait", nil, op(i32), nil, ci64(0), call(wait), op(0x1a), ci32(0))
	b.fn("trap", nil, op(i32), nil, op(0))
	b.fn("spin", nil, op(i32), nil, loop(), ci32(0))
	return b.bytes()
}

func TestModes(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	for _, c := range []struct {
		mode runtime.Mode
		want string // of calls count, count, trap, count
	}{
		{runtime.Fresh, "1 1 1"},
		{runtime.Warm, "1 2 1"},
		{runtime.Single, "1 2 1"},
	} {
		t.Run(c.mode.String(), func(t *testing.T) {
			p := newPool(t, e, counterGuest(), runtime.Spec{Mode: c.mode})
			got := []string{mustCall(t, p, "count", ""), mustCall(t, p, "count", "")}
			if _, err := p.Call(context.Background(), "trap", nil); wit.CodeOf(err) != wit.CodeUnavailable {
				t.Errorf("trap: %v", err)
			}
			got = append(got, mustCall(t, p, "count", ""))
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("counts %s, want %s", s, c.want)
			}
		})
	}
}

// gate is a host function that holds guests until it is opened.
type gate struct {
	entered chan struct{}
	open    chan struct{}
	now     atomic.Int64
	most    atomic.Int64
}

func newGate() *gate { return &gate{entered: make(chan struct{}, 1000), open: make(chan struct{})} }

func (g *gate) wait(ctx context.Context, _ []byte) ([]byte, error) {
	n := g.now.Add(1)
	defer g.now.Add(-1)
	for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); most = g.most.Load() {
	}
	g.entered <- struct{}{}
	select {
	case <-g.open:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *gate) functions() map[string]runtime.HostFunc {
	return map[string]runtime.HostFunc{"wait": g.wait}
}

func TestCallsRunInParallelUpToTheLimit(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	for mode, limit := range map[runtime.Mode]int64{runtime.Fresh: 3, runtime.Warm: 3, runtime.Single: 1} {
		g := newGate()
		p := newPool(t, e, counterGuest(), runtime.Spec{Mode: mode, Functions: g.functions(), Limits: runtime.Limits{Instances: 3}})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { mustCall(t, p, "wait", "") })
		}
		for range limit {
			<-g.entered
		}
		close(g.open)
		wg.Wait()
		if most := g.most.Load(); most != limit {
			t.Errorf("%s: %d calls at a time, want %d", mode, most, limit)
		}
		if s := p.Stats(); s.Calls != 20 || s.Errors != 0 || s.Alive > int(limit) {
			t.Errorf("%s: %+v", mode, s)
		}
	}
}

func TestWaitingCallersMayGiveUp(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	g := newGate()
	p := newPool(t, e, counterGuest(), runtime.Spec{Mode: runtime.Single, Functions: g.functions()})
	first := make(chan error)
	go func() { _, err := p.Call(context.Background(), "wait", nil); first <- err }()
	<-g.entered
	ctx, cancel := context.WithCancel(context.Background())
	cause := errors.New("the client left")
	waiting := make(chan error)
	for range 5 {
		go func() { _, err := p.Call(ctx, "count", nil); waiting <- err }()
	}
	cancel()
	for range 5 {
		if err := <-waiting; wit.CodeOf(err) != wit.CodeUnavailable || !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v", err)
		}
	}
	timed, cancel := context.WithDeadlineCause(context.Background(), time.Now().Add(-1), cause)
	defer cancel()
	if _, err := p.Call(timed, "count", nil); !errors.Is(err, cause) {
		t.Errorf("err = %v, want the cause", err)
	}
	close(g.open)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if got := mustCall(t, p, "count", ""); got != "1" {
		t.Errorf("count = %s", got)
	}
}

// watched is a caller's context that says when a guest which computes has looked at it several times.
type watched struct {
	context.Context
	times  atomic.Int64
	looked chan struct{}
}

func newWatched(ctx context.Context) *watched {
	return &watched{Context: ctx, looked: make(chan struct{})}
}

func (w *watched) Err() error {
	if w.times.Add(1) == 10 {
		close(w.looked)
	}
	return w.Context.Err()
}

func TestCallerMayStopARunningGuest(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	p := newPool(t, e, counterGuest(), runtime.Spec{Mode: runtime.Warm})
	mustCall(t, p, "count", "")
	ctx, cancel := context.WithCancelCause(context.Background())
	running := newWatched(ctx)
	go func() { <-running.looked; cancel(context.DeadlineExceeded) }()
	_, err := p.Call(running, "spin", nil)
	if wit.CodeOf(err) != wit.CodeTimeout || !strings.Contains(err.Error(), "spin was given up by its caller") {
		t.Errorf("err = %v", err)
	}
	if got := mustCall(t, p, "count", ""); got != "1" {
		t.Errorf("count = %s, want that of a new instance", got)
	}
	if s := p.Stats(); s.Discarded != 1 || s.Ticks == 0 || s.GuestTime <= 0 {
		t.Errorf("stats = %+v", s)
	}
}

func TestPluginThatCallsItself(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	for limit, code := range map[int]wit.Code{1: wit.CodeConflict, 2: ""} {
		var p, other *runtime.Pool
		var inner error
		through := func(to **runtime.Pool, export string) map[string]runtime.HostFunc {
			return map[string]runtime.HostFunc{"wait": func(ctx context.Context, _ []byte) ([]byte, error) {
				_, err := (*to).Call(ctx, export, nil)
				if export == "count" {
					inner = err
				}
				return nil, err
			}}
		}
		p = newPool(t, e, counterGuest(), runtime.Spec{Plugin: "a", Mode: runtime.Warm, Functions: through(&other, "wait"), Limits: runtime.Limits{Instances: limit}})
		other = newPool(t, e, counterGuest(), runtime.Spec{Plugin: "b", Mode: runtime.Warm, Functions: through(&p, "count")})
		mustCall(t, p, "wait", "")
		if wit.CodeOf(inner) != code {
			t.Errorf("with %d instances: %v", limit, inner)
		}
	}
}

func TestHostFunctionEndsWithTheDeadline(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	g := newGate()
	p := newPool(t, e, counterGuest(), runtime.Spec{Functions: g.functions(), Limits: runtime.Limits{Deadline: 50 * time.Millisecond}})
	if _, err := p.Call(context.Background(), "wait", nil); wit.CodeOf(err) != wit.CodeTimeout {
		t.Errorf("err = %v", err)
	}
}

func TestCloseDrains(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	g := newGate()
	m := e.Load(source("test", counterGuest()))
	defer m.Release()
	p := m.Pool(runtime.Spec{Plugin: "test", Mode: runtime.Single, Functions: g.functions()})
	running, queued, closed := make(chan error), make(chan error), make(chan error)
	go func() { _, err := p.Call(context.Background(), "wait", nil); running <- err }()
	<-g.entered
	go func() { _, err := p.Call(context.Background(), "count", nil); queued <- err }()
	go func() { closed <- p.Close(context.Background()) }()
	if err := <-queued; wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("queued call: %v", err)
	}
	select {
	case <-closed:
		t.Error("closed before the running call ended")
	default:
	}
	close(g.open)
	if err := <-running; err != nil {
		t.Errorf("running call: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := p.Call(context.Background(), "count", nil); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("call after close: %v", err)
	}
	if err := p.Close(context.Background()); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestCloseStopsWhatDoesNotEnd(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	m := e.Load(source("test", counterGuest()))
	defer m.Release()
	g := newGate()
	for _, export := range []string{"spin", "wait"} {
		p := m.Pool(runtime.Spec{Plugin: "test", Mode: runtime.Warm, Functions: g.functions()})
		mustCall(t, p, "count", "")
		running := make(chan error)
		go func() { _, err := p.Call(context.Background(), export, nil); running <- err }()
		for p.Stats().Idle > 0 {
			goruntime.Gosched()
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		if err := p.Close(ctx); wit.CodeOf(err) != wit.CodeTimeout {
			t.Errorf("%s: close: %v", export, err)
		}
		cancel()
		if err := <-running; wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %v", export, err)
		}
	}
}

func TestInstancesAreBoundedOverAllPools(t *testing.T) {
	e := newEngine(t, runtime.Config{MaxInstances: 2})
	g := newGate()
	var pools []*runtime.Pool
	for n := range 5 {
		pools = append(pools, newPool(t, e, counterGuest(), runtime.Spec{Plugin: fmt.Sprint("p", n), Mode: runtime.Warm, Functions: g.functions()}))
	}
	for range 3 { // idle instances of other pools make room
		for _, p := range pools {
			mustCall(t, p, "count", "")
			if n := e.Stats().Instances; n > 2 {
				t.Fatalf("%d instances alive", n)
			}
		}
	}
	var wg sync.WaitGroup
	for _, p := range pools { // busy ones are waited for
		wg.Go(func() { mustCall(t, p, "wait", "") })
	}
	<-g.entered
	<-g.entered
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	blocked := newPool(t, e, counterGuest(), runtime.Spec{Plugin: "late"})
	if _, err := blocked.Call(ctx, "count", nil); wit.CodeOf(err) != wit.CodeTimeout {
		t.Errorf("a call without room: %v", err)
	}
	close(g.open)
	wg.Wait()
	if most := g.most.Load(); most != 2 {
		t.Errorf("%d instances were busy at a time, want 2", most)
	}
	mustCall(t, blocked, "count", "")
}

func TestIdleGivesBackInstancesThenCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened atomic.Int64
		e, err := runtime.New(context.Background(), runtime.Config{CodeIdle: 10 * time.Minute})
		must(t, err)
		m := e.Load(countedSource(counterGuest(), &opened))
		p := m.Pool(runtime.Spec{Plugin: "test", Mode: runtime.Warm, Limits: runtime.Limits{Idle: time.Minute}})
		single := m.Pool(runtime.Spec{Plugin: "keeps", Mode: runtime.Single, Limits: runtime.Limits{Idle: time.Minute}})
		state := func(instances, compiled int) {
			t.Helper()
			synctest.Wait()
			if s := e.Stats(); s.Instances != instances || s.Compiled != compiled {
				t.Errorf("stats = %+v, want %d instances and %d compiled modules", s, instances, compiled)
			}
		}
		mustCall(t, p, "count", "")
		mustCall(t, single, "count", "")
		time.Sleep(59 * time.Second)
		state(2, 1)
		for range 20 { // used now and then, it stays
			time.Sleep(50 * time.Second)
			mustCall(t, p, "count", "")
		}
		if got := p.Stats().Instances; got != 1 {
			t.Errorf("%d instances were made, want 1", got)
		}
		time.Sleep(2*time.Minute + time.Second)
		state(1, 1) // the single one keeps its memory
		if got := mustCall(t, single, "count", ""); got != "2" {
			t.Errorf("the single instance counts %s", got)
		}
		must(t, single.Close(context.Background()))
		time.Sleep(11 * time.Minute)
		state(0, 0)
		if got := mustCall(t, p, "count", ""); got != "1" || opened.Load() != 2 {
			t.Errorf("after the code was given back: %s, read %d times", got, opened.Load())
		}
		state(1, 1)
		must(t, p.Close(context.Background()))
		m.Release()
		state(0, 0)
		must(t, e.Close(context.Background()))
	})
}

func TestNothingLeaks(t *testing.T) {
	before := goruntime.NumGoroutine()
	e, err := runtime.New(context.Background(), runtime.Config{})
	must(t, err)
	wasm := counterGuest()
	for range 3 {
		a, b := e.Load(source("test", wasm)), e.Load(source("test", wasm))
		if a != b {
			t.Fatal("the same hash gave two modules")
		}
		for _, mode := range []runtime.Mode{runtime.Fresh, runtime.Warm, runtime.Single} {
			p := a.Pool(runtime.Spec{Plugin: "test", Mode: mode, Limits: runtime.Limits{Deadline: 20 * time.Millisecond}})
			for _, export := range []string{"count", "trap", "spin", "nothing", "count"} {
				_, _ = p.Call(context.Background(), export, nil)
			}
			must(t, p.Close(context.Background()))
		}
		a.Release()
		b.Release()
	}
	trap := &builder{}
	trap.mem(1)
	trap.fn("_initialize", nil, nil, nil, op(0))
	m := e.Load(source("trap", trap.bytes()))
	p := m.Pool(runtime.Spec{Plugin: "trap"})
	_, _ = p.Call(context.Background(), "x", nil)
	must(t, p.Close(context.Background()))
	m.Release()
	if s := e.Stats(); s != (runtime.EngineStats{}) {
		t.Errorf("left: %+v", s)
	}
	must(t, e.Close(context.Background()))
	must(t, e.Close(context.Background()))
	for range 100 {
		if goruntime.NumGoroutine() <= before {
			return
		}
		goruntime.Gosched()
		goruntime.GC()
	}
	t.Errorf("%d goroutines, %d before", goruntime.NumGoroutine(), before)
}

func TestEngineCloseEndsEverything(t *testing.T) {
	e, err := runtime.New(context.Background(), runtime.Config{})
	must(t, err)
	m := e.Load(source("test", counterGuest()))
	p := m.Pool(runtime.Spec{Plugin: "test", Mode: runtime.Warm})
	mustCall(t, p, "count", "")
	must(t, e.Close(context.Background()))
	if _, err := p.Call(context.Background(), "count", nil); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("call after close: %v", err)
	}
	if err := e.Load(source("other", benchGuest())).Compile(context.Background()); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("compile after close: %v", err)
	}
	if _, err := m.Pool(runtime.Spec{}).Call(context.Background(), "count", nil); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("pool after close: %v", err)
	}
}

func TestCompileIsSharedAndOutlivesItsCaller(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	var opened atomic.Int64
	hold := make(chan struct{})
	src := source("test", benchGuest())
	src.Open = func() ([]byte, error) { opened.Add(1); <-hold; return benchGuest(), nil }
	src.Hash = "" // not from the cache
	m := e.Load(src)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := m.Compile(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := m.Compile(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	close(hold)
	wg.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("compiled %d times", n)
	}
	m.Release()
}

func TestSourceIsChecked(t *testing.T) {
	e := newEngine(t, runtime.Config{CacheDir: t.TempDir()})
	src := source("test", benchGuest())
	src.Open = func() ([]byte, error) { return counterGuest(), nil }
	m := e.Load(src)
	defer m.Release()
	if err := m.Compile(context.Background()); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "not those that were verified") {
		t.Errorf("other bytes: %v", err)
	}
	broken := errors.New("disk on fire")
	src = source("other", counterGuest())
	src.Open = func() ([]byte, error) { return nil, broken }
	m2 := e.Load(src)
	defer m2.Release()
	if err := m2.Compile(context.Background()); wit.CodeOf(err) != wit.CodeUnavailable || !errors.Is(err, broken) {
		t.Errorf("unreadable: %v", err)
	}
}
