package node

import (
	"slices"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// Bounds of what a node may declare; the rest is left out.
const (
	maxCommands = 512
	maxName     = 128
	maxSessions = 64 // that a connection hears of
)

// roster knows the nodes that are connected.
type roster struct {
	mu    sync.RWMutex
	nodes map[string][]*peer // by node, the newest last
}

func newRoster() *roster { return &roster{nodes: map[string][]*peer{}} }

// peer is a connection of a node. It does not change, but for what it hears of.
type peer struct {
	id       string
	caller   *rpc.Caller
	since    int64 // in Unix milliseconds
	declared Surface
	gone     chan struct{}
	sessions map[string]bool // by key; guarded by the roster's mu
}

// left reports whether the connection has ended.
func (p *peer) left() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// add makes a connection its node's current one. first is false where there was another.
func (r *roster) add(p *peer) (first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes[p.id] = append(r.nodes[p.id], p)
	return len(r.nodes[p.id]) == 1
}

// drop undoes add. last is true where no other is left.
func (r *roster) drop(p *peer) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(p.gone)
	rest := slices.DeleteFunc(slices.Clone(r.nodes[p.id]), func(o *peer) bool { return o == p })
	if len(rest) == 0 {
		delete(r.nodes, p.id)
		return true
	}
	r.nodes[p.id] = rest
	return false
}

// get returns a node's newest connection, nil for none.
func (r *roster) get(id string) *peer {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if list := r.nodes[id]; len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// by returns the peer of a connection, nil for none.
func (r *roster) by(c *rpc.Caller) *peer {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, p := range r.nodes[c.DeviceID] {
		if p.caller.ConnID == c.ConnID {
			return p
		}
	}
	return nil
}

// conns returns the ids of a node's connections.
func (r *roster) conns(id string) (list []string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, p := range r.nodes[id] {
		list = append(list, p.caller.ConnID)
	}
	return list
}

// follow has a connection hear of a session, or no longer. It returns false where it hears of too many.
func (r *roster) follow(p *peer, session string, on bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !on {
		delete(p.sessions, session)
		return true
	}
	if len(p.sessions) >= maxSessions && !p.sessions[session] {
		return false
	}
	p.sessions[session] = true
	return true
}

// following returns the connections that hear of a session.
func (r *roster) following(session string) (conns []string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, peers := range r.nodes {
		for _, p := range peers {
			if p.sessions[session] {
				conns = append(conns, p.caller.ConnID)
			}
		}
	}
	return conns
}
