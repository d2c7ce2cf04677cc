package auth

import (
	"bytes"
	"encoding/hex"
)

// smallOrder reports whether a key is one of the points of small order (or another encoding of one),
// for which one signature verifies any message: crypto/ed25519 does not refuse them.
func smallOrder(key []byte) bool {
	y := bytes.Clone(key)
	y[31] &= 0x7f // the sign of x
	for _, known := range smallOrders() {
		if bytes.Equal(y, known) {
			return true
		}
	}
	return false
}

// smallOrders lists the y coordinates, little endian, with their encodings that are not reduced.
func smallOrders() [][]byte {
	var list [][]byte
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		b, _ := hex.DecodeString(s)
		list = append(list, b)
	}
	return list
}
