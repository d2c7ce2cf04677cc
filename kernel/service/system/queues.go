package system

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service"
)

// Queues counts what waits.
type Queues struct {
	// Runs are questions that are not answered yet.
	Runs int `json:"runs"`
	// Outbound are messages on their way out.
	Outbound int `json:"outbound"`
	// Held are messages that wait for the owner's word after a crash.
	Held int `json:"held"`
	// Aside are events of channels that no plugin could handle.
	Aside int `json:"aside"`
}

// queues counts what waits in the services.
func queues(ctx context.Context, services []service.Service) (Queues, error) {
	all, err := service.Queues(ctx, services)
	return Queues{Runs: all["runs"], Outbound: all["outbound"], Held: all["held"], Aside: all["dead_letters"]}, err
}
