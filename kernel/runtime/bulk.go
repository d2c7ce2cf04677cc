package runtime

import (
	"bytes"
	"context"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// bulkFunc is a function of carapace:host/memory. s are its arguments and theirs the guest's own
// memory.
type bulkFunc struct {
	name   string
	params []byte
	call   func(i *instance, theirs api.Memory, s []uint64)
}

// bulkFunctions copy blocks as a whole, where a PDK copies eight bytes a call:
//
//	read(offset i64, ptr i32, len i32)   from a block to the guest's memory
//	write(offset i64, ptr i32, len i32)  from the guest's memory to a block
//	input(ptr i32, len i32)              the first len bytes of the input to the guest's memory
//	output(ptr i32, len i32)             sets the output, without a block
func bulkFunctions() []bulkFunc {
	block, direct := []byte{wasmI64, wasmI32, wasmI32}, []byte{wasmI32, wasmI32}
	return []bulkFunc{
		{"read", block, func(i *instance, m api.Memory, s []uint64) {
			copy(i.guestBytes(m, s[1], s[2]), i.exchangeBytes(s[0], s[2]))
		}},
		{"write", block, func(i *instance, m api.Memory, s []uint64) {
			copy(i.exchangeBytes(s[0], s[2]), i.guestBytes(m, s[1], s[2]))
		}},
		{"input", direct, func(i *instance, m api.Memory, s []uint64) {
			if uint64(uint32(s[1])) > uint64(len(i.in)) {
				i.outside(s[1])
			}
			copy(i.guestBytes(m, s[0], s[1]), i.in)
		}},
		{"output", direct, func(i *instance, m api.Memory, s []uint64) {
			if max := i.pool.limits.OutputBytes; int64(uint32(s[1])) > max {
				i.stop(wit.Errorf(wit.CodeTooLarge, "plugin %s: answer of %d bytes is over the limit of %d", i.pool.spec.Plugin, uint32(s[1]), max))
			}
			i.answer = bytes.Clone(i.guestBytes(m, s[0], s[1]))
			i.setRegister(regOutputLen, 0)
		}},
	}
}

// bulkCheck is the size from which on a copy takes long enough to look at the deadline.
const bulkCheck = 64 << 10

func instantiateBulk(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(memoryModule)
	for _, f := range bulkFunctions() {
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, m api.Module, s []uint64) {
			i := instanceOf(ctx)
			if uint32(s[len(f.params)-1]) > bulkCheck {
				i.check()
			}
			f.call(i, m.Memory(), s)
		}), f.params, nil).Export(f.name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// guestBytes answers a piece of the guest's memory, or stops the guest.
func (i *instance) guestBytes(m api.Memory, ptr, n uint64) []byte {
	if m != nil {
		if b, ok := m.Read(uint32(ptr), uint32(n)); ok {
			return b
		}
	}
	i.outside(n)
	return nil
}

// exchangeBytes answers a piece of the exchange memory that guests may touch, or stops the guest.
func (i *instance) exchangeBytes(off, n uint64) []byte {
	b, ok := i.exchange.slice(off, uint64(uint32(n)))
	if !ok || off < exchangeBase && len(b) > 0 {
		i.outside(n)
	}
	return b
}

func (i *instance) outside(n uint64) {
	i.stop(wit.Errorf(wit.CodeInvalid, "plugin %s copied %d bytes from or to outside its memory", i.pool.spec.Plugin, uint32(n)))
}
