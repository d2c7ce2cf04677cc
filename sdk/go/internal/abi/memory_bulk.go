//go:build wasip1 && !extism

package abi

import "unsafe"

func read(offset uint64, b []byte) {
	if len(b) > 0 {
		readBlock(offset, unsafe.Pointer(&b[0]), uint32(len(b)))
	}
}

func write(offset uint64, b []byte) {
	if len(b) > 0 {
		writeBlock(offset, unsafe.Pointer(&b[0]), uint32(len(b)))
	}
}

func loadInput(b []byte) { read(inputOffset(), b) }

//go:wasmimport carapace:host/memory read
//go:noescape
func readBlock(offset uint64, to unsafe.Pointer, length uint32)

//go:wasmimport carapace:host/memory write
//go:noescape
func writeBlock(offset uint64, from unsafe.Pointer, length uint32)

//go:wasmimport extism:host/env input_offset
func inputOffset() uint64
