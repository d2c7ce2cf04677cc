package runtime_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// mb is what the guests of these tests are measured in.
const mb = 1 << 20

// hoarder is a guest that starts with that many MB and takes more: as many pages of 64 KB as its input has bytes. What
// it answers is whether it got them (may), or how often this instance was asked (count). It can wait for the host (wait),
// keep its input as a variable (keep), and answer that many pages (tell).
func hoarder(size int) []byte {
	b := &builder{}
	length := env(b, "input_length", nil, op(i64))
	offset := env(b, "input_offset", nil, op(i64))
	keep := env(b, "var_set", op(i64, i64), nil)
	output := b.imp("carapace:host/memory", "output", op(i32, i32), nil)
	wait := b.imp("extism:host/user", "wait", op(i64), op(i64))
	b.mem(size * 16)
	grow := [][]byte{call(length), op(0xa7), op(0x40, 0)}
	b.fn("may", nil, op(i32), nil, append([][]byte{ci32(0), ci32('1')}, append(grow,
		ci32(-1), op(0x46), op(0x6b), op(0x36, 2, 0), ci32(0), ci32(1), call(output), ci32(0))...)...)
	b.fn("count", nil, op(i32), nil, ci32(4), ci32(4), op(0x28, 2, 0), ci32(1), op(0x6a), op(0x36, 2, 0),
		ci32(0), ci32(4), op(0x28, 2, 0), ci32('0'), op(0x6a), op(0x36, 2, 0), ci32(0), ci32(1), call(output), ci32(0))
	b.fn("wait", nil, op(i32), nil, ci64(0), call(wait), op(0x1a), ci32(0))
	b.fn("grow_and_wait", nil, op(i32), nil, append(grow, op(0x1a), ci64(0), call(wait), op(0x1a), ci32(0))...)
	b.fn("must_grow", nil, op(i32), nil, append(grow, ci32(-1), op(0x46, 0x04, 0x40, 0x00, 0x0b), ci32(0))...)
	b.fn("keep", nil, op(i32), nil, call(offset), call(offset), call(keep), ci32(0))
	b.fn("tell", nil, op(i32), nil, ci32(0), call(length), op(0xa7), ci32(1<<16), op(0x6c), call(output), ci32(0))
	return b.bytes()
}

func pages(n int) string { return strings.Repeat("p", n) }

// within fails when the guests of e hold more than they may.
func within(t *testing.T, e *runtime.Engine) {
	t.Helper()
	if m := e.Memory(); m.Held > m.Budget || m.Held < 0 {
		t.Fatalf("%d KB are held of %d KB", m.Held>>10, m.Budget>>10)
	}
}

func TestMemoryIsBoundedOverAllPlugins(t *testing.T) {
	e := newEngine(t, runtime.Config{Memory: 8 * mb})
	var pools []*runtime.Pool
	for n := range 6 {
		pools = append(pools, newPool(t, e, hoarder(1), runtime.Spec{Plugin: fmt.Sprint("p", n), Mode: runtime.Warm}))
	}
	for range 3 { // idle instances of the others make room, for a start and for one that grows
		for _, p := range pools {
			if got := mustCall(t, p, "may", pages(16)); got != "1" {
				t.Errorf("a guest got no megabyte: %+v", e.Memory())
			}
			within(t, e)
		}
	}
	if m := e.Memory(); m.Held < 5*mb || m.Refused != 0 {
		t.Errorf("%+v: idle instances were closed that there was room for, or a call was refused", m)
	}
}

func TestTheIdleInstanceThatWasUsedLongestAgoGoesFirst(t *testing.T) {
	e := newEngine(t, runtime.Config{Memory: 16 * mb})
	pool := func(id string, size int, mode runtime.Mode) *runtime.Pool {
		return newPool(t, e, hoarder(size), runtime.Spec{Plugin: id, Mode: mode})
	}
	keeps, a, b, c := pool("keeps", 2, runtime.Single), pool("a", 2, runtime.Warm), pool("b", 2, runtime.Warm), pool("c", 2, runtime.Warm)
	for _, p := range []*runtime.Pool{keeps, a, b, c, a, a, c} { // of the warm ones b was used longest ago, then a
		mustCall(t, p, "count", "")
	}
	for _, step := range []struct {
		id    string
		pages int
		want  string
	}{{"fits", 8, "1111"}, {"grows", 80, "1101"}, {"starts", 0, "1001"}, {"starts too", 0, "1000"}} {
		if mustCall(t, pool(step.id, 1, runtime.Warm), "may", pages(step.pages)) != "1" {
			t.Errorf("%s: %d pages were refused", step.id, step.pages)
		}
		var alive string
		for _, p := range []*runtime.Pool{keeps, a, b, c} {
			alive += fmt.Sprint(p.Stats().Alive)
		}
		if alive != step.want {
			t.Errorf("%s: alive are %s, want %s: %+v", step.id, alive, step.want, e.Memory())
		}
		within(t, e)
	}
	if got := mustCall(t, keeps, "count", ""); got != "2" {
		t.Errorf("the single instance counts %s: it went before others had to", got)
	}
}

func TestTheSingleInstanceGoesBeforeACallIsRefused(t *testing.T) {
	e := newEngine(t, runtime.Config{Memory: 8 * mb})
	for n := range 6 {
		p := newPool(t, e, hoarder(3), runtime.Spec{Plugin: fmt.Sprint("p", n), Mode: runtime.Single})
		mustCall(t, p, "count", "")
		within(t, e)
	}
}

// held starts calls that keep their guests busy until the gate opens.
func held(t *testing.T, g *gate, export, in string, pools ...*runtime.Pool) *sync.WaitGroup {
	t.Helper()
	var calls sync.WaitGroup
	for _, p := range pools {
		calls.Go(func() {
			if _, err := p.Call(context.Background(), export, []byte(in)); err != nil {
				t.Error(err)
			}
		})
		<-g.entered
	}
	return &calls
}

func TestACallWaitsForRoomAndThenIsRefused(t *testing.T) {
	e := newEngine(t, runtime.Config{Memory: 8 * mb})
	g := newGate()
	spec := func(id string, deadline time.Duration) runtime.Spec {
		return runtime.Spec{Plugin: id, Mode: runtime.Warm, Functions: g.functions(), Limits: runtime.Limits{Deadline: deadline}}
	}
	calls := held(t, g, "wait", "", newPool(t, e, hoarder(3), spec("large", time.Hour)), newPool(t, e, hoarder(2), spec("small", time.Hour)))
	late := newPool(t, e, hoarder(3), spec("late", 30*time.Millisecond))
	_, err := late.Call(context.Background(), "count", nil)
	if wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("err = %v", err)
	}
	for _, words := range []string{"plugin late: count found no room", "needs 4 MB more", "hold 6 MB, of at most 8 MB", "large 4 MB, small 3 MB", "raise runtime.memory"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q does not say %q", err, words)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if _, err := newPool(t, e, hoarder(3), spec("hurried", time.Hour)).Call(ctx, "count", nil); wit.CodeOf(err) != wit.CodeTimeout {
		t.Errorf("err = %v", err)
	}
	if m := e.Memory(); m.Refused != 2 {
		t.Errorf("%+v, want two refused", m)
	}
	patient := newPool(t, e, hoarder(3), spec("patient", time.Hour))
	done := make(chan error)
	go func() { _, err := patient.Call(context.Background(), "count", nil); done <- err }()
	for e.Waiting() == 0 {
		goruntime.Gosched()
	}
	close(g.open)
	calls.Wait()
	if err := <-done; err != nil {
		t.Errorf("a call that waited: %v", err)
	}
	within(t, e)
}

func TestAGuestThatCannotGrowIsToldSo(t *testing.T) {
	e := newEngine(t, runtime.Config{Memory: 8 * mb})
	g := newGate()
	spec := runtime.Spec{Mode: runtime.Warm, Functions: g.functions(), Limits: runtime.Limits{Deadline: time.Hour}}
	pool := func(id string, size int) *runtime.Pool {
		spec.Plugin = id
		return newPool(t, e, hoarder(size), spec)
	}
	calls := held(t, g, "wait", "", pool("a", 3), pool("b", 2))
	c := pool("c", 0)
	if got := mustCall(t, c, "may", pages(16)); got != "1" { // of the part that is kept back
		t.Errorf("it got no megabyte: %+v", e.Memory())
	}
	if got := mustCall(t, c, "may", pages(32)); got != "0" {
		t.Errorf("it got two megabytes more: %+v", e.Memory())
	}
	within(t, e)
	_, err := c.Call(context.Background(), "must_grow", []byte(pages(32)))
	if wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "trapped: unreachable; it got no more memory: it needs 2 MB more, and plugins hold") {
		t.Errorf("err = %v", err)
	}
	if m := e.Memory(); m.Refused != 2 {
		t.Errorf("%+v, want two refused", m)
	}
	close(g.open)
	calls.Wait()
	if got := mustCall(t, c, "may", pages(32)); got != "1" {
		t.Error("it got nothing when there was room again")
	}
}

func TestAPluginMayHoldHalf(t *testing.T) {
	e := newEngine(t, runtime.Config{Memory: 8 * mb})
	g := newGate()
	p := newPool(t, e, hoarder(1), runtime.Spec{Plugin: "greedy", Mode: runtime.Warm, Functions: g.functions(),
		Limits: runtime.Limits{Instances: 8, Deadline: time.Hour}})
	if got := mustCall(t, p, "may", pages(48)); got != "0" {
		t.Error("it got more than half")
	}
	calls := held(t, g, "wait", "", p, p, p)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := p.Call(ctx, "count", nil)
	if wit.CodeOf(err) != wit.CodeTimeout || !strings.Contains(err.Error(), "may hold 4 MB, half of what all plugins may") {
		t.Errorf("err = %v", err)
	}
	other := newPool(t, e, hoarder(1), runtime.Spec{Plugin: "other", Mode: runtime.Warm})
	if mustCall(t, other, "count", "")+mustCall(t, other, "count", "") != "12" {
		t.Error("one that waits for its own plugin had another's instance closed")
	}
	close(g.open)
	calls.Wait()
	_, err = newPool(t, e, hoarder(4), runtime.Spec{Plugin: "huge"}).Call(context.Background(), "count", nil)
	if wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "half of what all plugins may") {
		t.Errorf("err = %v", err)
	}
}

// through is a host function that calls a pool.
func through(to **runtime.Pool, result *error) map[string]runtime.HostFunc {
	return map[string]runtime.HostFunc{"wait": func(ctx context.Context, _ []byte) ([]byte, error) {
		_, *result = (*to).Call(ctx, "count", nil)
		return nil, nil
	}}
}

// TestACallFromWithinACallNeverWaitsForRoom has a guest, which holds memory meanwhile, call another plugin: where its own
// is in the way, and where another call of that plugin waits for the room that only the guest's end can make.
func TestACallFromWithinACallNeverWaitsForRoom(t *testing.T) {
	e := newEngine(t, runtime.Config{Memory: 8 * mb})
	g := newGate()
	long := runtime.Limits{Deadline: time.Hour, Instances: 1}
	calls := held(t, g, "wait", "", newPool(t, e, hoarder(3), runtime.Spec{Plugin: "busy", Mode: runtime.Warm, Functions: g.functions(), Limits: long}))
	var large, small *runtime.Pool
	var inner error
	large = newPool(t, e, hoarder(3), runtime.Spec{Plugin: "large", Limits: long})
	a := newPool(t, e, hoarder(2), runtime.Spec{Plugin: "a", Functions: through(&large, &inner), Limits: long})
	mustCall(t, a, "wait", "")
	if wit.CodeOf(inner) != wit.CodeUnavailable || !strings.Contains(inner.Error(), "plugin large: count found no room") {
		t.Errorf("inner = %v", inner)
	}
	within(t, e)

	small = newPool(t, e, hoarder(1), runtime.Spec{Plugin: "small", Limits: long})
	entered, proceed := make(chan struct{}), make(chan struct{})
	b := newPool(t, e, hoarder(3), runtime.Spec{Plugin: "b", Limits: long, Functions: map[string]runtime.HostFunc{
		"wait": func(ctx context.Context, _ []byte) ([]byte, error) {
			close(entered)
			<-proceed
			_, inner = small.Call(ctx, "count", nil)
			return nil, nil
		}}})
	var outer, waiting error
	var both sync.WaitGroup
	both.Go(func() { _, outer = b.Call(context.Background(), "wait", nil) })
	<-entered // busy and b hold six and a half megabytes of the seven that calls get
	both.Go(func() { _, waiting = small.Call(context.Background(), "count", nil) })
	for e.Waiting() == 0 {
		goruntime.Gosched()
	}
	close(proceed)
	both.Wait()
	if outer != nil || inner != nil || waiting != nil {
		t.Errorf("outer %v, inner %v, waiting %v", outer, inner, waiting)
	}
	close(g.open)
	calls.Wait()
}

// TestNobodyIsStarved has plugins call without a pause, each with more callers than instances, that together want more
// than there is, and another one now and then.
func TestNobodyIsStarved(t *testing.T) {
	e := newEngine(t, runtime.Config{Memory: 8 * mb})
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for n, mode := range []runtime.Mode{runtime.Warm, runtime.Warm, runtime.Single} {
		p := newPool(t, e, hoarder(1), runtime.Spec{Plugin: fmt.Sprint("greedy", n), Mode: mode, Limits: runtime.Limits{Deadline: time.Hour}})
		for range 6 {
			callers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						mustCall(t, p, "may", pages(8))
					}
				}
			})
		}
	}
	for n, mode := range []runtime.Mode{runtime.Fresh, runtime.Warm, runtime.Single} {
		p := newPool(t, e, hoarder(3), runtime.Spec{Plugin: fmt.Sprint("modest", n), Mode: mode, Limits: runtime.Limits{Deadline: time.Hour}})
		for range 10 {
			mustCall(t, p, "count", "")
			within(t, e)
		}
	}
	close(stop)
	callers.Wait()
}

func TestWhatTheHostKeepsIsCounted(t *testing.T) {
	e := newEngine(t, runtime.Config{Memory: 64 * mb})
	p := newPool(t, e, hoarder(1), runtime.Spec{Plugin: "keeps", Mode: runtime.Warm})
	mustCall(t, p, "keep", "x")
	start := p.Stats().Memory
	if start < mb || start > 2*mb {
		t.Errorf("a guest of a megabyte holds %d bytes", start)
	}
	mustCall(t, p, "keep", strings.Repeat("x", 4000))
	big := strings.Repeat("v", 300<<10)
	if _, err := p.Call(context.Background(), "keep", []byte(big)); wit.CodeOf(err) != wit.CodeTooLarge { // the name is bounded
		t.Errorf("err = %v", err)
	}
	d := newPool(t, e, deep(0), runtime.Spec{Plugin: "deep", Mode: runtime.Single})
	mustCall(t, d, "to", "x")
	before := d.Stats().Memory
	for range 16 { // a call that is short is looked at now and then
		mustCall(t, d, "to", strings.Repeat("x", 5_000))
	}
	exchanged := d.Stats().Memory
	if kept := exchanged - before; kept < 100<<10 || kept > mb {
		t.Errorf("a stack that is kept counts %d KB, of %+v", kept>>10, d.Stats())
	}
	mustCall(t, d, "to", strings.Repeat("x", 60_000)) // too large to be kept
	if now := d.Stats().Memory; now > before+128<<10 {
		t.Errorf("%d KB are counted after a stack was given back, %d before it grew", now>>10, before>>10)
	}
	if got := mustCall(t, p, "tell", pages(10)); len(got) != 10<<16 {
		t.Errorf("it tells %d bytes", len(got))
	}
}

// TestAccountsReturnToZero mixes all that can happen to memory, and then counts what is left.
func TestAccountsReturnToZero(t *testing.T) {
	e, err := runtime.New(context.Background(), runtime.Config{CacheDir: compileCache, Memory: 6 * mb, MaxInstances: 5})
	must(t, err)
	var pools []*runtime.Pool
	var all sync.WaitGroup
	nested := map[string]runtime.HostFunc{"wait": func(ctx context.Context, in []byte) ([]byte, error) {
		_, err := pools[rand.IntN(len(pools))].Call(ctx, "may", []byte(pages(rand.IntN(20))))
		return nil, err
	}}
	for n := range 6 {
		m := e.Load(source("test", hoarder(n%3)))
		pools = append(pools, m.Pool(runtime.Spec{Plugin: fmt.Sprint("p", n), Mode: runtime.Mode(n % 3), Functions: nested,
			Limits: runtime.Limits{Instances: 3, Deadline: 50 * time.Millisecond, Idle: 5 * time.Millisecond}}))
		m.Release()
	}
	for worker := range 8 {
		random := rand.New(rand.NewPCG(7, uint64(worker)))
		all.Go(func() {
			for range 60 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(30))*time.Millisecond)
				export := []string{"may", "count", "wait", "grow_and_wait", "must_grow", "keep", "tell", "nothing"}[random.IntN(8)]
				_, err := pools[random.IntN(len(pools))].Call(ctx, export, []byte(pages(random.IntN(24))))
				if code := wit.CodeOf(err); code == wit.CodeInternal {
					t.Errorf("%s: %v", export, err)
				}
				cancel()
				if m := e.Memory(); m.Held > m.Budget || m.Held < 0 {
					t.Errorf("%+v", m)
				}
			}
		})
	}
	all.Wait()
	for _, p := range pools {
		must(t, p.Close(context.Background()))
	}
	if s := e.Stats(); s != (runtime.EngineStats{}) {
		t.Errorf("left: %+v", s)
	}
	must(t, e.Close(context.Background()))
}
