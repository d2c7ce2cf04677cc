package runtime_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	extism "github.com/extism/go-sdk"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/tetratelabs/wazero"
)

// conformance cases run under this runtime and under the stock Extism host. Both answer the same
// bytes, or both fail.
var conformance = []struct {
	name  string
	guest func(t testing.TB) []byte
	calls []struct{ export, in string }
}{
	{"go-extism-tool", func(t testing.TB) []byte { return goGuest(t, toolPkg) }, []struct{ export, in string }{
		{"tool_invoke", `{"name":"count_words","args":{"text":"one two\nthree"}}`},
		{"tool_invoke", `{"name":"count_words","args":{"text":"` + strings.Repeat("слово ", 50_000) + `"}}`},
		{"tool_invoke", `{"name":"other"}`},
		{"tool_invoke", `{`},
		{"tool_invoke", ``},
		{"nothing", ``},
	}},
	{"kitchen", func(t testing.TB) []byte { return goGuest(t, kitchen) }, []struct{ export, in string }{
		{"noop", ""},
		{"noop", "ignored"},
		{"void", ""},
		{"echo", ""},
		{"echo", "1234567"},
		{"echo", "12345678"},
		{"echo", "123456789"},
		{"echo", strings.Repeat("abc", 1<<20)},
		{"json", `{"id":"1","text":"hi","tags":["x"],"count":-1}`},
		{"json", `nonsense`},
		{"config", "city"},
		{"config", "country"},
		{"vars", ""},
		{"vars", ""},
		{"count", ""},
		{"count", ""},
		{"greet_call", `{"name":"Ada"}`},
		{"greet_call", strings.Repeat("x", 100_001)},
		{"fib", "15"},
		{"fail", "why"},
		{"noop", ""},
		{"quiet_fail", ""},
		{"exits", ""},
	}},
	{"hand-written", func(testing.TB) []byte { return memoryGuest() }, []struct{ export, in string }{
		{"copy", ""},
		{"copy", "a"},
		{"copy", "eight by"},
		{"copy", strings.Repeat("0123456789", 1000)},
		{"lengths", "whatever"},
		{"reuse", ""},
		{"fail", "text of the error"},
	}},
}

// memoryGuest exercises the memory functions one by one.
func memoryGuest() []byte {
	b := &builder{}
	ii, i := op(i64, i64), op(i64)
	alloc, free := env(b, "alloc", i, i), env(b, "free", i, nil)
	length, unsafe := env(b, "length", i, i), env(b, "length_unsafe", i, i)
	inputLen, input8 := env(b, "input_length", nil, i), env(b, "input_load_u8", i, op(i32))
	load8, store8 := env(b, "load_u8", i, op(i32)), env(b, "store_u8", op(i64, i32), nil)
	store, load := env(b, "store_u64", ii, nil), env(b, "load_u64", i, i)
	output, fail := env(b, "output_set", ii, nil), env(b, "error_set", i, nil)
	b.mem(1)
	block := op(0x02, 0x40)
	// copy: byte by byte from the input into a new block; local 0 offset, 1 index
	b.fn("copy", nil, op(i32), op(i64, i64),
		call(inputLen), call(alloc), set(0),
		block, op(0x03, 0x40), get(1), call(inputLen), op(0x5a, 0x0d, 1),
		get(0), get(1), op(0x7c), get(1), call(input8), call(store8),
		get(1), ci64(1), op(0x7c), set(1), op(0x0c, 0, 0x0b, 0x0b),
		get(0), call(inputLen), call(output), ci32(0))
	// lengths: the lengths of blocks, of freed ones and of what is none, as words
	word := func(at int64, value ...[]byte) []byte {
		return cat(get(0), ci64(at), op(0x7c), cat(value...), call(store))
	}
	b.fn("lengths", nil, op(i32), op(i64, i64),
		ci64(64), call(alloc), set(0), ci64(77), call(alloc), set(1),
		word(0, get(1), call(length)), word(8, get(1), call(unsafe)), word(16, ci64(0), call(length)),
		word(24, ci64(0), call(alloc)),
		get(1), call(free), word(32, get(1), call(length)),
		word(40, get(0), ci64(8), op(0x7c), call(load)),
		get(0), ci64(48), op(0x7c), get(0), call(load8), op(0xad), call(store),
		get(0), ci64(56), call(output), ci32(0))
	// reuse: 20,000 blocks of 4 KB, each freed at once; local 0 count, 1 offset
	b.fn("reuse", nil, op(i32), op(i64, i64),
		op(0x03, 0x40), ci64(4096), call(alloc), tee(1), op(0x50, 0x04, 0x40, 0x00, 0x0b), get(1), call(free),
		get(0), ci64(1), op(0x7c), tee(0), ci64(20_000), op(0x54, 0x0d, 0, 0x0b), ci32(0))
	b.fn("fail", nil, op(i32), op(i64),
		ci64(16), call(alloc), tee(0), ci64(0x6f6f6f6f6f6f6f6f), call(store), get(0), ci64(8), op(0x7c), ci64(0x6f6f6f6f6f6f6f6f), call(store),
		get(0), call(fail), ci32(1))
	return b.bytes()
}

// TestConformanceOfOtherPDKs runs guests that the stock host's own tests come with: Rust, C, TinyGo and
// Haskell, each with its language's unmodified PDK.
func TestConformanceOfOtherPDKs(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	dir := filepath.Join(moduleDir(t, "github.com/extism/go-sdk"), "wasm")
	config := map[string]string{"thing": "this is a really important thing", "greeting": "Howdy", "key": "value"}
	for file, export := range map[string]string{
		"config": "run_test", "count_vowels": "count_vowels", "count_vowels_std": "_start", "exit": "_start",
		"fail": "run_test", "hello": "run_test", "hello_haskell": "testing", "log": "run_test", "input_offset": "input_offset_length",
		"noop": "run_test", "println": "run_test", "var": "run_test",
	} {
		t.Run(file, func(t *testing.T) {
			wasm, err := os.ReadFile(filepath.Join(dir, file+".wasm"))
			if err != nil {
				t.Fatal(err)
			}
			stock := stockHost(t, wasm, config)
			ours := newPool(t, e, wasm, runtime.Spec{Mode: runtime.Warm, Config: config})
			for _, in := range []string{"", "hello world", strings.Repeat("aeiou xyz ", 5000)} {
				rc, want, wantErr := stock.Call(export, []byte(in))
				got, err := ours.Call(context.Background(), export, []byte(in))
				if (wantErr != nil || rc != 0) != (err != nil) || err == nil && string(got) != string(want) {
					t.Errorf("%.20q:\n ours  %.80q, %v\n stock %.80q, rc %d, %v", in, got, err, want, rc, wantErr)
				}
				if strings.HasSuffix(export, "_start") {
					break // a command runs once
				}
			}
		})
	}
}

func greeting(in []byte) []byte {
	return []byte(`{"greeting":"hello","length":` + string(rune('0'+len(in)%10)) + `}`)
}

// stockHost is a plugin under extism/go-sdk, called with the same envelope.
func stockHost(t testing.TB, wasm []byte, config map[string]string) *extism.Plugin {
	t.Helper()
	user := func(name string, f func(in []byte) []byte) extism.HostFunction {
		h := extism.NewHostFunctionWithStack(name, func(_ context.Context, p *extism.CurrentPlugin, stack []uint64) {
			in, err := p.ReadBytes(stack[0])
			if err != nil {
				panic(err)
			}
			if stack[0], err = p.WriteBytes(f(in)); err != nil {
				panic(err)
			}
		}, []extism.ValueType{extism.ValueTypePTR}, []extism.ValueType{extism.ValueTypePTR})
		h.SetNamespace("extism:host/user")
		return h
	}
	functions := []extism.HostFunction{
		user("greet", func(in []byte) []byte { return []byte(`{"ok":` + string(greeting(in)) + `}`) }),
		user("ungranted", func([]byte) []byte { return []byte(`{"error":{}}`) }),
	}
	p, err := extism.NewPlugin(context.Background(), extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: wasm}}, Config: config},
		extism.PluginConfig{EnableWasi: true, RuntimeConfig: wazero.NewRuntimeConfig().WithCoreFeatures(specFeatures)}, functions)
	if err != nil {
		t.Fatalf("stock host: %v", err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	return p
}

func TestConformanceWithStockHost(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	config := map[string]string{"city": "Kyiv"}
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) {
			wasm := c.guest(t)
			stock := stockHost(t, wasm, config)
			ours := newPool(t, e, wasm, runtime.Spec{Mode: runtime.Warm, Config: config, Functions: map[string]runtime.HostFunc{
				"greet": func(_ context.Context, in []byte) ([]byte, error) { return greeting(in), nil }}})
			for _, call := range c.calls {
				rc, want, wantErr := stock.Call(call.export, []byte(call.in))
				failed := wantErr != nil || rc != 0
				got, err := ours.Call(context.Background(), call.export, []byte(call.in))
				if failed != (err != nil) || !failed && string(got) != string(want) {
					t.Errorf("%s(%.40q):\n ours  %.80q, %v\n stock %.80q, rc %d, %v", call.export, call.in, got, err, want, rc, wantErr)
				}
				if wantErr != nil && err != nil && len(wantErr.Error()) < 200 && wantErr.Error()[0] != '{' &&
					!strings.Contains(err.Error(), wantErr.Error()) {
					t.Logf("%s(%.40q): ours %q, stock %q", call.export, call.in, err, wantErr)
				}
			}
		})
	}
}
