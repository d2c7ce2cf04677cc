package gateway

import (
	"encoding/json"
	"slices"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/hashicorp/go-hclog"
)

// broadcaster sends events to the members that are entitled to them, and counts the versions of health. An
// event is encoded once for all, or for all of a protocol, and not at all if nobody gets it.
type broadcaster struct {
	members  *members
	presence *Presence
	// followers name connections that get an event without its scope.
	followers []func(event.Event) []string
	health    atomic.Uint64
	log       hclog.Logger
}

// onEvent passes an event of the bus on. It is called in the bus's order and does not block.
func (b *broadcaster) onEvent(e event.Event) {
	if e.Name == healthEvent {
		b.health.Add(1)
	}
	b.send(e, nil)
}

// following lists the connections that get an event without its scope.
func (b *broadcaster) following(e event.Event) (ids []string) {
	for _, follow := range b.followers {
		ids = append(ids, follow(e)...)
	}
	return ids
}

// send sends an event to those entitled that keep selects; nil is all.
func (b *broadcaster) send(e event.Event, keep func(*conn) bool) {
	var bodies [2][]byte // for protocol 3, and for those after it
	also := b.following(e)
	b.members.each(e.To, func(c *conn) {
		entitled := wire.Allows(c.caller.Role, c.caller.Scopes, e.Scope) || slices.Contains(also, c.caller.ConnID)
		if !entitled || keep != nil && !keep(c) {
			return
		}
		body := &bodies[0]
		if _, versioned := e.Payload.(event.Versioned); versioned && c.caller.Protocol > 3 {
			body = &bodies[1]
		}
		if *body == nil {
			*body = b.event(e.Name, b.payload(e, c.caller.Protocol))
		}
		c.send(frame{body: *body, event: true}, e.DropIfSlow)
	})
}

// payload encodes what an event says to clients of a protocol.
func (b *broadcaster) payload(e event.Event, protocol int) json.RawMessage {
	payload := e.Payload
	if v, ok := payload.(event.Versioned); ok {
		payload = v.Version(protocol)
	}
	raw, err := rpc.Encode(payload)
	if err != nil {
		b.log.Error("event not encoded", "event", e.Name, "error", err)
		return json.RawMessage("{}") // the event is news even without its payload
	}
	return json.RawMessage(raw)
}

// event encodes an event for all who get it; presence and health carry the state's version.
func (b *broadcaster) event(name string, payload json.RawMessage) []byte {
	room := make([]byte, 0, len(payload)+len(name)+96) // for what stands around them
	if name != healthEvent && name != presenceKind.Name {
		return wire.AppendEvent(room, name, payload, nil)
	}
	v := b.version()
	return wire.AppendEvent(room, name, payload, &v)
}

// version is that of the state which clients keep a copy of.
func (b *broadcaster) version() wire.StateVersion {
	return wire.StateVersion{Presence: b.presence.version.Load(), Health: b.health.Load()}
}

// announce sends the list of connected clients, in full to admins, and to each in his protocol.
func (b *broadcaster) announce() {
	for _, admin := range []bool{true, false} {
		e := presenceKind.Event(wire.PresenceChanged{})
		e.Payload = presenceNews{b.presence, admin}
		b.send(e, func(c *conn) bool { return wire.Allows(c.caller.Role, c.caller.Scopes, wire.ScopeAdmin) == admin })
	}
}

// presenceNews is the list of connected clients, which is made when somebody gets it.
type presenceNews struct {
	presence *Presence
	admin    bool
}

// Version implements event.Versioned: it returns a wire.PresenceChanged, encoded.
func (n presenceNews) Version(protocol int) any {
	list := n.presence.List(n.admin, protocol)
	return rpc.Encoded(slices.Concat([]byte(`{"presence":`), list, []byte{'}'}))
}

// revoke closes the connections that stand on what was revoked.
func (b *broadcaster) revoke(r auth.Revocation) {
	for _, c := range b.members.all() {
		if c.caller.DeviceID == r.DeviceID && (r.Role == "" || r.Role == c.caller.Role) {
			c.shutSoon(wire.ClosePolicy, "the device's access was revoked")
		}
	}
}
