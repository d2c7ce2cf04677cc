// Package leb writes signed numbers as WebAssembly does. Unsigned ones are written by encoding/binary, whose
// AppendUvarint is the same code.
package leb

// AppendSigned appends v as a signed LEB128 in its shortest form.
func AppendSigned(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}
