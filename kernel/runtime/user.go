package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strconv"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carapace-gateway/carapace/kernel/runtime/exchange"
	"github.com/carapace-gateway/carapace/wit"
)

// maxUserFunctions is how many different host functions one module may import.
const maxUserFunctions = 128

// addUser adds the module that answers extism:host/user. Its functions are numbered; the
// meter writes the number of a name into each module, and the module's list turns it back, so one
// host module serves all guests.
func addUser(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(userModule)
	for n := range maxUserFunctions {
		b.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
			instanceOf(ctx).user(n, stack)
		}), exchange.Words(1), exchange.Words(1)).Export(strconv.Itoa(n))
	}
	_, err := b.Instantiate(ctx)
	return err
}

// user calls the host function that this guest knows under number n.
func (i *instance) user(n int, stack []uint64) {
	p, c := i.plugin, &i.call
	c.asked = true
	if n >= len(p.functions) {
		c.stop(wit.Errorf(wit.CodeInternal, "plugin %s calls host function %d of %d", p.spec.Plugin, n, len(p.functions)))
	}
	f := &p.functions[n]
	if f.call == nil {
		c.check()
		stack[0] = i.put(f.refusal)
		return
	}
	in := bytes.Clone(i.view(stack[0], p.limits.OutputBytes, "argument of "+f.name))
	out, refused := i.callHost(f.name, f.call, in)
	if refused != nil {
		stack[0] = i.put(refused)
		return
	}
	stack[0] = i.okEnvelope(out)
}

// callHost calls a host function for the guest. It returns its output, or the envelope of its error as the guest may see it.
func (i *instance) callHost(name string, f HostFunc, in []byte) (out, refused []byte) {
	var err error
	if t := i.call.trace; t != nil {
		defer t.host(name, i.plugin.clock, &err)()
	}
	i.call.host(func(ctx context.Context) {
		defer recovered(&err)
		out, err = f(ctx, in)
	})
	if err != nil {
		return nil, errorEnvelope(i.plugin.visible(name, err))
	}
	return out, nil
}

// okEnvelope writes {"ok":…} around JSON without an intermediate copy.
func (i *instance) okEnvelope(out []byte) uint64 {
	const head = `{"ok":`
	if len(out) == 0 {
		out = []byte("null")
	}
	off, dst, err := i.exchange.Block(len(head) + len(out) + 1)
	must(&i.call, off, err)
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

// recovered turns a host function's panic into an error, so that it costs one call.
func recovered(err *error) {
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
			table[n].refusal = refusal(name)
		}
	}
	return table
}

// refusal is the answer to a call of a function that the plugin may not call.
func refusal(name string) []byte {
	return errorEnvelope(wit.NewError(wit.CodeForbidden, "permission not granted: "+name+"; declare it in the plugin's manifest and grant it"))
}
