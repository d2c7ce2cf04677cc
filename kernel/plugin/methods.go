package plugin

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// IDParams name a plugin.
type IDParams struct {
	ID string `json:"id"`
}

// GrantParams name a plugin and what of it is granted.
type GrantParams struct {
	ID string `json:"id" rpc:"required,min=1,max=64"`
	// Digest is the one of waiting in plugins.info: a grant is for what was shown.
	Digest string `json:"digest" rpc:"required,min=1,max=128"`
}

// StatusResult lists the plugins, by id.
type StatusResult struct {
	Plugins []Status `json:"plugins"`
}

// Methods are the registry's rows of the method table.
func (r *Registry) Methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("plugins.status", wire.ScopeRead, func(context.Context, rpc.None) (StatusResult, error) {
			return StatusResult{Plugins: r.List()}, nil
		}).Doc("Lists the plugins and how they are."),
		rpc.New("plugins.info", wire.ScopeRead, func(_ context.Context, p IDParams) (Details, error) {
			return r.Info(p.ID)
		}).Doc("Returns all that is known of a plugin: what it may do, what it needs, how it is."),
		rpc.New("plugins.grant", wire.ScopeAdmin, func(ctx context.Context, p GrantParams) (Details, error) {
			if err := r.Grant(ctx, p.ID, p.Digest); err != nil {
				return Details{}, err
			}
			return r.Info(p.ID)
		}).Doc("Grants an update of a plugin what it may be, use and ask for, and returns the plugin."),
	}
}
