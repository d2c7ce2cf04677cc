package gateway

import (
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// hub knows every connection from its upgrade to its end, and ends them all when the gateway stops.
//
// A connection takes a place (admission), shakes hands (handshakes), is a member that others see (members, presence),
// leaves, and gives its place back. Stopping relies on this: after close none gets past the stage that it is in, so
// dismiss finds each either among the handshakes or among the members, and wait ends when the last has given its
// place back.
type hub struct {
	admission  *admission
	handshakes *handshakes
	members    *members
	presence   *Presence
	base       context.Context // the connections'; ends in dismiss
	end        context.CancelFunc
}

func newHub(l Limits, p *Presence) *hub {
	h := &hub{admission: newAdmission(l), handshakes: newHandshakes(), members: newMembers(), presence: p}
	h.base, h.end = context.WithCancel(context.Background())
	return h
}

// join makes a connection a member, or returns false when the gateway is stopping.
func (h *hub) join(c *conn) bool {
	if !h.members.join(c) {
		return false
	}
	h.presence.arrive(c.caller)
	return true
}

// leave undoes join, once: events no longer reach the connection.
func (h *hub) leave(c *conn) {
	h.members.drop(c)
	h.presence.depart(c.caller)
}

// close lets nobody in any more. It is the first thing that stopping does.
func (h *hub) close() {
	h.admission.close()
	h.members.close()
}

// stopping reports whether close was called.
func (h *hub) stopping() bool { return h.admission.inside.ending() }

// dismiss, after close, ends what the connections do and closes them, the members with a reason. It returns when they
// have been told, or did not listen for closeTimeout.
func (h *hub) dismiss(reason string) {
	h.end()
	var closing sync.WaitGroup
	for _, c := range h.members.all() {
		closing.Go(func() { c.shut(wire.CloseRestart, reason) })
	}
	h.handshakes.close()
	closing.Wait()
}

// wait returns when every connection has ended or ctx does. A connection ends when its reader has seen the end.
func (h *hub) wait(ctx context.Context) { h.admission.inside.wait(ctx) }
