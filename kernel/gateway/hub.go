package gateway

import (
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/rpc"
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
	joined     []func(context.Context, *rpc.Caller) (left func()) // others that are told
	crowded    func() bool
	base       context.Context // the connections'; ends in dismiss
	end        context.CancelFunc
}

func newHub(l Limits, exempt func(ip string) bool, p *Presence) *hub {
	h := &hub{admission: newAdmission(l, exempt), handshakes: newHandshakes(), members: newMembers(), presence: p}
	h.base, h.end = context.WithCancel(context.Background())
	return h
}

// join makes a connection a member, or returns false when the gateway is stopping.
func (h *hub) join(c *conn) bool {
	if !h.members.join(c) {
		return false
	}
	h.presence.arrive(c.caller)
	for _, tell := range h.joined {
		if left := tell(c.ctx, c.caller); left != nil {
			c.left = append(c.left, left)
		}
	}
	return true
}

// leave undoes join, once: events no longer reach the connection.
func (h *hub) leave(c *conn) {
	h.members.drop(c)
	for _, left := range c.left {
		left()
	}
	h.presence.depart(c.caller)
}

// close lets nobody in any more. It is the first thing that stopping does.
func (h *hub) close() {
	h.admission.close()
	h.members.close()
}

// stopping reports whether close was called.
func (h *hub) stopping() bool { return h.admission.inside.ending() }

// dismiss, after close, closes the connections with a reason and ends what they do. It returns when they
// have been told, or did not listen for closeTimeout.
func (h *hub) dismiss(reason string) {
	var closing sync.WaitGroup
	for _, c := range h.members.all() {
		closing.Go(func() { c.shut(wire.CloseRestart, reason) })
	}
	h.handshakes.close(wire.CloseRestart, reason)
	closing.Wait()
	h.end() // not before the clients were told: a reader that waits ends with this
}

// wait returns when every connection has ended or ctx does. A connection ends when its reader has seen the end.
func (h *hub) wait(ctx context.Context) { h.admission.inside.wait(ctx) }
