package session

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// TestKeptIsBounded: those read last are kept, within the bound, and one that is longer than it is not.
func TestKeptIsBounded(t *testing.T) {
	text := func(n int) []Message { return []Message{{Parts: []wit.Part{TextPart(strings.Repeat("x", n))}}} }
	var k kept
	for n := range 40 {
		k.put(fmt.Sprint(n), 0, text(1<<20))
	}
	k.put("long", 0, text(keptBytes))
	if k.find("39", 0) == nil || k.find("0", 0) != nil || k.find("long", 0) != nil {
		t.Errorf("%d are kept", len(k.ends))
	}
	sum := 0
	for _, e := range k.ends {
		sum += e.size
	}
	if sum != k.size || k.size > keptBytes || k.size < keptBytes/2 {
		t.Errorf("%d bytes are kept and %d counted", sum, k.size)
	}
}
