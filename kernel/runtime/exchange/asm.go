package exchange

import (
	"math"

	"github.com/carapace-gateway/carapace/kernel/runtime/leb"
)

// The value types of WebAssembly that the functions here use.
const (
	I32 = 0x7f
	I64 = 0x7e
)

// Words returns n types I64, for a signature.
func Words(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = I64
	}
	return b
}

// asm assembles one function body.
type asm []byte

func (a *asm) op(b ...byte) *asm   { *a = append(*a, b...); return a }
func (a *asm) get(i byte) *asm     { return a.op(0x20, i) }
func (a *asm) set(i byte) *asm     { return a.op(0x21, i) }
func (a *asm) tee(i byte) *asm     { return a.op(0x22, i) }
func (a *asm) i32(v int32) *asm    { *a = leb.AppendSigned(append(*a, 0x41), int64(v)); return a }
func (a *asm) i64(v int64) *asm    { *a = leb.AppendSigned(append(*a, 0x42), v); return a }
func (a *asm) wrap() *asm          { return a.op(0xa7) }
func (a *asm) call(f byte) *asm    { return a.op(0x10, f) }
func (a *asm) end() *asm           { return a.op(0x0b) }
func (a *asm) reg(at int32) *asm   { return a.i32(at).load64(0) }
func (a *asm) trapIf() *asm        { return a.op(0x04, 0x40, 0x00, 0x0b) }
func (a *asm) load64(o byte) *asm  { return a.op(0x29, 0, o) }
func (a *asm) load32(o byte) *asm  { return a.op(0x28, 0, o) }
func (a *asm) store64(o byte) *asm { return a.op(0x37, 0, o) }
func (a *asm) store32(o byte) *asm { return a.op(0x36, 0, o) }

// guard traps unless the address in local 0 is one that guests may touch.
func (a *asm) guard() *asm {
	return a.get(0).i64(base).op(0x7d).i64(math.MaxUint32 - base).op(0x56).trapIf()
}
