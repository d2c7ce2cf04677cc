package leb_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime/leb"
)

func TestAppendSigned(t *testing.T) {
	for v, want := range map[int64][]byte{
		0: {0}, 63: {0x3f}, 64: {0xc0, 0}, -1: {0x7f}, -64: {0x40}, -65: {0xbf, 0x7f}, -123456: {0xc0, 0xbb, 0x78},
		math.MaxInt64: {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0},
		math.MinInt64: {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f},
	} {
		if got := leb.AppendSigned([]byte{1}, v); !bytes.Equal(got[1:], want) || got[0] != 1 {
			t.Errorf("%d: % x, want % x", v, got[1:], want)
		}
	}
}
