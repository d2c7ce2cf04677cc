// Package quickjs speaks to the JavaScript interpreter QuickJS as the npm package quickjs-wasi builds it: a WebAssembly
// module with no start but _initialize, whose exports take and give handles of JavaScript values. Facts about it are
// from that package's declarations, version 3.7.
//
// A VM belongs to one instance of the module and, like it, is used by one goroutine at a time.
package quickjs

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/tetratelabs/wazero/api"
)

// VM is one interpreter. Its methods return Exception for what a script threw, and the engine's own error for a
// trap, after which the instance is of no use.
type VM struct {
	ctx       context.Context
	module    api.Module
	functions map[string]api.Function
	stack     [4]uint64
	scratch   uint32 // of the module's memory, scratchBytes long
	global    uint32

	// Handles that are kept, since a call is so short that to make and release them takes as long: functions of the global
	// object, and short texts that calls begin with, each by its name.
	called, texts map[string]uint32
	undefined     uint32
	buffer        uint32 // for texts on their way in, bufferBytes long; 0 before the first

	rejections []rejection
}

// Bounds of what is kept.
const (
	bufferBytes  = 16 << 10
	maxTexts     = 64
	maxTextBytes = 32
)

// scratchBytes is room for the handles of a call's arguments, and behind them for a length.
const (
	lengthAt     = 4 * maxArguments
	scratchBytes = lengthAt + 4
)

// maxArguments is how many texts a call passes.
const maxArguments = 4

// maxStack is how many bytes of the module's stack, which has 1 MiB, scripts may use. A script that needs more gets an
// error. What is left is for the interpreter's own functions, which do not look.
const maxStack = 640 << 10

// Exception is what a script threw.
type Exception struct {
	// Message is its text, such as "TypeError: not a function".
	Message string
	// Stack has a line for each function that was being called, the innermost first.
	Stack string
}

// Error implements error.
func (e *Exception) Error() string { return e.Message }

// failed is the engine's error of a call, on its way up to a method of VM.
type failed struct{ err error }

// New initializes the interpreter. ctx is passed with each call into the module.
func New(ctx context.Context, module api.Module) (vm *VM, err error) {
	defer caught(&err)
	vm = &VM{ctx: ctx, module: module, functions: map[string]api.Function{}}
	if vm.call("qjs_init") != 0 {
		return nil, errors.New("the interpreter cannot be initialized")
	}
	vm.call("qjs_set_max_stack_size", maxStack)
	vm.call("qjs_set_promise_rejection_handler", 1)
	vm.call("qjs_set_interrupt_handler", 1)
	vm.scratch = vm.allocate(scratchBytes)
	vm.global = vm.call("qjs_get_global")
	return vm, nil
}

// Snapshot is an interpreter at a moment: all of its memory, and what the module keeps beside it. It is read only, and holds
// for instances of the same module.
type Snapshot struct {
	memory           []byte
	size             uint32 // of the memory, of which the rest is zero
	stack            uint64
	runtime, context uint32
	scratch, global  uint32
}

// stackPointer is the module's exported global that says where its stack ends.
const stackPointer = "__stack_pointer"

// Snapshot copies the interpreter as it is, when no call into it is under way.
func (vm *VM) Snapshot() (s *Snapshot, err error) {
	defer caught(&err)
	s = &Snapshot{size: vm.memory().Size(), stack: vm.stackPointer().Get(), scratch: vm.scratch, global: vm.global}
	s.runtime, s.context = vm.call("qjs_get_runtime_ptr"), vm.call("qjs_get_context_ptr")
	all, ok := vm.memory().Read(0, s.size)
	if !ok {
		return nil, errOutside
	}
	s.memory = bytes.Clone(bytes.TrimRight(all, "\x00"))
	return s, nil
}

// Restore makes a new instance of the module, nothing of which has run, the interpreter of a snapshot.
func Restore(ctx context.Context, module api.Module, s *Snapshot) (vm *VM, err error) {
	defer caught(&err)
	vm = &VM{ctx: ctx, module: module, functions: map[string]api.Function{}, scratch: s.scratch, global: s.global}
	m := vm.memory()
	if more := (int64(s.size) - int64(m.Size())) / page; more > 0 {
		if _, ok := m.Grow(uint32(more)); !ok {
			return nil, errMemory
		}
	}
	if !m.Write(0, s.memory) {
		return nil, errOutside
	}
	if rest, ok := m.Read(uint32(len(s.memory)), min(m.Size(), s.size)-uint32(len(s.memory))); ok {
		clear(rest) // the module's own data may lie there
	}
	vm.stackPointer().Set(s.stack)
	vm.call("qjs_set_runtime_and_context", uint64(s.runtime), uint64(s.context))
	return vm, nil
}

// page is how much memory grows by.
const page = 64 << 10

func (vm *VM) stackPointer() api.MutableGlobal {
	g, ok := vm.module.ExportedGlobal(stackPointer).(api.MutableGlobal)
	if !ok {
		panic(failed{errors.New("the interpreter has no export " + stackPointer)})
	}
	return g
}

// Define gives the global object a function, which HostCall is the answer to.
func (vm *VM) Define(name string) (err error) {
	defer caught(&err)
	text := vm.text(name)
	defer vm.free(text)
	fn := vm.call("qjs_new_host_function", uint64(text), uint64(len(name)), 0)
	defer vm.release(fn)
	if vm.call("qjs_is_exception", uint64(fn)) != 0 || int32(vm.call("qjs_set_prop_string", uint64(vm.global), uint64(text), uint64(fn))) < 0 {
		return vm.exception()
	}
	return nil
}

// Run runs a script, which is called file in stacks.
func (vm *VM) Run(file, script string) (err error) {
	defer caught(&err)
	code, name := vm.text(script), vm.text(file)
	defer vm.free(name)
	defer vm.free(code)
	return vm.discard(vm.call("qjs_eval", uint64(code), uint64(len(script)), uint64(name), 0))
}

// Call calls a function of the global object with texts, at most four. ok is false if it does not return a text.
func (vm *VM) Call(name string, args ...string) (out string, ok bool, err error) {
	defer caught(&err)
	fn := vm.function(name)
	for n, arg := range args {
		h, kept := vm.argument(arg)
		if !kept {
			defer vm.release(h)
		}
		if !vm.memory().WriteUint32Le(vm.scratch+uint32(4*n), h) {
			return "", false, errOutside
		}
	}
	result := vm.call("qjs_call", uint64(fn), uint64(vm.undefined), uint64(len(args)), uint64(vm.scratch))
	defer vm.release(result)
	if out, ok = vm.textOf(result); ok {
		return out, true, nil
	}
	if vm.call("qjs_is_exception", uint64(result)) != 0 {
		return "", false, vm.exception()
	}
	return "", false, nil
}

// function is a function of the global object, which has to stay what it is when it was called first.
func (vm *VM) function(name string) uint32 {
	if fn, ok := vm.called[name]; ok {
		return fn
	}
	if vm.called == nil {
		vm.called, vm.undefined = map[string]uint32{}, vm.call("qjs_get_undefined")
	}
	key := vm.text(name)
	defer vm.free(key)
	fn := vm.call("qjs_get_prop_string", uint64(vm.global), uint64(key))
	vm.called[name] = fn
	return fn
}

// argument makes a text of the script's, or finds it kept.
func (vm *VM) argument(s string) (handle uint32, kept bool) {
	if len(s) > maxTextBytes {
		return vm.string(s), false
	}
	if h, ok := vm.texts[s]; ok {
		return h, true
	}
	h := vm.string(s)
	if len(vm.texts) >= maxTexts {
		return h, false
	}
	if vm.texts == nil {
		vm.texts = map[string]uint32{}
	}
	vm.texts[s] = h
	return h, true
}

// Jobs runs what settled promises have left to do, until nothing is left.
func (vm *VM) Jobs() (err error) {
	defer caught(&err)
	for vm.call("qjs_is_job_pending") != 0 {
		if int32(vm.call("qjs_execute_pending_job")) < 0 {
			return vm.exception()
		}
	}
	return nil
}

// HostCall answers a call of a defined function from a script: it passes the arguments, which have to be texts, to answer
// and returns the handle of its text, or 0 having thrown its error. argc and argv are what the module passed.
func (vm *VM) HostCall(argc, argv uint32, answer func(args []string) (string, error)) uint64 {
	args, err := vm.arguments(argc, argv)
	var out string
	if err == nil {
		out, err = answer(args)
	}
	if err == nil {
		return uint64(vm.string(out))
	}
	thrown := vm.call("qjs_new_error")
	vm.set(thrown, "message", err.Error())
	vm.release(vm.call("qjs_throw", uint64(thrown)))
	vm.release(thrown)
	return 0
}

var (
	errOutside   = errors.New("the interpreter points outside of its memory")
	errArguments = errors.New("the host takes texts, at most four")
)

// arguments reads the texts of a call. Only what is a text is read: to make one of something else runs code of the script.
func (vm *VM) arguments(argc, argv uint32) ([]string, error) {
	if argc > maxArguments {
		return nil, errArguments
	}
	args := make([]string, argc)
	for n := range args {
		handle, ok := vm.memory().ReadUint32Le(argv + uint32(4*n))
		if !ok {
			panic(failed{errOutside})
		}
		if args[n], ok = vm.textOf(handle); !ok {
			return nil, errArguments
		}
	}
	return args, nil
}

// Trapped reports whether what was recovered from a panic is a call into the module that failed inside of HostCall.
func Trapped(recovered any) (error, bool) {
	f, ok := recovered.(failed)
	return f.err, ok
}

// caught turns the panic of a call that failed into an error.
func caught(err *error) {
	switch r := recover().(type) {
	case nil:
	case failed:
		*err = r.err
	default:
		panic(r)
	}
}

// call calls an export of the module, which returns a number or nothing.
func (vm *VM) call(name string, args ...uint64) uint32 {
	fn := vm.functions[name]
	if fn == nil {
		if fn = vm.module.ExportedFunction(name); fn == nil {
			panic(failed{errors.New("the interpreter has no export " + name)})
		}
		vm.functions[name] = fn
	}
	stack := vm.stack[:]
	stack[0] = 0
	copy(stack, args)
	if err := fn.CallWithStack(vm.ctx, stack); err != nil {
		panic(failed{err})
	}
	return uint32(stack[0])
}

// string makes a text of the script's.
func (vm *VM) string(s string) uint32 {
	if len(s) < bufferBytes {
		if vm.buffer == 0 {
			vm.buffer = vm.allocate(bufferBytes)
		}
		if !vm.memory().WriteString(vm.buffer, s) {
			panic(failed{errOutside})
		}
		return vm.call("qjs_new_string", uint64(vm.buffer), uint64(len(s)))
	}
	at := vm.text(s)
	defer vm.free(at)
	return vm.call("qjs_new_string", uint64(at), uint64(len(s)))
}

// textOf is the text that a handle stands for, if it is one. What is no Unicode in it is replaced.
func (vm *VM) textOf(handle uint32) (string, bool) {
	if vm.call("qjs_is_string", uint64(handle)) == 0 {
		return "", false
	}
	at := vm.call("qjs_get_string_len", uint64(handle), uint64(vm.scratch+lengthAt))
	if at == 0 {
		panic(failed{errMemory})
	}
	defer vm.call("qjs_free_cstring", uint64(at))
	n, ok := vm.memory().ReadUint32Le(vm.scratch + lengthAt)
	if !ok {
		panic(failed{errOutside})
	}
	b, ok := vm.memory().Read(at, n)
	if !ok {
		panic(failed{errOutside})
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), true
}

// set sets a property to a text.
func (vm *VM) set(object uint32, key, value string) {
	at, text := vm.text(key), vm.string(value)
	vm.call("qjs_set_prop_string", uint64(object), uint64(at), uint64(text))
	vm.free(at)
	vm.release(text)
}

// exception takes what was thrown.
func (vm *VM) exception() error {
	thrown := vm.call("qjs_get_exception")
	defer vm.release(thrown)
	return vm.describe(thrown)
}

// describe says what a value is that was thrown.
func (vm *VM) describe(thrown uint32) *Exception {
	e := &Exception{Stack: vm.property(thrown, "stack")}
	name, message := vm.property(thrown, "name"), vm.property(thrown, "message")
	switch {
	case name != "" && message != "":
		e.Message = name + ": " + message
	case message != "":
		e.Message = message
	default:
		if e.Message, _ = vm.textOf(thrown); e.Message == "" {
			e.Message = "the script threw something that is no error"
		}
	}
	return e
}

// property is a property that is a text, or "".
func (vm *VM) property(object uint32, key string) string {
	at := vm.text(key)
	defer vm.free(at)
	value := vm.call("qjs_get_prop_string", uint64(object), uint64(at))
	defer vm.release(value)
	if vm.call("qjs_is_exception", uint64(value)) != 0 {
		vm.release(vm.call("qjs_get_exception"))
		return ""
	}
	text, _ := vm.textOf(value)
	return text
}

// discard ends a result that nobody needs.
func (vm *VM) discard(result uint32) error {
	defer vm.release(result)
	if vm.call("qjs_is_exception", uint64(result)) != 0 {
		return vm.exception()
	}
	return nil
}

var errMemory = errors.New("the interpreter is out of memory")

// text writes a text with a zero byte behind it into the module's memory; free gives it back.
func (vm *VM) text(s string) uint32 {
	at := vm.allocate(uint32(len(s)) + 1)
	m := vm.memory()
	if !m.WriteString(at, s) || !m.WriteByte(at+uint32(len(s)), 0) {
		panic(failed{errOutside})
	}
	return at
}

func (vm *VM) allocate(n uint32) uint32 {
	at := vm.call("wasm_malloc", uint64(n))
	if at == 0 {
		panic(failed{errMemory})
	}
	return at
}

func (vm *VM) free(at uint32)        { vm.call("wasm_free", uint64(at)) }
func (vm *VM) release(handle uint32) { vm.call("qjs_free_value", uint64(handle)) }
func (vm *VM) memory() api.Memory    { return vm.module.Memory() }
