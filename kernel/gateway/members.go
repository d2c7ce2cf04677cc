package gateway

import "net"

// enter counts a connection against the limits before it is upgraded, and returns false when there are too many;
// exit takes it back.
func (g *Gateway) enter(ip string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping.Load() || g.open >= g.limits.MaxConnections || (!loopback(ip) && g.perIP[ip] >= g.limits.MaxPerIP) {
		return false
	}
	g.open++
	g.perIP[ip]++
	g.members.begin()
	return true
}

func (g *Gateway) exit(ip string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members.end()
	g.open--
	if g.perIP[ip]--; g.perIP[ip] <= 0 {
		delete(g.perIP, ip)
	}
}

func loopback(ip string) bool {
	a := net.ParseIP(ip)
	return a != nil && a.IsLoopback()
}

// join lets events reach a connection, or returns false when the gateway is stopping.
func (g *Gateway) join(c *conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping.Load() {
		return false
	}
	g.conns[c.caller.ConnID] = c
	return true
}

// drop undoes join.
func (g *Gateway) drop(c *conn) {
	g.mu.Lock()
	delete(g.conns, c.caller.ConnID)
	g.mu.Unlock()
	g.deps.Presence.depart(c.caller)
}

// leave removes a connection that has ended.
func (g *Gateway) leave(c *conn) {
	g.drop(c)
	g.exit(c.caller.RemoteIP)
}

// addHandshake and removeHandshake bracket the time in which closeHandshakes may close the connection.
func (g *Gateway) addHandshake(h *handshake) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.handshakes[h] = true
}

func (g *Gateway) removeHandshake(h *handshake) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.handshakes, h)
}

// closeHandshakes ends the handshakes that are under way.
func (g *Gateway) closeHandshakes() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for h := range g.handshakes {
		_ = h.link.Close()
	}
}
