package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/carapace-gateway/carapace/kernel/runtime/exchange"
	"github.com/carapace-gateway/carapace/kernel/runtime/memory"
	"github.com/carapace-gateway/carapace/kernel/runtime/quickjs"
	"github.com/carapace-gateway/carapace/wit"
)

// instance is one guest with its exchange memory. It serves one call at a time; only the goroutine that took it
// from the pool touches it. It does not know the pool.
//
// It is also the context that is passed through wazero, so that a host function finds its instance with a type
// assertion instead of a search, and nothing is allocated per call.
type instance struct {
	plugin   *plugin
	guest    api.Module
	memory   *memory.Linear // nil if the guest has none
	peer     api.Module     // the exchange module
	pages    *memory.Linear // of the exchange module
	exchange *exchange.Memory
	exports  map[string]*export
	base     context.Context // answers wazero's keys while instantiating
	vars     variables
	direct   bool        // the guest takes its input straight from the host
	script   *quickjs.VM // of a guest that runs scripts
	program  *program    // of a guest that is a command
	calls    int64
	starting int64 // nanoseconds of processor time that it took to start

	room *account
	call call // the one being served
}

// export is a guest's function, ready to be called.
type export struct {
	fn      api.Function
	calls   stack
	results int
}

type instanceKey struct{}

// Deadline implements context.Context.
func (i *instance) Deadline() (time.Time, bool) {
	return i.plugin.clock.time(i.call.deadline), i.call.deadline != 0
}

// Done implements context.Context.
func (i *instance) Done() <-chan struct{} { return i.call.ctx.Done() }

// Err implements context.Context.
func (i *instance) Err() error { return i.call.ctx.Err() }

// Value implements context.Context. The caller's values are not for the engine: it looks for its own keys on
// every call.
func (i *instance) Value(key any) any {
	if _, ok := key.(instanceKey); ok {
		return i
	}
	if i.base != nil {
		return i.base.Value(key)
	}
	return nil
}

// instanceOf finds the instance whose guest called a host function.
func instanceOf(ctx context.Context) *instance {
	if i, ok := ctx.(*instance); ok {
		return i
	}
	return ctx.Value(instanceKey{}).(*instance)
}

// begin makes the instance ready for a call.
func (i *instance) begin(ctx context.Context, export string) {
	i.calls++
	i.room.refused = ""
	i.call.begin(ctx, i.plugin, i.room, export, i.calls == 1 || i.plugin.spec.Mode == Fresh)
}

// serve calls an export with in and returns a copy of its output, and what that cost. A broken instance must be
// discarded. aside is set where the goroutine ends with the call. t, which may be nil, gets what the call did.
func (i *instance) serve(ctx context.Context, export string, in []byte, t *Trace, aside bool) ([]byte, usage, error) {
	i.begin(ctx, export)
	i.call.turn.aside, i.call.trace = aside && i.program == nil, t // whose thread does not end with the call
	var began int64
	if t != nil {
		began = i.plugin.clock.now()
	}
	out, broken, err := i.invoke(export, in)
	u := i.call.usage()
	if t != nil {
		t.used(i.plugin.clock.now()-began, u, i)
	}
	if u.broken = broken; !broken && i.program == nil && (u.ticks > 0 || i.calls%lookEvery == 0) {
		i.trimStack(export)
	}
	i.call.end()
	return out, u, err
}

func (i *instance) invoke(name string, in []byte) (out []byte, broken bool, err error) {
	switch {
	case i.script != nil:
		return i.interpret(name, in)
	case i.program != nil:
		return i.perform(name, in)
	}
	x, err := i.export(name)
	if err != nil {
		return nil, false, err
	}
	c := &i.call
	i.exchange.Reset()
	c.in = in
	if err := i.exchange.SetInput(in, i.direct); err != nil {
		return nil, false, err
	}
	c.stack[0] = 0
	c.running = &x.calls
	if err := x.fn.CallWithStack(i, c.stack[:]); err != nil {
		if exit := (*sys.ExitError)(nil); c.halt != nil || !errors.As(err, &exit) || exit.ExitCode() != 0 {
			return nil, true, i.failure(err)
		}
		broken = true // exit(0) is success, and the end of the instance
	}
	c.flush()
	var rc uint32
	if x.results == 1 {
		rc = uint32(c.stack[0])
	}
	if err := i.guestError(rc); err != nil {
		return nil, broken, i.call.fault(err)
	}
	if out, err = i.exchange.Output(i.plugin.limits.OutputBytes); out == nil && err == nil {
		out = c.answer
	}
	return out, broken, err
}

// export finds a function that the host may call: one that takes nothing and returns nothing or an i32.
func (i *instance) export(name string) (*export, error) {
	if x := i.exports[name]; x != nil {
		return x, nil
	}
	fn := i.guest.ExportedFunction(name)
	if fn == nil {
		return nil, wit.Errorf(wit.CodeNotFound, "plugin %s has no export %s", i.plugin.spec.Plugin, name)
	}
	params, results := fn.Definition().ParamTypes(), fn.Definition().ResultTypes()
	if len(params) != 0 || len(results) > 1 || len(results) == 1 && results[0] != api.ValueTypeI32 {
		return nil, wit.Errorf(wit.CodeInvalid, "plugin %s: export %s must take nothing and return an i32", i.plugin.spec.Plugin, name)
	}
	x := &export{fn: fn, results: len(results), calls: stackOf(fn)}
	i.exports[name] = x
	return x, nil
}

// initialize runs a guest's start function and what its toolchain wants run before anything else: a reactor's
// _initialize or a command's constructors, and then, for Haskell, hs_init.
func (i *instance) initialize() error {
	if _, err := i.start(startExport, 0); err != nil {
		return err
	}
	done, err := i.start("_initialize", 0)
	if !done && err == nil {
		_, err = i.start("__wasm_call_ctors", 0)
	}
	if err == nil {
		_, err = i.start("hs_init", 2)
	}
	return err
}

// start calls an export of that many i32 parameters, zero each, if the guest has it.
func (i *instance) start(name string, params int) (done bool, err error) {
	stack := &i.call.stack
	fn := i.guest.ExportedFunction(name)
	if fn == nil || len(fn.Definition().ParamTypes()) != params || len(fn.Definition().ResultTypes()) > len(stack) {
		return false, nil
	}
	*stack = [2]uint64{}
	calls := stackOf(fn)
	i.call.running = &calls
	defer func() { i.room.resize(&calls.counted, 0) }()
	if err := fn.CallWithStack(i, stack[:]); err != nil {
		return true, i.failure(err)
	}
	return true, nil
}

// guestError returns the error that the guest reported, nil if it reported none.
func (i *instance) guestError(rc uint32) error {
	off := i.exchange.Failure()
	if rc == 0 && off == 0 {
		return nil
	}
	text, err := i.exchange.View(off, i.plugin.limits.OutputBytes, "error")
	if err != nil {
		return err
	}
	if rc == 0 && len(text) == 0 {
		return nil
	}
	if e := parseError(text); e != nil {
		return e
	}
	if len(text) == 0 {
		return &Uncoded{wit.Errorf(wit.CodeUnavailable, "plugin %s: %s failed with code %d", i.plugin.spec.Plugin, i.call.export, int32(rc))}
	}
	return &Uncoded{wit.Errorf(wit.CodeUnavailable, "plugin %s: %s: %s", i.plugin.spec.Plugin, i.call.export, clip(string(text), maxLogLine))}
}

// maxErrorJSON is how long an error with a code may be.
const maxErrorJSON = 64 << 10

// parseError reads text as an error with a code from the list; anything else is not one.
func parseError(text []byte) *wit.Error {
	if len(text) == 0 || text[0] != '{' || len(text) > maxErrorJSON {
		return nil
	}
	e := &wit.Error{}
	if json.Unmarshal(text, e) != nil || !e.Code.Valid() {
		return nil
	}
	return e
}

// failure turns what ended a guest into an error with a code.
func (i *instance) failure(err error) error {
	c, p := &i.call, i.plugin
	c.flush()
	if c.halt != nil {
		if c.blameless() {
			return c.halt
		}
		return c.crash(c.halt, err)
	}
	p.log.Debug("guest failed", "plugin", p.spec.Plugin, "export", c.export, "error", err)
	return c.crash(i.trap(err), err)
}

// trap says what ended a guest that the host did not stop.
func (i *instance) trap(err error) error {
	c, p := &i.call, i.plugin
	if exit := (*sys.ExitError)(nil); errors.As(err, &exit) {
		return wit.Errorf(wit.CodeUnavailable, "plugin %s: %s exited with code %d%s", p.spec.Plugin, c.export, exit.ExitCode(), c.reason())
	}
	trap, _, _ := strings.Cut(err.Error(), "\n")
	trap = strings.TrimPrefix(trap, "wasm error: ")
	return wit.Errorf(wit.CodeUnavailable, "plugin %s: %s trapped: %s%s", p.spec.Plugin, c.export, clip(trap, 256), c.reason())
}

// bloated says that an instance is better replaced than kept: its memory, which cannot shrink, is nearly used
// up. A single instance is kept, for it holds what its plugin remembers. What a large call left of exchange
// memory is given back here.
func (i *instance) bloated() bool {
	i.exchange.Trim()
	return i.memory != nil && i.plugin.spec.Mode == Warm && i.memory.Size() > i.memory.Limit()/4*3
}

// close gives back everything. The guest may have been stopped anywhere, or never have started.
func (i *instance) close() {
	background := context.Background()
	if i.program != nil {
		i.program.stop()
	}
	if i.guest != nil {
		_ = i.guest.Close(background)
	}
	if i.memory != nil {
		i.memory.Free()
	}
	if i.peer != nil {
		_ = i.peer.Close(background)
	}
	if i.pages != nil {
		i.pages.Free()
	}
}
