package kernel

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/config"
)

// TestShares: whatever the budget, the plugins, the clients and the caches have it together, and the plugins nearly all.
func TestShares(t *testing.T) {
	for text, want := range map[string]share{
		"64M":  {history: 1 << 20, store: 512 << 10, clients: 4 << 20, plugins: 64<<20 - 1<<20 - 13*128<<10 - 4<<20},
		"128M": {history: 2 << 20, store: 512 << 10, clients: 8 << 20, plugins: 128<<20 - 2<<20 - 13*128<<10 - 8<<20},
		"4G":   {history: 8 << 20, store: 2 << 20, clients: 256 << 20, plugins: 4<<30 - 8<<20 - 13*512<<10 - 256<<20},
	} {
		got, err := shareOf(config.Runtime{Memory: text})
		if got != want || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
		budget, _ := config.Runtime{Memory: text}.MemoryBytes()
		if others := budget - got.plugins; others > budget/8 {
			t.Errorf("%s: all but the plugins have %d", text, others)
		}
	}
	if got, err := shareOf(config.Runtime{}); err != nil || got.plugins < 100<<20 {
		t.Errorf("by default %+v, %v", got, err)
	}
	if _, err := shareOf(config.Runtime{Memory: "much"}); err == nil {
		t.Error("much is no amount")
	}
}
