package kernel

import (
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/runtime"
)

// share is who gets what of the gateway's budget of memory, in bytes. The parts are the budget together.
type share struct {
	// history is for the ends of conversations that are kept decoded, store the page cache of the store's writer.
	history, store int
	// clients is for answers that wait to be sent, and for long requests.
	clients int64
	// plugins is the rest.
	plugins int64
}

// Bounds of what clients have. One that needs more gets it where no other one has any.
const mostClients, leastClients = 256 << 20, 4 << 20

// Bounds of the caches. With more they get no faster, and with less each request reads what the last one has read.
const (
	mostHistory, leastHistory = 8 << 20, 1 << 20
	mostStore, leastStore     = 2 << 20, 512 << 10
	// storeCaches is how many quarters of the writer's cache all connections of the store have together: its own, and one
	// for each of nine readers.
	storeCaches = 4 + 9
)

// shareOf divides what is configured, or what the machine allows. Errors: CodeInvalid.
func shareOf(c config.Runtime) (share, error) {
	budget, err := c.MemoryBytes()
	if budget == 0 {
		budget = runtime.DefaultMemory()
	}
	s := share{
		history: int(min(max(budget/64, leastHistory), mostHistory)),
		store:   int(min(max(budget/256, leastStore), mostStore)),
		clients: min(max(budget/16, leastClients), mostClients),
	}
	s.plugins = budget - int64(s.history) - int64(s.store/4*storeCaches) - s.clients
	return s, err
}
