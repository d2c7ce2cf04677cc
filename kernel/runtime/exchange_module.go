package runtime

import "math"

// The exchange module is the memory through which a guest and the host pass bytes: Extism's memory
// functions as a small wasm module of our own, one instance beside each guest, so that a PDK's
// eight-bytes-at-a-time copies are calls from wasm to wasm and never leave compiled code.
//
// Its first bytes are registers that the host reads and writes directly; guests reach only what lies
// at or above exchangeBase. Whatever a guest does to the headers between its blocks harms nobody
// else: every address is checked by wasm, and the host checks each length that it reads.
const (
	regBump      = 8
	regInput     = 16
	regInputLen  = 24
	regOutput    = 32
	regOutputLen = 40
	regError     = 48
	regFreed     = 56 // not zero when a list below may not be empty
	regLists     = 64 // one list of freed blocks per size class
	listBytes    = 128 * 8
	exchangeBase = 1152

	blockHeader = 16 // length (8 bytes), class (4), magic (4)
	blockMagic  = 0x43724170
)

const (
	wasmI32 = 0x7f
	wasmI64 = 0x7e
)

// asm assembles one function body.
type asm []byte

func (a *asm) op(b ...byte) *asm   { *a = append(*a, b...); return a }
func (a *asm) get(i byte) *asm     { return a.op(0x20, i) }
func (a *asm) set(i byte) *asm     { return a.op(0x21, i) }
func (a *asm) tee(i byte) *asm     { return a.op(0x22, i) }
func (a *asm) i32(v int32) *asm    { *a = appendLEB(append(*a, 0x41), int64(v)); return a }
func (a *asm) i64(v int64) *asm    { *a = appendLEB(append(*a, 0x42), v); return a }
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
	return a.get(0).i64(exchangeBase).op(0x7d).i64(math.MaxUint32 - exchangeBase).op(0x56).trapIf()
}

func appendLEB(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

type wasmFunc struct {
	name            string
	params, results []byte
	locals          []byte // declarations, with their count
	body            asm
}

func i64s(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = wasmI64
	}
	return b
}

// exchangeModule returns the module's bytes. It imports those functions of Extism's that the host
// answers and exports them again, so that one module instance offers all of extism:host/env.
func exchangeModule() []byte {
	var types, imports, funcs, exports, code []byte
	n := byte(0)
	add := func(params, results []byte) {
		types = append(types, 0x60)
		types = append(append(types, byte(len(params))), params...)
		types = append(append(types, byte(len(results))), results...)
	}
	export := func(name string) {
		exports = append(append(append(exports, byte(len(name))), name...), 0, n)
		n++
	}
	host := envHostFunctions()
	for _, f := range host {
		imports = append(append(imports, byte(len(envModule))), envModule...)
		imports = append(append(append(imports, byte(len(f.name))), f.name...), 0, n)
		add(f.params, f.results)
		export(f.name)
	}
	own := exchangeFunctions(n)
	for _, f := range own {
		funcs = append(funcs, n)
		add(f.params, f.results)
		body := append(append([]byte{}, f.locals...), f.body...)
		code = append(appendLEBu(code, len(body)), body...)
		export(f.name)
	}
	exports = append(exports, "\x06memory\x02\x00"...)

	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, count int, body []byte) {
		body = append(appendLEBu(nil, count), body...)
		out = append(appendLEBu(append(out, id), len(body)), body...)
	}
	section(1, int(n), types)
	section(2, len(host), imports)
	section(3, len(own), funcs)
	section(5, 1, []byte{0, 1})
	section(7, int(n)+1, exports)
	section(10, len(own), code)
	return out
}

func appendLEBu(b []byte, v int) []byte {
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

func exchangeFunctions(first byte) []wasmFunc {
	none := []byte{0}
	def := func(name string, params, results int, build func(*asm)) wasmFunc {
		f := wasmFunc{name: name, params: i64s(params), results: i64s(results), locals: none}
		build(&f.body)
		f.body.end()
		return f
	}
	read := func(name string, at int32) wasmFunc {
		return def(name, 0, 1, func(a *asm) { a.reg(at) })
	}
	alloc := def("alloc", 1, 1, allocBody)
	alloc.locals = []byte{1, 5, wasmI64}
	load8 := def("load_u8", 1, 1, func(a *asm) { a.guard().get(0).wrap().op(0x2d, 0, 0) })
	load8.results = []byte{wasmI32}
	store8 := def("store_u8", 1, 0, func(a *asm) { a.guard().get(0).wrap().get(1).op(0x3a, 0, 0) })
	store8.params = []byte{wasmI64, wasmI32}
	input8 := def("input_load_u8", 1, 1, func(a *asm) {
		a.get(0).reg(regInputLen).op(0x5a, 0x04, wasmI32).i32(0).op(0x05)
		a.get(0).reg(regInput).op(0x7c).wrap().op(0x2d, 0, 0, 0x0b)
	})
	input8.results = []byte{wasmI32}
	return []wasmFunc{
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
			a.op(0x04, wasmI64).i64(0).op(0x05)
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
			a.i32(regInput).i32(0).i32(exchangeBase-regInput).op(0xfc, 11, 0)
			a.i32(regBump).i64(exchangeBase).store64(0)
		}),
		def("memory_bytes", 0, 1, func(a *asm) { a.op(0x3f, 0, 0xad).i64(16).op(0x86) }),
	}
}

// lengthBody answers a block's length, and 0 for what is not a block.
func lengthBody(a *asm) {
	a.get(0).i64(exchangeBase+blockHeader).op(0x7d).i64(math.MaxUint32-4096).op(0x56).op(0x04, 0x40).i64(0).op(0x0f, 0x0b)
	a.get(0).op(0x3f, 0, 0xad).i64(16).op(0x86, 0x5a).op(0x04, 0x40).i64(0).op(0x0f, 0x0b)
	a.get(0).wrap().i32(4).op(0x6b).load32(0).i32(blockMagic).op(0x47).op(0x04, 0x40).i64(0).op(0x0f, 0x0b)
	a.get(0).wrap().i32(blockHeader).op(0x6b).load64(0)
}

// allocBody takes a block from the list of its class, or cuts a new one. Classes are a quarter of a
// power of two apart, so at most a fifth of a block is lost. It answers 0 for 0 bytes and when
// memory is used up.
func allocBody(a *asm) {
	const n, size, exp, class, at, limit = 0, 1, 2, 3, 4, 5
	a.get(n).op(0x50, 0x04, 0x40).i64(0).op(0x0f, 0x0b)
	a.get(n).i64(1<<31).op(0x5a, 0x04, 0x40).i64(0).op(0x0f, 0x0b)
	// size = max(n+header, 32); exp = log2(size-1); size rounded up to a quarter of 1<<exp
	a.get(n).i64(blockHeader).op(0x7c).tee(size).i64(32).get(size).i64(32).op(0x56, 0x1b).set(size)
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
		a.get(at).i64(blockHeader).op(0x7c).set(at)
	}
	a.op(0x05)
	a.get(class).wrap().get(at).wrap().load64(0).store64(regLists)
	a.end()
	a.get(at).wrap().i32(blockHeader).op(0x6b).get(n).store64(0)
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
