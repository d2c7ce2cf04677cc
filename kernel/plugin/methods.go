package plugin

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// IDParams name a plugin, for plugins.info and plugins.grant.
type IDParams struct {
	ID string `json:"id"`
}

// StatusResult is what plugins.status returns.
type StatusResult struct {
	Plugins []Status `json:"plugins"`
}

// Methods are the registry's rows of the method table.
func (r *Registry) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("plugins.status", wire.ScopeRead, func(context.Context, rpc.None) (StatusResult, error) {
			return StatusResult{Plugins: r.List()}, nil
		}),
		rpc.New("plugins.info", wire.ScopeRead, func(_ context.Context, p IDParams) (Details, error) {
			return r.Info(p.ID)
		}),
		rpc.New("plugins.grant", wire.ScopeAdmin, func(ctx context.Context, p IDParams) (Details, error) {
			if err := r.Grant(ctx, p.ID); err != nil {
				return Details{}, err
			}
			return r.Info(p.ID)
		}),
	}
}
