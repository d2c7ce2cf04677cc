// Package exchange is the memory through which a guest and the host pass bytes: Extism's memory functions as a
// small WebAssembly module of our own, one instance beside each guest, so that a PDK's copies of eight bytes at
// a time are calls from wasm to wasm and never leave compiled code.
//
// It owns the layout of that memory: registers that the host reads and writes directly, and above them, at
// offsets from base on, the blocks that the guest and the host allocate. Guests reach the blocks only. Whatever
// a guest does to the headers between its blocks harms nobody else: wasm checks every address, and Memory checks
// each length that it reads against the memory and a bound before anything is allocated.
//
// It runs nothing and knows no plugin. A Memory belongs to one instance and is used by one goroutine at a time.
package exchange

import "encoding/binary"

// The registers, by their offset. A register is a word of eight bytes.
const (
	regBump      = 8 // where the next block begins
	regInput     = 16
	regInputLen  = 24
	regOutput    = 32
	regOutputLen = 40
	regError     = 48
	regFreed     = 56 // not zero when a list below may not be empty
	regLists     = 64 // one list of freed blocks per size class
	listBytes    = 128 * 8
	base         = 1152
)

// A block's header is its length (8 bytes), its size class (4) and blockMagic (4).
const (
	headerBytes = 16
	blockMagic  = 0x43724170
)

// StartBytes is what the module's memory has at first.
const StartBytes = 1 << 16

// Func is the name and the type of a function; Params and Results hold I32 and I64.
type Func struct {
	Name            string
	Params, Results []byte
}

// Funcs returns the functions that the module itself has.
func Funcs() []Func {
	var list []Func
	for _, f := range functions(0) {
		list = append(list, f.Func)
	}
	return list
}

// function is one of the module's own.
type function struct {
	Func
	locals []byte // declarations, with their count
	body   asm
}

// Module returns the module's bytes. It imports the functions host from the module named from and exports them
// again, so that one module instance offers all of extism:host/env.
func Module(from string, host []Func) []byte {
	var types, imports, funcs, exports, code []byte
	n := byte(0) // functions so far
	add := func(f Func) {
		types = append(append(append(types, 0x60, byte(len(f.Params))), f.Params...), byte(len(f.Results)))
		types = append(types, f.Results...)
		exports = append(append(append(exports, byte(len(f.Name))), f.Name...), 0, n)
		n++
	}
	for _, f := range host {
		imports = append(append(imports, byte(len(from))), from...)
		imports = append(append(append(imports, byte(len(f.Name))), f.Name...), 0, n)
		add(f)
	}
	own := functions(n)
	for _, f := range own {
		funcs = append(funcs, n)
		body := append(append([]byte{}, f.locals...), f.body...)
		code = append(binary.AppendUvarint(code, uint64(len(body))), body...)
		add(f.Func)
	}
	exports = append(exports, "\x06memory\x02\x00"...)

	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, count int, body []byte) {
		body = append(binary.AppendUvarint(nil, uint64(count)), body...)
		out = append(binary.AppendUvarint(append(out, id), uint64(len(body))), body...)
	}
	section(1, int(n), types)
	section(2, len(host), imports)
	section(3, len(own), funcs)
	section(5, 1, []byte{0, 1})
	section(7, int(n)+1, exports)
	section(10, len(own), code)
	return out
}
