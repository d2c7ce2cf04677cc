package gateway

import (
	"slices"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// WithCap returns the ids of the connections whose client said that it can do this.
func (g *Gateway) WithCap(name string) []string {
	var ids []string
	for _, c := range g.hub.members.all() {
		if slices.Contains(c.caller.Caps, name) {
			ids = append(ids, c.caller.ConnID)
		}
	}
	return ids
}

// Allowed reports whether an operator is connected who has this scope.
func (g *Gateway) Allowed(scope wire.Scope) bool {
	return slices.ContainsFunc(g.hub.members.all(), func(c *conn) bool {
		return c.caller.Role == wire.RoleOperator && wire.Allows(c.caller.Role, c.caller.Scopes, scope)
	})
}

// Devices returns the ids of the devices that are connected.
func (g *Gateway) Devices() map[string]bool {
	ids := map[string]bool{}
	g.hub.members.each(nil, func(c *conn) {
		if c.caller.DeviceID != "" {
			ids[c.caller.DeviceID] = true
		}
	})
	return ids
}
