//go:build wasip1

// Fast is a guest like those of the project's own SDK: it needs no PDK and moves bytes in bulk.
package main

import (
	"encoding/json"
	"slices"
	"strings"
	"unsafe"
)

func main() {}

//go:wasmimport extism:host/env input_length
func inputLength() uint64

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
	b := takeInput()
	copied = append(copied[:0], b...)
	give(copied)
	return 0
}

var copied []byte

//go:wasmexport block_echo
func blockEcho() int32 {
	b := takeInput()
	at := put(b)
	b = take(at, length(at))
	outputSet(put(b), uint64(len(b)))
	return 0
}

//go:wasmimport carapace:host/memory input
func input(ptr unsafe.Pointer, length uint32)

//go:wasmimport carapace:host/memory output
func output(ptr unsafe.Pointer, length uint32)

func takeInput() []byte {
	n := inputLength()
	if uint64(cap(buffer)) < n {
		buffer = make([]byte, n)
	}
	buffer = buffer[:n]
	input(unsafe.Pointer(unsafe.SliceData(buffer)), uint32(n))
	return buffer
}

func give(b []byte) { output(unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b))) }

//go:wasmexport greet_call
func greetCall() int32 {
	b := takeInput()
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
	write(1<<12, nil, 1<<31)
	return 0
}

//go:wasmexport wild_input
func wildInput() int32 {
	input(nil, uint32(inputLength())+1)
	return 0
}

//go:wasmexport wild_output
func wildOutput() int32 {
	output(nil, 1<<31)
	return 0
}

//go:wasmexport header_write
func headerWrite() int32 {
	write(8, unsafe.Pointer(unsafe.SliceData(buffer)), 16)
	return 0
}

type message struct {
	ID    string   `json:"id"`
	Text  string   `json:"text"`
	Tags  []string `json:"tags,omitempty"`
	Count int      `json:"count"`
}

func transform(in []byte) ([]byte, bool) {
	var m message
	if json.Unmarshal(in, &m) != nil {
		return nil, false
	}
	m.Text = strings.ToUpper(m.Text)
	m.Count++
	out, err := json.Marshal(m)
	return out, err == nil
}

//go:wasmexport json
func jsonCall() int32 {
	out, ok := transform(takeInput())
	if !ok {
		return 1
	}
	give(out)
	return 0
}

// What follows is the same work without an ABI, for comparison: the host writes into a buffer of the
// guest's and reads the answer where the guest says it is.

var answer []byte

//go:wasmexport raw_buffer
func rawBuffer(n uint32) uint32 {
	if uint32(cap(buffer)) < n {
		buffer = make([]byte, n)
	}
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(buffer))))
}

func pack(b []byte) uint64 {
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))<<32 | uint64(len(b))
}

//go:wasmexport raw_noop
func rawNoop(uint32) uint64 { return 0 }

//go:wasmexport raw_echo
func rawEcho(n uint32) uint64 {
	answer = append(answer[:0], buffer[:n]...)
	return pack(answer)
}

//go:wasmexport raw_json
func rawJSON(n uint32) uint64 {
	answer, _ = transform(buffer[:n])
	return pack(answer)
}

func fibonacci(n int) int {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

//go:wasmexport raw_fib
func rawFib(n uint32) uint64 { return uint64(fibonacci(int(n))) }

//go:wasmexport raw_loop
func rawLoop(n uint32) uint64 {
	x := uint64(1)
	for i := uint32(0); i < n; i++ {
		x = x*6364136223846793005 + uint64(i)
	}
	return x
}

//go:wasmexport raw_sort
func rawSort(n uint32) uint64 {
	s := make([]int, n)
	for i := range s {
		s[i] = int(uint32(i) * 2654435761)
	}
	slices.Sort(s)
	return uint64(s[0])
}

//go:wasmexport carapace_image
func image() {}
