//go:build wasip1 && extism

package abi

import "encoding/binary"

func read(offset uint64, b []byte) { load(b, offset, loadU64, loadU8) }

func loadInput(b []byte) { load(b, 0, inputLoadU64, inputLoadU8) }

// Output sets what the call answers.
func Output(b []byte) { outputSet(store(b), uint64(len(b))) }

func load(b []byte, offset uint64, word func(uint64) uint64, octet func(uint64) uint32) {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], word(offset+uint64(i)))
	}
	for ; i < len(b); i++ {
		b[i] = byte(octet(offset + uint64(i)))
	}
}

func write(offset uint64, b []byte) {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		storeU64(offset+uint64(i), binary.LittleEndian.Uint64(b[i:]))
	}
	for ; i < len(b); i++ {
		storeU8(offset+uint64(i), uint32(b[i]))
	}
}

//go:wasmimport extism:host/env output_set
func outputSet(offset, length uint64)

//go:wasmimport extism:host/env load_u64
func loadU64(offset uint64) uint64

//go:wasmimport extism:host/env load_u8
func loadU8(offset uint64) uint32

//go:wasmimport extism:host/env input_load_u64
func inputLoadU64(offset uint64) uint64

//go:wasmimport extism:host/env input_load_u8
func inputLoadU8(offset uint64) uint32

//go:wasmimport extism:host/env store_u64
func storeU64(offset, value uint64)

//go:wasmimport extism:host/env store_u8
func storeU8(offset uint64, value uint32)
