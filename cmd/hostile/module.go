package main

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// module is a WebAssembly module that is written by hand, so that it has what no compiler makes: each section is its
// number, its length and its items, after their count. It exports its memory, which has one page and may grow.
type module struct {
	imports []function // their names are module and name, one behind the other
	own     []function // numbered from the imports on
	start   int        // the number of the function that runs before all others; 0 for none
	data    string     // at address 0
}

// function is one that is imported, or one of the module's own, by its export's name and its code without the end.
type function struct {
	names   []string
	kind    byte // of kinds
	locals  []byte
	code    []byte
	results int // of a block in it that leaves many values
}

// Kinds of functions: what they take and return.
const (
	procedure byte = iota // () -> ()
	export                // () -> (i32)
	call                  // (i64) -> (i64)
	output                // (i32, i32) -> ()
	write                 // (i64, i32, i32) -> ()
	take                  // (i64) -> ()
	fdWrite               // (i32, i32, i32, i32) -> (i32)
	many                  // () -> (i64, …), the type of a block
)

const i32, i64 = 0x7f, 0x7e

// kinds are the types of functions by their numbers; many has so many results.
func kinds(results int) [][]byte {
	return [][]byte{
		{0x60, 0, 0}, {0x60, 0, 1, i32}, {0x60, 1, i64, 1, i64}, {0x60, 2, i32, i32, 0}, {0x60, 3, i64, i32, i32, 0},
		{0x60, 1, i64, 0},
		{0x60, 4, i32, i32, i32, i32, 1, i32},
		append([]byte{0x60, 0}, sized(bytes.Repeat([]byte{i64}, results))...),
	}
}

// bytes is the module in the binary format.
func (m module) bytes() []byte {
	var imports, declared, exports, codes [][]byte
	for _, f := range m.imports {
		imports = append(imports, slices.Concat(sized([]byte(f.names[0])), sized([]byte(f.names[1])), []byte{0, f.kind}))
	}
	exports = append(exports, append(sized([]byte("memory")), 2, 0))
	results := 0
	for n, f := range m.own {
		declared = append(declared, []byte{f.kind})
		codes = append(codes, sized(slices.Concat(f.locals, f.code, []byte{0x0b})))
		for _, name := range f.names {
			exports = append(exports, append(sized([]byte(name)), 0, byte(len(m.imports)+n)))
		}
		results = max(results, f.results)
	}
	sections := [][]byte{[]byte("\x00asm\x01\x00\x00\x00"), section(1, vector(kinds(results)...)), section(2, vector(imports...)),
		section(3, vector(declared...)), section(5, vector([]byte{0, 1})), section(7, vector(exports...))}
	if m.start > 0 {
		sections = append(sections, section(8, number(m.start)))
	}
	data := slices.Concat([]byte{0, 0x41, 0, 0x0b}, sized([]byte(m.data)))
	return bytes.Join(append(sections, section(10, vector(codes...)), section(11, vector(data))), nil)
}

func number(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func sized(b []byte) []byte { return append(number(len(b)), b...) }

func vector(items ...[]byte) []byte { return append(number(len(items)), bytes.Join(items, nil)...) }

func section(id byte, body []byte) []byte { return append([]byte{id}, sized(body)...) }

// Code of functions.

// noLocals declares none.
var noLocals = []byte{0}

// constant puts an i32, constant64 an i64 onto the stack.
func constant(n int) []byte   { return append([]byte{0x41}, signed(n)...) }
func constant64(n int) []byte { return append([]byte{0x42}, signed(n)...) }

// signed is a number as instructions have them.
func signed(n int) []byte {
	var b []byte
	for ; n < -64 || n > 63; n >>= 7 {
		b = append(b, byte(n)&0x7f|0x80)
	}
	return append(b, byte(n)&0x7f)
}

// calls calls a function by its number.
func calls(f int) []byte { return append([]byte{0x10}, number(f)...) }

// forever does something over and over; nothing comes behind it.
func forever(code ...[]byte) []byte {
	return slices.Concat([]byte{0x03, 0x40}, slices.Concat(code...), []byte{0x0c, 0, 0x0b, 0x00})
}

// tool is a module with one function of its own, the tool's.
func tool(f function) module {
	f.names, f.kind = []string{"tool_invoke"}, export
	return module{own: []function{f}}
}
