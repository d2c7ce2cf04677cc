package runtime_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// crash calls an export that ends its instance.
func crash(t *testing.T, p *runtime.Pool, export string) *runtime.Crash {
	t.Helper()
	_, err := p.Call(context.Background(), export, nil)
	c := (*runtime.Crash)(nil)
	if !errors.As(err, &c) || c.Export != export || c.Error() != err.Error() {
		t.Fatalf("%s: %v is no crash of it: %+v", export, err, c)
	}
	return c
}

// TestAPanicLeavesItsStack: where Go's runtime says that the guest was, with the functions' names and lines.
func TestAPanicLeavesItsStack(t *testing.T) {
	p := newPool(t, newEngine(t, runtime.Config{}), goGuest(t, kitchen), runtime.Spec{Mode: runtime.Warm})
	for range 2 { // the second call is another instance's
		c := crash(t, p, "panics")
		if !regexp.MustCompile(`(?s)^panic: boom\n.*goroutine 1.*main\.panics\(.*kitchen/main\.go:\d+`).MatchString(c.Output) {
			t.Errorf("its stderr was %q", c.Output)
		}
		if c.Stack == "" || len(c.Stack) > 5<<10 {
			t.Errorf("its stack was %q", c.Stack)
		}
	}
	if c := crash(t, p, "exits"); c.Output != "" {
		t.Errorf("it is left from the last call: %q", c.Output)
	}
}

// named adds a name section to a module: the first function is called name.
func named(wasm []byte, function byte, name string) []byte {
	entry := append([]byte{1, function}, vec([]byte(name))...)
	section := append(vec([]byte("name")), append([]byte{1}, vec(entry)...)...)
	return append(append(wasm, 0), vec(section)...)
}

// TestATrapNamesItsFunctions where the module does, and says their numbers where not.
func TestATrapNamesItsFunctions(t *testing.T) {
	for _, c := range []struct {
		name string
		body []byte
		says string
	}{
		{"unreachable", op(0x00), "trapped: unreachable"},
		{"out of bounds", cat(ci32(-1), op(0x28, 2, 0, 0x1a)), "out of bounds memory access"},
	} {
		b := &builder{}
		b.mem(1)
		inner := b.fn("", nil, nil, nil, c.body)
		b.fn("bad", nil, op(i32), nil, call(inner), ci32(0))
		e := newEngine(t, runtime.Config{})
		got := crash(t, newPool(t, e, named(b.bytes(), inner, "parse_header"), runtime.Spec{}), "bad")
		if frames := strings.Split(got.Stack, "\n"); len(frames) != 2 || !strings.HasPrefix(frames[0], "parse_header(") || got.Output != "" {
			t.Errorf("%s: %q %q", c.name, got.Stack, got.Output)
		}
		if got := crash(t, newPool(t, e, b.bytes(), runtime.Spec{}), "bad"); !strings.HasPrefix(got.Stack, "$0(") || !strings.Contains(got.Error(), c.says) {
			t.Errorf("%s without names: %q %v", c.name, got.Stack, got)
		}
	}
}

// TestADeadlineSaysWhereItWas, and a caller who gives up learns nothing of the guest.
func TestADeadlineSaysWhereItWas(t *testing.T) {
	b := &builder{}
	b.mem(1)
	spin := b.fn("", nil, nil, nil, loop())
	b.fn("bad", nil, op(i32), nil, call(spin), ci32(0))
	e := newEngine(t, runtime.Config{})
	p := newPool(t, e, named(b.bytes(), spin, "spin"), runtime.Spec{Limits: runtime.Limits{Deadline: 50 * time.Millisecond}})
	if c := crash(t, p, "bad"); wit.CodeOf(c) != wit.CodeTimeout || !strings.HasPrefix(c.Stack, "spin(") {
		t.Errorf("%v: %q", c, c.Stack)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p = newPool(t, e, goGuest(t, kitchen), runtime.Spec{Functions: map[string]runtime.HostFunc{
		"greet": func(context.Context, []byte) ([]byte, error) { cancel(); return []byte("1"), nil },
	}})
	if _, err := p.Call(ctx, "greet_call", []byte("1")); wit.CodeOf(err) != wit.CodeUnavailable || errors.As(err, new(*runtime.Crash)) {
		t.Errorf("given up: %v", err)
	}
}

// TestWhatACrashLeavesIsBounded: the last lines are kept, whole ones.
func TestWhatACrashLeavesIsBounded(t *testing.T) {
	b := &builder{}
	write := b.imp("wasi_snapshot_preview1", "fd_write", op(i32, i32, i32, i32), op(i32))
	b.mem(1)
	line := strings.Repeat("x", 99) + "\n"
	b.data = cat(op(0), ci32(0), op(0x0b), vec(append([]byte{16, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, line...)))
	b.nData = 1
	var body [][]byte
	for range 2000 {
		body = append(body, ci32(2), ci32(0), ci32(1), ci32(512), call(write), op(0x1a))
	}
	b.fn("bad", nil, op(i32), nil, append(body, op(0x00))...)
	c := crash(t, newPool(t, newEngine(t, runtime.Config{}), b.bytes(), runtime.Spec{}), "bad")
	if n := len(c.Output); n > 16<<10 || n < 16<<10-200 || strings.ReplaceAll(c.Output+"\n", line, "") != "" {
		t.Errorf("%d bytes are left: %.120q", n, c.Output)
	}
}

// TestCrashesAgainAndAgain are spaced out, whether calls crash or the start of an instance does. A few are free, and
// whoever waits can give up.
func TestCrashesAgainAndAgain(t *testing.T) {
	bad := one(func(*builder) [][]byte { return [][]byte{op(0x00)} })
	never := &builder{}
	never.mem(1)
	never.fn("bad", nil, op(i32), nil, ci32(0))
	never.fn("_initialize", nil, nil, nil, op(0x00))
	for name, wasm := range map[string][]byte{"in a call": bad, "at the start": never.bytes()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, err := runtime.New(t.Context(), runtime.Config{})
				must(t, err)
				defer func() { must(t, e.Close(context.Background())) }()
				m := e.Load(source("test", wasm))
				defer m.Release()
				pool := func(deadline time.Duration) *runtime.Pool {
					return m.Pool(runtime.Spec{Plugin: "test", Limits: runtime.Limits{Deadline: deadline}})
				}
				crash := func(p *runtime.Pool, times int) time.Duration {
					begin := time.Now()
					for range times {
						if _, err := p.Call(t.Context(), "bad", nil); !isCrash(err) {
							t.Fatalf("no crash: %v", err)
						}
					}
					return time.Since(begin).Round(time.Second / 4) // what they computed is in it
				}
				p := pool(10 * time.Second)
				if took := crash(p, 8); took != 0 {
					t.Errorf("eight crashes took %s", took)
				}
				if took := crash(p, 12); took != 11*time.Second {
					t.Errorf("twelve more took %s", took)
				}
				time.Sleep(time.Minute)
				if took := crash(p, 9); took != 0 {
					t.Errorf("a minute later nine took %s", took)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				if _, err := p.Call(ctx, "bad", nil); wit.CodeOf(err) != wit.CodeTimeout || isCrash(err) {
					t.Errorf("a caller who gives up: %v", err)
				}
				stopped := make(chan error)
				go func() { _, err := p.Call(t.Context(), "bad", nil); stopped <- err }()
				synctest.Wait()
				must(t, p.Close(t.Context()))
				if err := <-stopped; wit.CodeOf(err) != wit.CodeUnavailable || isCrash(err) {
					t.Errorf("a stop: %v", err)
				}
				hasty := pool(time.Second / 10)
				crash(hasty, 9)
				if _, err := hasty.Call(t.Context(), "bad", nil); wit.CodeOf(err) != wit.CodeUnavailable || isCrash(err) || wit.AsError(err).RetryAfter == nil {
					t.Errorf("longer than a call may take: %v", err)
				}
				must(t, hasty.Close(t.Context()))
			})
		})
	}
}

func isCrash(err error) bool {
	c := (*runtime.Crash)(nil)
	return errors.As(err, &c)
}
