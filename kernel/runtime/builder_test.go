package runtime_test

// A builder for the hand-written guests of these tests: only what they need, no checks.

const (
	i32 = 0x7f
	i64 = 0x7e
)

type builder struct {
	types, imports, funcs, exports, code, data []byte
	nTypes, nImports, nFuncs, nExports, nData  int
	memory, table, start                       []byte
}

func leb(v int64) []byte {
	var b []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func uleb(v int) []byte {
	var b []byte
	for ; v >= 0x80; v >>= 7 {
		b = append(b, byte(v)|0x80)
	}
	return append(b, byte(v))
}

func vec(b []byte) []byte { return append(uleb(len(b)), b...) }

func (b *builder) typ(params, results []byte) int {
	b.types = append(append(append(b.types, 0x60), vec(params)...), vec(results)...)
	b.nTypes++
	return b.nTypes - 1
}

// imp adds an imported function and answers its index. All imports come before the first fn.
func (b *builder) imp(module, name string, params, results []byte) byte {
	b.imports = append(append(b.imports, vec([]byte(module))...), vec([]byte(name))...)
	b.imports = append(append(b.imports, 0), uleb(b.typ(params, results))...)
	b.nImports++
	return byte(b.nImports - 1)
}

// fn adds a function and exports it if name is not empty. body has no final end.
func (b *builder) fn(name string, params, results, locals []byte, body ...[]byte) byte {
	index := b.nImports + b.nFuncs
	b.funcs = append(b.funcs, uleb(b.typ(params, results))...)
	b.nFuncs++
	decl := uleb(len(locals))
	for _, t := range locals {
		decl = append(decl, 1, t)
	}
	for _, part := range body {
		decl = append(decl, part...)
	}
	b.code = append(b.code, vec(append(decl, 0x0b))...)
	if name != "" {
		b.export(name, 0, index)
	}
	return byte(index)
}

func (b *builder) export(name string, kind byte, index int) {
	b.exports = append(append(b.exports, vec([]byte(name))...), kind)
	b.exports = append(b.exports, uleb(index)...)
	b.nExports++
}

func (b *builder) bytes() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, n int, body []byte) {
		if n > 0 {
			out = append(append(out, id), vec(append(uleb(n), body...))...)
		}
	}
	section(1, b.nTypes, b.types)
	section(2, b.nImports, b.imports)
	section(3, b.nFuncs, b.funcs)
	section(4, min(len(b.table), 1), b.table)
	section(5, min(len(b.memory), 1), b.memory)
	section(7, b.nExports, b.exports)
	if b.start != nil {
		out = append(append(out, 8), vec(b.start)...)
	}
	section(10, b.nFuncs, b.code)
	section(11, b.nData, b.data)
	return out
}

func (b *builder) mem(min int) {
	b.memory = append([]byte{0}, uleb(min)...)
	b.export("memory", 2, 0)
}

func cat(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func op(b ...byte) []byte     { return b }
func ci32(v int64) []byte     { return append([]byte{0x41}, leb(v)...) }
func ci64(v int64) []byte     { return append([]byte{0x42}, leb(v)...) }
func call(f byte) []byte      { return []byte{0x10, f} }
func get(i byte) []byte       { return []byte{0x20, i} }
func set(i byte) []byte       { return []byte{0x21, i} }
func tee(i byte) []byte       { return []byte{0x22, i} }
func loop(b ...[]byte) []byte { return cat(op(0x03, 0x40), cat(b...), op(0x0c, 0, 0x0b)) }

// one is a guest with one export, "bad", beside "ok".
func one(build func(b *builder) [][]byte) []byte {
	b := &builder{}
	b.mem(1)
	body := build(b)
	b.fn("bad", nil, op(i32), op(i64, i64, i32), append(body, ci32(0))...)
	b.fn("ok", nil, op(i32), nil, ci32(0))
	return b.bytes()
}

func env(b *builder, name string, params, results []byte) byte {
	return b.imp("extism:host/env", name, params, results)
}
