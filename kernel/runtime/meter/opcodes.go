package meter

// shape says what follows an opcode and how the pass treats it.
type shape byte

const (
	refused    shape = iota
	plain            // nothing
	blockType        // block, if: a block type
	loopStart        // loop
	elseMark         //
	endMark          //
	branch           // br, br_if: a label
	brTable          //
	leave            // return, unreachable: nothing
	callDirect       // call, return_call: a function
	callTable        // call_indirect, return_call_indirect: a type and a table
	selectT          // select with types
	index            // a local or table
	globalOp         // a global
	memArg           // alignment and offset
	memoryOp         // memory.size, memory.grow: one zero byte
	constI32         //
	constI64         //
	const4           // four bytes
	const8           // eight bytes
	refNull          //
	refFunc          //
	miscOp           // prefix 0xfc
	vectorOp         // prefix 0xfd
)

// shapes is indexed by opcode. It is never written after it is built.
var shapes = buildShapes()

// buildShapes lists what is accepted, by ranges of opcodes. Whatever is not here is refused, so an opcode of a
// later proposal cannot pass by being unknown.
func buildShapes() (s [256]shape) {
	set := func(from, to int, v shape) {
		for op := from; op <= to; op++ {
			s[op] = v
		}
	}
	set(0x00, 0x00, leave)
	set(0x01, 0x01, plain)
	set(0x02, 0x02, blockType)
	set(0x03, 0x03, loopStart)
	set(0x04, 0x04, blockType)
	set(0x05, 0x05, elseMark)
	set(0x0b, 0x0b, endMark)
	set(0x0c, 0x0d, branch)
	set(0x0e, 0x0e, brTable)
	set(0x0f, 0x0f, leave)
	set(0x10, 0x10, callDirect)
	set(0x11, 0x11, callTable)
	set(0x12, 0x12, callDirect)
	set(0x13, 0x13, callTable)
	set(0x1a, 0x1b, plain)
	set(0x1c, 0x1c, selectT)
	set(0x20, 0x22, index)
	set(0x23, 0x24, globalOp)
	set(0x25, 0x26, index)
	set(0x28, 0x3e, memArg)
	set(0x3f, 0x40, memoryOp)
	set(0x41, 0x41, constI32)
	set(0x42, 0x42, constI64)
	set(0x43, 0x43, const4)
	set(0x44, 0x44, const8)
	set(0x45, 0xc4, plain)
	set(0xd0, 0xd0, refNull)
	set(0xd1, 0xd1, plain)
	set(0xd2, 0xd2, refFunc)
	set(0xfc, 0xfc, miscOp)
	set(0xfd, 0xfd, vectorOp)
	return s
}

// vector copies a vector instruction after its prefix. The opcode must be in its shortest form: the
// compiler reads one byte of it, and a longer form would let code hide from the pass.
func (r *reader) vector(b []byte) []byte {
	op := r.byte()
	b = append(b, op)
	if op >= 0x80 {
		if r.byte() != 1 {
			r.fail("wasm vector instruction is not accepted; build without relaxed SIMD")
		}
		return append(b, 1)
	}
	switch {
	// Loads and stores, then v128.const and shuffle with 16 bytes, a lane each, and loads and stores of one lane.
	case op <= 11 || op == 92 || op == 93:
		return r.memArg(b)
	case op == 12 || op == 13:
		return append(b, r.take(16)...)
	case op >= 21 && op <= 34:
		return append(b, r.byte())
	case op >= 84 && op <= 91:
		return append(r.memArg(b), r.byte())
	}
	return b
}

// memArg copies alignment and offset. The compiler checks that an alignment is possible.
func (r *reader) memArg(b []byte) []byte {
	b = appendU32(b, r.u32())
	return appendU32(b, r.u32())
}

func (r *reader) zero(b []byte) []byte {
	if r.byte() != 0 {
		r.fail("wasm module refers to a second memory; one is accepted")
	}
	return append(b, 0)
}
