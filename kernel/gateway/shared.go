package gateway

import (
	"context"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/hashicorp/go-hclog"
)

// shared is what all connections of a gateway use. It is one value behind one pointer, because a connection at
// rest must stay small.
type shared struct {
	table     *rpc.Table
	limits    Limits
	log       hclog.Logger
	metrics   *metrics
	buffers   buffers
	presence  *Presence
	admission *admission
	members   *members
	work      work            // requests that run
	base      context.Context // the connections', ended by the gateway when it has stopped
	stopping  atomic.Bool     // set once, by the gateway: nobody and nothing new is let in
}
