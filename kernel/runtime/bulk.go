package runtime

import (
	"bytes"
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carapace-gateway/carapace/kernel/runtime/exchange"
	"github.com/carapace-gateway/carapace/wit"
)

// bulkFunc is a function of carapace:host/memory. s are its arguments and theirs is the guest's own memory.
type bulkFunc struct {
	exchange.Func
	call func(i *instance, theirs api.Memory, s []uint64)
}

// bulkFuncs copy blocks as a whole, where a PDK copies eight bytes a call:
//
//	read(offset i64, ptr i32, len i32)   from a block to the guest's memory
//	write(offset i64, ptr i32, len i32)  from the guest's memory to a block
//	input(ptr i32, len i32)              the first len bytes of the input to the guest's memory
//	output(ptr i32, len i32)             sets the output, without a block
func bulkFuncs() []bulkFunc {
	block, direct := []byte{exchange.I64, exchange.I32, exchange.I32}, []byte{exchange.I32, exchange.I32}
	return []bulkFunc{
		{exchange.Func{Name: "read", Params: block}, func(i *instance, m api.Memory, s []uint64) {
			copy(i.guestBytes(m, s[1], s[2]), i.exchangeBytes(s[0], s[2]))
		}},
		{exchange.Func{Name: "write", Params: block}, func(i *instance, m api.Memory, s []uint64) {
			copy(i.exchangeBytes(s[0], s[2]), i.guestBytes(m, s[1], s[2]))
		}},
		{exchange.Func{Name: "input", Params: direct}, func(i *instance, m api.Memory, s []uint64) {
			if uint64(uint32(s[1])) > uint64(len(i.call.in)) {
				i.outside(s[1])
			}
			copy(i.guestBytes(m, s[0], s[1]), i.call.in)
		}},
		{exchange.Func{Name: "output", Params: direct}, func(i *instance, m api.Memory, s []uint64) {
			if most := i.plugin.limits.OutputBytes; int64(uint32(s[1])) > most {
				i.call.stop(wit.Errorf(wit.CodeTooLarge, "plugin %s: answer of %d bytes is over the limit of %d", i.plugin.spec.Plugin, uint32(s[1]), most))
			}
			i.call.answered(bytes.Clone(i.guestBytes(m, s[0], s[1])))
			i.exchange.ClearOutput()
		}},
	}
}

// bulkCheck is the size from which on a copy takes long enough to look at the deadline.
const bulkCheck = 64 << 10

func addBulk(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(memoryModule)
	for _, f := range bulkFuncs() {
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, m api.Module, s []uint64) {
			i := instanceOf(ctx)
			i.call.asked = true
			if uint32(s[len(f.Params)-1]) > bulkCheck {
				i.call.check()
			}
			f.call(i, m.Memory(), s)
		}), f.Params, f.Results).Export(f.Name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// guestBytes returns a piece of the guest's memory without copying, or stops the guest.
func (i *instance) guestBytes(m api.Memory, ptr, n uint64) []byte {
	if m != nil {
		if b, ok := m.Read(uint32(ptr), uint32(n)); ok {
			return b
		}
	}
	i.outside(n)
	return nil
}

// exchangeBytes returns a piece of the exchange memory without copying, or stops the guest.
func (i *instance) exchangeBytes(off, n uint64) []byte {
	b, ok := i.exchange.Guest(off, uint64(uint32(n)))
	if !ok {
		i.outside(n)
	}
	return b
}

func (i *instance) outside(n uint64) {
	i.call.stop(wit.Errorf(wit.CodeInvalid, "plugin %s copied %d bytes from or to outside its memory", i.plugin.spec.Plugin, uint32(n)))
}
