package exchange

import "math"

// functions are those of Extism's functions that the module answers itself. first is the index of the first of
// them, for the two that call another.
func functions(first byte) []function {
	none := []byte{0}
	def := func(name string, params, results int, build func(*asm)) function {
		f := function{Func: Func{Name: name, Params: Words(params), Results: Words(results)}, locals: none}
		build(&f.body)
		f.body.end()
		return f
	}
	read := func(name string, at int32) function {
		return def(name, 0, 1, func(a *asm) { a.reg(at) })
	}
	alloc := def("alloc", 1, 1, allocBody)
	alloc.locals = []byte{1, 5, I64}
	load8 := def("load_u8", 1, 1, func(a *asm) { a.guard().get(0).wrap().op(0x2d, 0, 0) })
	load8.Results = []byte{I32}
	store8 := def("store_u8", 1, 0, func(a *asm) { a.guard().get(0).wrap().get(1).op(0x3a, 0, 0) })
	store8.Params = []byte{I64, I32}
	input8 := def("input_load_u8", 1, 1, func(a *asm) {
		a.get(0).reg(regInputLen).op(0x5a, 0x04, I32).i32(0).op(0x05)
		a.get(0).reg(regInput).op(0x7c).wrap().op(0x2d, 0, 0, 0x0b)
	})
	input8.Results = []byte{I32}
	return []function{
		alloc,
		def("free", 1, 0, func(a *asm) { freeBody(a, first+2) }),
		def("length", 1, 1, lengthBody),
		def("length_unsafe", 1, 1, func(a *asm) { a.get(0).call(first + 2) }),
		load8, store8, input8,
		def("load_u64", 1, 1, func(a *asm) { a.guard().get(0).wrap().load64(0) }),
		def("store_u64", 2, 0, func(a *asm) { a.guard().get(0).wrap().get(1).store64(0) }),
		def("input_load_u64", 1, 1, func(a *asm) {
			// 0 unless offset+8 <= length, computed so that it cannot wrap
			a.reg(regInputLen).i64(8).op(0x54).get(0).reg(regInputLen).i64(8).op(0x7d).op(0x56).op(0x72)
			a.op(0x04, I64).i64(0).op(0x05)
			a.get(0).reg(regInput).op(0x7c).wrap().load64(0).end()
		}),
		def("input_set", 2, 0, func(a *asm) {
			a.i32(regInput).get(0).store64(0).i32(regInputLen).get(1).store64(0)
		}),
		def("output_set", 2, 0, func(a *asm) {
			a.i32(regOutput).get(0).store64(0).i32(regOutputLen).get(1).store64(0)
		}),
		def("error_set", 1, 0, func(a *asm) { a.i32(regError).get(0).store64(0) }),
		read("input_offset", regInput), read("input_length", regInputLen),
		read("output_offset", regOutput), read("output_length", regOutputLen),
		read("error_get", regError),
		def("reset", 0, 0, func(a *asm) {
			a.i32(regInput).i32(0).i32(base-regInput).op(0xfc, 11, 0)
			a.i32(regBump).i64(base).store64(0)
		}),
		def("memory_bytes", 0, 1, func(a *asm) { a.op(0x3f, 0, 0xad).i64(16).op(0x86) }),
	}
}

// lengthBody returns a block's length, and 0 for what is not a block.
func lengthBody(a *asm) {
	a.get(0).i64(base+headerBytes).op(0x7d).i64(math.MaxUint32-4096).op(0x56).op(0x04, 0x40).i64(0).op(0x0f, 0x0b)
	a.get(0).op(0x3f, 0, 0xad).i64(16).op(0x86, 0x5a).op(0x04, 0x40).i64(0).op(0x0f, 0x0b)
	a.get(0).wrap().i32(4).op(0x6b).load32(0).i32(blockMagic).op(0x47).op(0x04, 0x40).i64(0).op(0x0f, 0x0b)
	a.get(0).wrap().i32(headerBytes).op(0x6b).load64(0)
}

// allocBody takes a block from the list of its class, or cuts a new one. Classes are a quarter of a
// power of two apart, so at most a fifth of a block is lost. It returns 0 for 0 bytes and when
// memory is used up.
func allocBody(a *asm) {
	const n, size, exp, class, at, limit = 0, 1, 2, 3, 4, 5
	a.get(n).op(0x50, 0x04, 0x40).i64(0).op(0x0f, 0x0b)
	a.get(n).i64(1<<31).op(0x5a, 0x04, 0x40).i64(0).op(0x0f, 0x0b)
	// size = max(n+header, 32); exp = log2(size-1); size rounded up to a quarter of 1<<exp
	a.get(n).i64(headerBytes).op(0x7c).tee(size).i64(32).get(size).i64(32).op(0x56, 0x1b).set(size)
	a.i64(63).get(size).i64(1).op(0x7d, 0x79, 0x7d).set(exp)
	a.get(size).i64(1).get(exp).i64(2).op(0x7d, 0x86).tee(at).op(0x7c).i64(1).op(0x7d)
	a.i64(0).get(at).op(0x7d, 0x83).set(size)
	// class address = lists + 8 * (exp*4 | quarter)
	a.get(exp).i64(2).op(0x86).get(size).i64(1).op(0x7d).get(exp).i64(2).op(0x7d, 0x88).i64(3).op(0x83, 0x84)
	a.i64(3).op(0x86).set(class)
	a.get(class).wrap().load64(regLists).tee(at).op(0x50, 0x04, 0x40)
	{ // none to reuse
		a.reg(regBump).tee(at).get(size).op(0x7c).tee(limit)
		a.op(0x3f, 0, 0xad).i64(16).op(0x86).op(0x56, 0x04, 0x40)
		a.get(limit).op(0x3f, 0, 0xad).i64(16).op(0x86, 0x7d).i64(65535).op(0x7c).i64(16).op(0x88).wrap()
		a.op(0x40, 0).i32(-1).op(0x46, 0x04, 0x40).i64(0).op(0x0f, 0x0b)
		a.end()
		a.i32(regBump).get(limit).store64(0)
		a.get(at).i64(headerBytes).op(0x7c).set(at)
	}
	a.op(0x05)
	a.get(class).wrap().get(at).wrap().load64(0).store64(regLists)
	a.end()
	a.get(at).wrap().i32(headerBytes).op(0x6b).get(n).store64(0)
	a.get(at).wrap().i32(8).op(0x6b).get(class).wrap().store32(0)
	a.get(at).wrap().i32(4).op(0x6b).i32(blockMagic).store32(0)
	a.get(at)
}

// freeBody puts a block on the list of its class. What is not a block is ignored.
func freeBody(a *asm, length byte) {
	a.get(0).call(length).op(0x50, 0x04, 0x40).op(0x0f, 0x0b)
	a.i32(regFreed).i64(1).store64(0)
	a.get(0).wrap().i32(4).op(0x6b).i32(0).store32(0)
	a.get(0).wrap() // address of the link
	a.get(0).wrap().i32(8).op(0x6b).load32(0).i32(127 * 8).op(0x71).load64(regLists)
	a.store64(0)
	a.get(0).wrap().i32(8).op(0x6b).load32(0).i32(127 * 8).op(0x71).get(0).store64(regLists)
}
