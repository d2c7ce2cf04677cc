package meter

import "github.com/carapace-gateway/carapace/kernel/runtime/leb"

// instruction copies one instruction, with whatever has to be paid before it.
// The entry has to be paid for before anything that can leave the straight line: a branch, a return, a call.
// Blocks are no such thing; an if is.
func (f *body) instruction() {
	r := f.r
	op := r.byte()
	switch s := shapes[op]; s {
	case plain:
		f.out = append(f.out, op)
	case index, globalOp, memArg, memoryOp, constI32, constI64, const4, const8, selectT, refNull, refFunc:
		f.out = f.immediate(append(f.out, op), op, s)
	case loopStart:
		f.loop()
	case endMark:
		f.end()
	case blockType:
		if op == 0x04 {
			f.payEntry()
			f.flow.add(beginIf, 0)
		} else {
			f.flow.add(beginBlock, 0)
		}
		t := f.blockType(op)
		f.open(opened{charge: -1, label: len(t.results)})
	case elseMark:
		f.payEntry()
		f.flow.add(beginElse, 0)
		f.out = append(f.out, op)
		f.work.moved += f.opened[0].label
	case leave:
		f.payEntry()
		f.flow.add(stop, 0)
		f.out = append(f.out, op)
		f.work.moved += f.opened[0].label
	case branch:
		f.payEntry()
		f.out = f.label(append(f.out, op))
		if op == 0x0c {
			f.flow.add(stop, 0)
		}
	case brTable:
		f.payEntry()
		f.brTable()
	case callDirect, callTable:
		f.payEntry()
		f.calls++
		f.flow.spend()
		f.out = f.call(append(f.out, op), s)
		if op == 0x12 || op == 0x13 {
			f.flow.add(stop, 0)
		}
	case miscOp:
		f.misc(r.u32())
	case vectorOp:
		f.out = r.vector(append(f.out, op))
	default:
		r.fail("wasm instruction %#x is not accepted; build for WebAssembly 2.0 without threads and exceptions", op)
	}
}

// immediate copies what follows an opcode, encoded again in its shortest form, and checks the indices that the
// pass itself moves or that bound what is allocated later.
func (f *body) immediate(b []byte, op byte, s shape) []byte {
	r := f.r
	switch s {
	case index:
		i := r.u32()
		// The scratch local must stay out of reach: it is the first index that the function does not have. From
		// 0x25 on the index is a table's.
		if op < 0x25 && i >= f.local {
			r.fail("wasm function refers to local %d, which it does not have", i)
		}
		switch op {
		case 0x20:
			f.flow.add(readLocal, i)
		case 0x21, 0x22:
			f.flow.add(setLocal, i)
		}
		return appendU32(b, i)
	case globalOp:
		return appendU32(b, f.global(r, r.u32()))
	case memArg:
		return r.memArg(b)
	case memoryOp:
		return r.zero(b)
	case constI32:
		return leb.AppendSigned(b, r.signed(32))
	case constI64:
		return leb.AppendSigned(b, r.signed(64))
	case const4:
		return append(b, r.take(4)...)
	case const8:
		return append(b, r.take(8)...)
	case refNull:
		return append(b, r.refType())
	case refFunc:
		return appendU32(b, f.function(r, r.u32()))
	case selectT:
		n, t := r.u32(), r.byte()
		if n != 1 || !isValueType(t) {
			r.fail("wasm select has types that are not accepted")
		}
		return append(b, 1, t)
	}
	return b
}

// brTable copies a branch table: n labels, and the one for all other values.
func (f *body) brTable() {
	n := f.r.count(1)
	f.out = appendU32(append(f.out, 0x0e), uint32(n))
	for range n + 1 {
		f.out = f.label(f.out)
	}
	f.flow.add(stop, 0)
}

// label copies a label, which counts the blocks from the innermost one outwards.
func (f *body) label(b []byte) []byte {
	n := f.r.u32()
	if n < uint32(len(f.opened)) {
		f.work.moved += labelWork + f.opened[len(f.opened)-1-int(n)].label
		f.flow.add(jump, n)
	}
	return appendU32(b, n)
}

// call copies a call. Function indices move because of the tick import; types and tables keep theirs.
func (f *body) call(b []byte, s shape) []byte {
	r := f.r
	if s == callDirect {
		index := r.u32()
		if int(index) < len(f.funcs) {
			f.work.call(f.types[f.funcs[index]])
		}
		return appendU32(b, f.function(r, index))
	}
	t, table := r.u32(), r.u32()
	if int(t) >= len(f.types) || table >= f.tables {
		r.fail("wasm indirect call has unknown type %d or table %d", t, table)
		return b
	}
	f.work.call(f.types[t])
	return appendU32(appendU32(b, t), table)
}

// misc copies an instruction of prefix 0xfc. Those that move n bytes or elements have n on top of
// the stack; the helper takes it, charges for it and puts it back.
func (f *body) misc(op uint32) {
	r := f.r
	switch op {
	case 8, 10, 11, 12, 14, 15, 17:
		f.flow.spend()
		f.out = appendU32(append(f.out, 0x10), f.bulk)
	}
	b := append(f.out, 0xfc, byte(op))
	switch op {
	// Saturating conversions, which have no immediates.
	case 0, 1, 2, 3, 4, 5, 6, 7:
	case 8:
		b = r.zero(appendU32(b, r.u32()))
	case 9, 13, 15, 16, 17:
		b = appendU32(b, r.u32())
	case 10:
		b = r.zero(r.zero(b))
	case 11:
		b = r.zero(b)
	case 12, 14:
		b = appendU32(b, r.u32())
		b = appendU32(b, r.u32())
	default:
		r.fail("wasm instruction 0xfc %d is not accepted", op)
	}
	f.out = b
}
