package gateway

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Methods are the rows of this package.
func (p *Presence) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("system-presence", wire.ScopeRead, p.list).OneOf([]wire.Presence{}).Doc("Lists who is there: the gateway first, then its clients."),
	}
}

// list shows in full to admins only, as List does.
func (p *Presence) list(ctx context.Context, _ rpc.None) (rpc.Encoded, error) {
	c := rpc.CallerOf(ctx)
	return p.List(wire.Allows(c.Role, c.Scopes, wire.ScopeAdmin), c.Protocol), nil
}
