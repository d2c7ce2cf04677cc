package gateway

import "slices"

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
