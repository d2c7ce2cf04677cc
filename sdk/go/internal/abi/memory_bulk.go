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

func loadInput(b []byte) {
	if len(b) > 0 {
		copyInput(unsafe.Pointer(&b[0]), uint32(len(b)))
	}
}

// Output sets what the call answers.
func Output(b []byte) { copyOutput(unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b))) }

//go:wasmimport carapace:host/memory read
//go:noescape
func readBlock(offset uint64, to unsafe.Pointer, length uint32)

//go:wasmimport carapace:host/memory write
//go:noescape
func writeBlock(offset uint64, from unsafe.Pointer, length uint32)

//go:wasmimport carapace:host/memory input
//go:noescape
func copyInput(to unsafe.Pointer, length uint32)

//go:wasmimport carapace:host/memory output
//go:noescape
func copyOutput(from unsafe.Pointer, length uint32)
