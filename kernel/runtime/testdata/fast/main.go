//go:build wasip1

// Fast is a guest like those of the project's own SDK: it needs no PDK and moves bytes in bulk.
package main

import "unsafe"

func main() {}

//go:wasmimport extism:host/env input_length
func inputLength() uint64

//go:wasmimport extism:host/env input_offset
func inputOffset() uint64

//go:wasmimport extism:host/env alloc
func alloc(uint64) uint64

//go:wasmimport extism:host/env length
func length(uint64) uint64

//go:wasmimport extism:host/env output_set
func outputSet(offset, length uint64)

//go:wasmimport extism:host/user greet
func greet(uint64) uint64

//go:wasmimport carapace:host/memory read
func read(offset uint64, ptr unsafe.Pointer, length uint32)

//go:wasmimport carapace:host/memory write
func write(offset uint64, ptr unsafe.Pointer, length uint32)

var buffer []byte

func take(offset, n uint64) []byte {
	if uint64(cap(buffer)) < n {
		buffer = make([]byte, n)
	}
	buffer = buffer[:n]
	read(offset, unsafe.Pointer(unsafe.SliceData(buffer)), uint32(n))
	return buffer
}

func put(b []byte) uint64 {
	offset := alloc(uint64(len(b)))
	write(offset, unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b)))
	return offset
}

//go:wasmexport noop
func noop() int32 { return 0 }

//go:wasmexport echo
func echo() int32 {
	b := take(inputOffset(), inputLength())
	outputSet(put(b), uint64(len(b)))
	return 0
}

//go:wasmexport greet_call
func greetCall() int32 {
	b := take(inputOffset(), inputLength())
	answer := greet(put(b))
	outputSet(answer, length(answer))
	return 0
}

//go:wasmexport wild_read
func wildRead() int32 {
	read(1<<31, unsafe.Pointer(unsafe.SliceData(buffer)), 16)
	return 0
}

//go:wasmexport wild_write
func wildWrite() int32 {
	write(inputOffset(), nil, 1<<31)
	return 0
}

//go:wasmexport header_write
func headerWrite() int32 {
	write(8, unsafe.Pointer(unsafe.SliceData(buffer)), 16)
	return 0
}
