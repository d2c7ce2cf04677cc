package auth

import (
	"strconv"
	"testing"
	"time"
)

// TestReplaysAreBounded: a full memory takes no further signature until the first ones would be refused for their age.
func TestReplaysAreBounded(t *testing.T) {
	now := time.UnixMilli(0)
	r := newReplays(func() time.Time { return now })
	for n := range 4096 {
		if !r.first(strconv.Itoa(n)) {
			t.Fatal("refused", n)
		}
	}
	now = now.Add(2 * MaxSkew)
	if r.first("more") || r.first("0") || len(r.seen) != 4096 {
		t.Errorf("%d are remembered", len(r.seen))
	}
	if now = now.Add(time.Millisecond); !r.first("more") || len(r.seen) != 1 {
		t.Errorf("%d are remembered after their time", len(r.seen))
	}
}
