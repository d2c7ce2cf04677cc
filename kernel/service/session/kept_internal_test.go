package session

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// TestKeptWithinAShare: a service that may keep less keeps less.
func TestKeptWithinAShare(t *testing.T) {
	k := kept{most: 100 << 10}
	for i := range 50 {
		k.put(fmt.Sprint("h", i), 0, []Message{{Parts: []wit.Part{TextPart(strings.Repeat("x", 10<<10))}}})
	}
	if k.size > 100<<10 || len(k.ends) < 5 || k.find("h49", 0) == nil {
		t.Errorf("%d ends with %d bytes are kept", len(k.ends), k.size)
	}
}

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
	defer func() {
		k.forget()
		if k.find("39", 0) != nil || k.size != 0 {
			t.Error("something is kept that was forgotten")
		}
	}()
	if sum != k.size || k.size > keptBytes || k.size < keptBytes/2 {
		t.Errorf("%d bytes are kept and %d counted", sum, k.size)
	}
}
