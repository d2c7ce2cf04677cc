package runtime_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// echoWASM is a plugin written by hand, in WebAssembly's text format:
//
//	(import "extism:host/env" "input_length" (func $length (result i64)))
//	(import "carapace:host/memory" "input" (func $input (param i32 i32)))
//	(import "carapace:host/memory" "output" (func $output (param i32 i32)))
//	(memory (export "memory") 1)
//	(func (export "echo") (result i32)
//	  (call $input (i32.const 64) (i32.wrap_i64 (call $length)))
//	  (call $output (i32.const 64) (i32.wrap_i64 (call $length)))
//	  (i32.const 0))
//	(func (export "spin") (result i32) (loop (br 0)) (i32.const 0))
func echoWASM() []byte {
	b := &builder{}
	length := b.imp("extism:host/env", "input_length", nil, op(i64))
	input := b.imp("carapace:host/memory", "input", op(i32, i32), nil)
	output := b.imp("carapace:host/memory", "output", op(i32, i32), nil)
	b.mem(1)
	b.fn("echo", nil, op(i32), nil,
		ci32(64), call(length), op(0xa7), call(input),
		ci32(64), call(length), op(0xa7), call(output), ci32(0))
	b.fn("spin", nil, op(i32), nil, loop(), ci32(0))
	return b.bytes()
}

// load names a module by its content, so that all who load it share its machine code.
func load(e *runtime.Engine, name string, wasm []byte) *runtime.Module {
	sum := sha256.Sum256(wasm)
	return e.Load(runtime.Source{Name: name, Hash: hex.EncodeToString(sum[:]), Open: func() ([]byte, error) { return wasm, nil }})
}

// An engine loads a module, a pool calls it as one plugin.
func Example() {
	ctx := context.Background()
	engine, err := runtime.New(ctx, runtime.Config{}) // with a CacheDir, a module is compiled once per machine
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close(ctx)

	module := load(engine, "echo.wasm", echoWASM())
	defer module.Release()
	pool := module.Pool(runtime.Spec{Plugin: "echo", Mode: runtime.Warm})
	defer pool.Close(ctx)

	out, err := pool.Call(ctx, "echo", []byte("hello"))
	fmt.Printf("%s %v\n", out, err)
	_, err = pool.Call(ctx, "sing", nil)
	fmt.Println(wit.CodeOf(err), "-", err)
	fmt.Println("instances made:", pool.Stats().Instances)
	// Output:
	// hello <nil>
	// not_found - plugin echo has no export sing
	// instances made: 1
}

// A guest that never returns costs its call and its instance. The next call gets a new one.
func ExamplePool_Call_deadline() {
	ctx := context.Background()
	engine, err := runtime.New(ctx, runtime.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close(ctx)
	module := load(engine, "echo.wasm", echoWASM())
	defer module.Release()
	pool := module.Pool(runtime.Spec{Plugin: "echo", Mode: runtime.Warm, Limits: runtime.Limits{Deadline: 50 * time.Millisecond}})
	defer pool.Close(ctx)

	_, err = pool.Call(ctx, "spin", nil)
	fmt.Println(wit.CodeOf(err), "-", err)
	out, err := pool.Call(ctx, "echo", []byte("still here"))
	fmt.Printf("%s %v\n", out, err)
	// Output:
	// timeout - plugin echo: spin did not answer within 50ms
	// still here <nil>
}

// Inspect reads what a module imports and exports without compiling it.
func ExampleInspect() {
	info, err := runtime.Inspect(echoWASM())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range info.Imports {
		fmt.Println("needs", i.Module, i.Name)
	}
	for _, e := range info.Exports {
		fmt.Println("has", e.Kind, e.Name)
	}
	_, err = runtime.Inspect([]byte("not a module"))
	fmt.Println(wit.CodeOf(err))
	// Output:
	// needs extism:host/env input_length
	// needs carapace:host/memory input
	// needs carapace:host/memory output
	// has memory memory
	// has func echo
	// has func spin
	// invalid
}
