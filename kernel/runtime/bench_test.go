package runtime_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

var benchCases = []struct{ name, export, in string }{
	{"noop", "noop", ""},
	{"echo46", "echo", "a request of exactly forty-six bytes, as usual"},
	{"json", "json", `{"id":"m-123456","text":"hello there","tags":["a","b"],"count":41}`},
	{"echo4k", "echo", strings.Repeat("x", 4<<10)},
	{"echo1m", "echo", strings.Repeat("x", 1<<20)},
}

// BenchmarkCall compares hosts at the same work. guest=go-pdk uses an unmodified Extism PDK, go-bulk
// moves bytes as our SDK does, wasm is hand-written; host=stock is extism/go-sdk, host=raw is the
// engine alone with a buffer in the guest's memory, which no ABI can beat.
func BenchmarkCall(b *testing.B) {
	e := newEngine(b, runtime.Config{})
	for _, g := range []struct {
		name string
		wasm []byte
		raw  bool
	}{
		{"go-pdk", goGuest(b, kitchen), false},
		{"go-bulk", goGuest(b, fastPkg), true},
		{"wasm", benchGuest(), true},
	} {
		p := newPool(b, e, g.wasm, runtime.Spec{Mode: runtime.Warm})
		mustCall(b, p, "noop", "")
		hosts := map[string]func(export string, in []byte) ([]byte, error){
			"carapace": func(export string, in []byte) ([]byte, error) { return p.Call(context.Background(), export, in) },
		}
		if g.raw {
			hosts["raw"] = rawHost(b, g.wasm)
		} else {
			stock := stockHost(b, g.wasm, nil)
			hosts["stock"] = func(export string, in []byte) ([]byte, error) {
				_, out, err := stock.Call(export, in)
				return out, err
			}
		}
		for _, c := range benchCases {
			if g.name == "wasm" && c.name == "json" {
				continue
			}
			for _, name := range []string{"carapace", "stock", "raw"} {
				call := hosts[name]
				if call == nil {
					continue
				}
				b.Run("guest="+g.name+"/case="+c.name+"/host="+name, func(b *testing.B) {
					in := []byte(c.in)
					b.ReportAllocs()
					for b.Loop() {
						if out, err := call(c.export, in); err != nil || c.export == "echo" && len(out) != len(in) {
							b.Fatal(len(out), err)
						}
					}
				})
			}
		}
	}
}

// benchGuest is the smallest guest: it moves bytes with the bulk imports, or not at all.
func benchGuest() []byte {
	b := &builder{}
	length := env(b, "input_length", nil, op(i64))
	input := b.imp("carapace:host/memory", "input", op(i32, i32), nil)
	output := b.imp("carapace:host/memory", "output", op(i32, i32), nil)
	const half = 1<<20 + 4096
	b.mem(40)
	b.fn("noop", nil, op(i32), nil, ci32(0))
	b.fn("echo", nil, op(i32), op(i32),
		call(length), op(0xa7), set(0), ci32(1024), get(0), call(input),
		ci32(half), ci32(1024), get(0), op(0xfc, 10, 0, 0), ci32(half), get(0), call(output), ci32(0))
	b.fn("raw_buffer", op(i32), op(i32), nil, ci32(1024))
	b.fn("raw_noop", op(i32), op(i64), nil, ci64(0))
	b.fn("raw_echo", op(i32), op(i64), nil, ci32(half), ci32(1024), get(0), op(0xfc, 10, 0, 0), ci64(half<<32), get(0), op(0xad, 0x84))
	return b.bytes()
}

// rawHost calls raw_* exports without any ABI and without metering.
func rawHost(b testing.TB, wasm []byte) func(export string, in []byte) ([]byte, error) {
	ctx := context.Background()
	m := bareInstance(b, wasm)
	type call struct {
		f     api.Function
		stack [1]uint64
	}
	calls := map[string]*call{}
	buffer := m.ExportedFunction("raw_buffer")
	var stack [1]uint64
	return func(export string, in []byte) ([]byte, error) {
		c := calls[export]
		if c == nil {
			c = &call{f: m.ExportedFunction("raw_" + export)}
			calls[export] = c
		}
		if len(in) > 0 {
			stack[0] = uint64(len(in))
			if err := buffer.CallWithStack(ctx, stack[:]); err != nil {
				return nil, err
			}
			m.Memory().Write(uint32(stack[0]), in)
		}
		c.stack[0] = uint64(len(in))
		if err := c.f.CallWithStack(ctx, c.stack[:]); err != nil {
			return nil, err
		}
		n := uint32(c.stack[0])
		if n == 0 {
			return nil, nil
		}
		view, _ := m.Memory().Read(uint32(c.stack[0]>>32), n)
		return append([]byte(nil), view...), nil
	}
}

// bareInstance runs a guest on the engine alone; what it imports answers nothing.
func bareInstance(b testing.TB, wasm []byte) api.Module {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(specFeatures))
	b.Cleanup(func() { _ = r.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	info, err := meter.Inspect(wasm)
	must(b, err)
	modules := map[string]wazero.HostModuleBuilder{}
	types := map[string]api.ValueType{"i32": api.ValueTypeI32, "i64": api.ValueTypeI64}
	convert := func(names []string) (t []api.ValueType) {
		for _, n := range names {
			t = append(t, types[n])
		}
		return t
	}
	for _, i := range info.Imports {
		if i.Module == wasi_snapshot_preview1.ModuleName {
			continue
		}
		if modules[i.Module] == nil {
			modules[i.Module] = r.NewHostModuleBuilder(i.Module)
		}
		modules[i.Module].NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) {}), convert(i.Params), convert(i.Results)).Export(i.Name)
	}
	for _, m := range modules {
		_, err := m.Instantiate(ctx)
		must(b, err)
	}
	m, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").WithSysNanotime())
	must(b, err)
	return m
}

// BenchmarkMeter shows what metering costs at full speed: the same module with and without it.
func BenchmarkMeter(b *testing.B) {
	tight := &builder{}
	tight.fn("raw_loop", op(i32), op(i64), op(i64), op(0x03, 0x40), get(1), ci64(1), op(0x7c), set(1),
		get(0), ci32(1), op(0x6b), tee(0), op(0x0d, 0, 0x0b), get(1))
	tight.fn("raw_fib", op(i32), op(i64), nil, get(0), ci32(2), op(0x48, 0x04, i64), get(0), op(0xad, 0x05),
		get(0), ci32(1), op(0x6b, 0x10, 1), get(0), ci32(2), op(0x6b, 0x10, 1), op(0x7c, 0x0b))
	for _, g := range []struct {
		name string
		wasm []byte
	}{{"wasm", tight.bytes()}, {"go", goGuest(b, fastPkg)}} {
		metered, err := meter.Instrument(g.wasm, meter.Options{})
		must(b, err)
		instances := []struct {
			name string
			m    api.Module
		}{{"off", bareInstance(b, g.wasm)}, {"on", bareInstance(b, metered)}}
		for _, c := range []struct {
			export string
			n      uint64
		}{{"raw_loop", 10_000_000}, {"raw_fib", 27}, {"raw_sort", 20_000}} {
			for _, i := range instances {
				f := i.m.ExportedFunction(c.export)
				if f == nil {
					continue
				}
				b.Run("guest="+g.name+"/case="+c.export[4:]+"/meter="+i.name, func(b *testing.B) {
					for b.Loop() {
						if _, err := f.Call(context.Background(), c.n); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkInstrument is the pass itself over a Go guest of 3 MB.
func BenchmarkInstrument(b *testing.B) {
	wasm := goGuest(b, kitchen)
	b.SetBytes(int64(len(wasm)))
	out := 0
	for b.Loop() {
		m, err := meter.Instrument(wasm, meter.Options{})
		must(b, err)
		out = len(m)
	}
	b.ReportMetric(100*float64(out-len(wasm))/float64(len(wasm)), "%growth")
}

// BenchmarkLoad is from a module's bytes to machine code: cold, and from the disk cache.
func BenchmarkLoad(b *testing.B) {
	for name, wasm := range map[string][]byte{"go": goGuest(b, kitchen), "wasm": benchGuest()} {
		load := func(b *testing.B, dir string) {
			e, err := runtime.New(context.Background(), runtime.Config{CacheDir: dir})
			must(b, err)
			m := e.Load(source("test", wasm))
			start := time.Now()
			must(b, m.Compile(context.Background()))
			b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "ms/compile")
			m.Release()
			must(b, e.Close(context.Background()))
		}
		b.Run("guest="+name+"/cache=cold", func(b *testing.B) {
			for b.Loop() {
				dir, err := os.MkdirTemp("", "carapace-bench-")
				must(b, err)
				load(b, dir)
				must(b, os.RemoveAll(dir))
			}
		})
		b.Run("guest="+name+"/cache=warm", func(b *testing.B) {
			dir := b.TempDir()
			load(b, dir)
			for b.Loop() {
				load(b, dir)
			}
		})
	}
}

// BenchmarkHostCall is a call whose guest calls a host function.
func BenchmarkHostCall(b *testing.B) {
	e := newEngine(b, runtime.Config{})
	for _, pkg := range []string{kitchen, fastPkg} {
		p := newPool(b, e, goGuest(b, pkg), runtime.Spec{Mode: runtime.Warm, Functions: map[string]runtime.HostFunc{
			"greet": func(_ context.Context, in []byte) ([]byte, error) { return in, nil }}})
		mustCall(b, p, "noop", "")
		b.Run("guest="+map[string]string{kitchen: "go-pdk", fastPkg: "go-bulk"}[pkg], func(b *testing.B) {
			in := []byte(`{"key":"value"}`)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Call(context.Background(), "greet_call", in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFresh is a call on an instance of its own, made and given back.
func BenchmarkFresh(b *testing.B) {
	e := newEngine(b, runtime.Config{})
	for name, wasm := range map[string][]byte{"go-pdk": goGuest(b, kitchen), "go-copy": goGuest(b, fastPkg), "wasm": benchGuest()} {
		p := newPool(b, e, wasm, runtime.Spec{Mode: runtime.Fresh})
		mustCall(b, p, "noop", "")
		b.Run("guest="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mustCall(b, p, "noop", "")
			}
		})
	}
}

// BenchmarkImport compares a memory function that is wasm with a host function that is Go, a thousand
// calls at a time: what decided how extism:host/env is linked.
func BenchmarkImport(b *testing.B) {
	guest := &builder{}
	load, goFunc := env(guest, "load_u64", op(i64), op(i64)), env(guest, "http_status_code", nil, op(i32))
	guest.mem(1)
	loop := func(name string, body ...[]byte) {
		guest.fn(name, nil, op(i32), op(i32), op(0x03, 0x40), cat(body...), op(0x1a),
			get(0), ci32(1), op(0x6a), tee(0), ci32(1000), op(0x48, 0x0d, 0, 0x0b), ci32(0))
	}
	loop("wasm", ci64(4096), call(load))
	loop("go", call(goFunc))
	e := newEngine(b, runtime.Config{})
	p := newPool(b, e, guest.bytes(), runtime.Spec{Mode: runtime.Warm})
	for _, kind := range []string{"wasm", "go"} {
		mustCall(b, p, kind, "")
		b.Run("kind="+kind, func(b *testing.B) {
			for b.Loop() {
				mustCall(b, p, kind, "")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/import")
		})
	}
}
