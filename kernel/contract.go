package kernel

import (
	"slices"

	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/protocol"
)

// Protocol describes what clients may call and hear: the same for every kernel, whatever its plugins.
func (k *Kernel) Protocol() protocol.Contract {
	return protocol.New(k.table.Describe(), slices.Concat(gateway.Events(), k.events()))
}
