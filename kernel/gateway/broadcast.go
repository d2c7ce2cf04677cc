package gateway

import (
	"encoding/json"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// onEvent passes an event of the bus on. It is called in the bus's order and does not block.
func (g *Gateway) onEvent(e event.Event) {
	if r, ok := e.Payload.(auth.Revocation); ok {
		g.revoke(r)
		return
	}
	if e.Name == "health" {
		g.healthVersion.Add(1)
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	var body []byte
	each := func(c *conn) {
		if !wire.Allows(c.caller.Role, c.caller.Scopes, e.Scope) {
			return
		}
		if body == nil {
			payload, err := json.Marshal(e.Payload)
			if err != nil {
				g.log.Error("event not encoded", "event", e.Name, "error", err)
				payload = json.RawMessage("{}")
			}
			body = g.event(e.Name, payload)
		}
		c.send(frame{body: body, event: true}, e.DropIfSlow)
	}
	if e.To == nil {
		for _, c := range g.conns {
			each(c)
		}
		return
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(e.To))) {
		if c := g.conns[id]; c != nil {
			each(c)
		}
	}
}

// event encodes an event for all who get it; presence and health carry the state's version.
func (g *Gateway) event(name string, payload json.RawMessage) []byte {
	if name != "health" && name != "presence" {
		return wire.AppendEvent(nil, name, payload, nil)
	}
	v := g.version()
	return wire.AppendEvent(nil, name, payload, &v)
}

// tell sends an event of the gateway's own to those entitled that keep selects (nil is all).
func (g *Gateway) tell(name string, scope wire.Scope, payload any, keep func(*conn) bool) {
	b, err := json.Marshal(payload)
	if err != nil {
		g.log.Error("event not encoded", "event", name, "error", err)
		return
	}
	body := g.event(name, b)
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, c := range g.conns {
		if wire.Allows(c.caller.Role, c.caller.Scopes, scope) && (keep == nil || keep(c)) {
			c.send(frame{body: body, event: true}, name != "shutdown")
		}
	}
}

// revoke closes the connections that stand on what was revoked.
func (g *Gateway) revoke(r auth.Revocation) {
	for _, c := range g.all() {
		if c.caller.DeviceID == r.DeviceID && (r.Role == "" || r.Role == c.caller.Role) {
			go c.shut(wire.ClosePolicy, "the device's access was revoked")
		}
	}
}
