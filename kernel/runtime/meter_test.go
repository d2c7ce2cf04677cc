package runtime_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// FuzzMeter feeds arbitrary bytes. What the pass refuses has code invalid. What it accepts compiles if
// and only if the original does, and its exports behave the same as long as their fuel lasts, however often they tick.
func FuzzMeter(f *testing.F) {
	root := filepath.Join(moduleDir(f, "github.com/tetratelabs/wazero"), "internal", "integration_test", "spectest")
	for _, suite := range []string{"v2", "tail-call", "extended-const"} {
		seeds, _ := filepath.Glob(filepath.Join(root, suite, "testdata", "*.wasm"))
		if len(seeds) == 0 {
			f.Fatalf("suite %s has no modules", suite)
		}
		for n, path := range seeds {
			wasm, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			if n%8 == 0 && len(wasm) < 8<<10 {
				f.Add(wasm)
			}
		}
	}
	for _, h := range hostile {
		f.Add(one(h.build))
	}
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if len(wasm) > 64<<10 {
			return
		}
		_, inspectErr := meter.Inspect(wasm)
		metered, err := meter.Instrument(wasm, meter.Options{})
		if err != nil {
			if wit.CodeOf(err) != wit.CodeInvalid {
				t.Fatalf("error without a code: %v", err)
			}
			return // the compiler must not see it: its counts may be lies
		}
		if inspectErr != nil {
			t.Fatalf("instrumented, but cannot be inspected: %v", inspectErr)
		}
		again, err := meter.Instrument(wasm, meter.Options{})
		if err != nil || !slices.Equal(metered, again) {
			t.Fatal("two passes differ")
		}
		often, err := meter.Instrument(wasm, meter.Options{Interval: 1})
		must(t, err)
		plain := newFuzzWorld(t, wasm, fuelTicks)
		ours := newFuzzWorld(t, metered, fuelTicks)
		ticking := newFuzzWorld(t, often, fuelTicks*meter.Interval)
		// A damaged name section is dropped by the pass and refused by the compiler.
		named := ours.compileErr == nil && bytes.Contains(wasm, []byte("\x04name"))
		if (plain.compileErr == nil) != (ours.compileErr == nil) && !named {
			t.Fatalf("plain: %v, metered: %v", plain.compileErr, ours.compileErr)
		}
		if ours.compileErr == nil && plain.compileErr == nil {
			compareExports(t, plain, ours, ticking)
		}
	})
}

// fuzzWorld is one module in a runtime of its own. Its tick stops the guest when it has come so often.
type fuzzWorld struct {
	r          wazero.Runtime
	compiled   wazero.CompiledModule
	compileErr error
	ticks      int
	mod        api.Module
}

const fuelTicks = 10

func newFuzzWorld(t *testing.T, wasm []byte, most int) *fuzzWorld {
	ctx := context.Background()
	w := &fuzzWorld{r: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(specFeatures).WithDebugInfoEnabled(false).WithMemoryLimitPages(64))}
	t.Cleanup(func() { _ = w.r.Close(ctx) })
	_, err := w.r.NewHostModuleBuilder(meter.TickModule).NewFunctionBuilder().WithFunc(func() {
		if w.ticks++; w.ticks >= most {
			panic("out of fuel")
		}
	}).Export(meter.TickName).Instantiate(ctx)
	must(t, err)
	w.compiled, w.compileErr = w.r.CompileModule(ctx, wasm)
	return w
}

func (w *fuzzWorld) start() (err error) {
	w.mod, err = w.r.InstantiateModule(context.Background(), w.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	return err
}

// compareExports runs the metered module first: only if its fuel lasts is it known that the plain one
// ends.
func compareExports(t *testing.T, plain, ours, ticking *fuzzWorld) {
	if len(plain.compiled.ImportedFunctions()) > 0 {
		return
	}
	errB := ours.start()
	if ours.ticks > 0 {
		return
	}
	errA, errC := plain.start(), ticking.start()
	if (errA == nil) != (errB == nil) || (errA == nil) != (errC == nil) {
		t.Fatalf("instantiate: plain: %v, metered: %v, ticking: %v", errA, errB, errC)
	}
	if errA != nil {
		return
	}
	names := make([]string, 0)
	for name := range plain.compiled.ExportedFunctions() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		args := make([]uint64, 0)
		types := plain.compiled.ExportedFunctions()[name]
		if slices.ContainsFunc(append(types.ParamTypes(), types.ResultTypes()...), func(t api.ValueType) bool { return t < api.ValueTypeF64 }) {
			continue // references and vectors
		}
		for range types.ParamTypes() {
			args = append(args, 7)
		}
		b, errB := ours.mod.ExportedFunction(name).Call(context.Background(), args...)
		if ours.ticks > 0 || errB != nil && strings.Contains(errB.Error(), "stack overflow") {
			return
		}
		a, errA := plain.mod.ExportedFunction(name).Call(context.Background(), args...)
		c, errC := ticking.mod.ExportedFunction(name).Call(context.Background(), args...)
		if errC != nil && strings.Contains(errC.Error(), "stack overflow") {
			return
		}
		if (errA == nil) != (errB == nil) || (errA == nil) != (errC == nil) || !slices.Equal(a, b) || !slices.Equal(a, c) {
			t.Fatalf("%s: plain: %x %v, metered: %x %v, ticking: %x %v", name, a, errA, b, errB, c, errC)
		}
	}
}
