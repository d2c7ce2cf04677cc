//go:build wasip1

// Package abi speaks Extism's calling convention: bytes in, bytes out, through memory that belongs to
// the host and is addressed by 64-bit offsets.
//
// Carapace offers imports of its own, carapace:host/memory, which copy as a whole what Extism's own copy
// eight bytes a call: read and write a block, input and output without a block between. Build with the
// tag `extism` to use Extism's alone, so that a module runs under any Extism host.
package abi

// Input returns the bytes that the call came with.
func Input() []byte {
	b := make([]byte, inputLength())
	loadInput(b)
	return b
}

// Fail sets the error that the call answers.
func Fail(b []byte) { errorSet(store(b)) }

// Config returns an entry of the configuration that the instance was made with.
func Config(key string) (value string, ok bool) {
	at := store([]byte(key))
	found := configGet(at)
	free(at)
	if found == 0 {
		return "", false
	}
	return string(take(found)), true
}

// Call passes a block to a host function and returns the block that it answers.
func Call(function func(offset uint64) uint64, param []byte) []byte {
	at := store(param)
	answer := function(at)
	free(at)
	return take(answer)
}

// store copies b into a new block.
func store(b []byte) uint64 {
	if len(b) == 0 {
		return alloc(0)
	}
	at := alloc(uint64(len(b)))
	write(at, b)
	return at
}

// take copies a block out and frees it.
func take(at uint64) []byte {
	if at == 0 {
		return nil
	}
	b := make([]byte, length(at))
	read(at, b)
	free(at)
	return b
}

//go:wasmimport extism:host/env input_length
func inputLength() uint64

//go:wasmimport extism:host/env error_set
func errorSet(offset uint64)

//go:wasmimport extism:host/env config_get
func configGet(key uint64) uint64

//go:wasmimport extism:host/env alloc
func alloc(size uint64) uint64

//go:wasmimport extism:host/env free
func free(offset uint64)

//go:wasmimport extism:host/env length
func length(offset uint64) uint64
