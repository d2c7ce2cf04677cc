package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strconv"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// maxUserFunctions is how many different host functions one module may import.
const maxUserFunctions = 128

// instantiateUser makes the module that answers extism:host/user. Its functions are numbered; the
// meter writes the number of a name into each module, and the module's list turns it back, so one
// host module serves all guests.
func instantiateUser(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(userModule)
	for n := range maxUserFunctions {
		b.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
			instanceOf(ctx).user(n, stack)
		}), i64s(1), i64s(1)).Export(strconv.Itoa(n))
	}
	_, err := b.Instantiate(ctx)
	return err
}

// user calls the host function that this guest knows under number n.
func (i *instance) user(n int, stack []uint64) {
	p := i.pool
	if n >= len(p.functions) {
		i.stop(wit.Errorf(wit.CodeInternal, "plugin %s calls host function %d of %d", p.spec.Plugin, n, len(p.functions)))
	}
	f := &p.functions[n]
	if f.call == nil {
		i.check()
		stack[0] = i.putOrStop(f.refusal)
		return
	}
	in := bytes.Clone(i.viewed(stack[0], p.limits.OutputBytes, "argument of "+f.name))
	var out []byte
	var err error
	i.host(func(ctx context.Context) {
		defer i.recovered(&err)
		out, err = f.call(ctx, in)
	})
	if err != nil {
		stack[0] = i.putOrStop(errorEnvelope(i.visible(f.name, err)))
		return
	}
	stack[0] = i.okEnvelope(out)
}

// okEnvelope writes {"ok":…} around JSON without an intermediate copy.
func (i *instance) okEnvelope(out []byte) uint64 {
	const head = `{"ok":`
	if len(out) == 0 {
		out = []byte("null")
	}
	off, dst, err := i.block(len(head) + len(out) + 1)
	must(i, off, err)
	n := copy(dst, head)
	n += copy(dst[n:], out)
	dst[n] = '}'
	return off
}

func errorEnvelope(e *wit.Error) []byte {
	b, err := json.Marshal(struct {
		Error *wit.Error `json:"error"`
	}{e})
	if err != nil {
		return []byte(`{"error":{"code":"internal","message":"internal error"}}`)
	}
	return b
}

// visible is err as the guest may see it: what has no code is logged in full and shown as internal.
func (i *instance) visible(function string, err error) *wit.Error {
	if wit.CodeOf(err) != wit.CodeInternal {
		return wit.AsError(err)
	}
	i.pool.engine.log.Error("host function failed", "plugin", i.pool.spec.Plugin, "function", function, "error", err)
	return wit.NewError(wit.CodeInternal, "internal error")
}

// recovered turns a host function's panic into an error, so that it costs one call.
func (i *instance) recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
	}
}

// function is a user function of a pool: a call, or the refusal of one.
type function struct {
	name    string
	call    HostFunc
	refusal []byte
}

// functionTable lines the permitted functions up with the numbers in a module.
func functionTable(names []string, permitted map[string]HostFunc) []function {
	table := make([]function, len(names))
	for n, name := range names {
		table[n] = function{name: name, call: permitted[name]}
		if table[n].call == nil {
			table[n].refusal = errorEnvelope(wit.NewError(wit.CodeForbidden,
				"permission not granted: "+name+"; declare it in the plugin's manifest and grant it"))
		}
	}
	return table
}
