package gateway

import (
	"net"
	"sync"
)

// admission counts the connections that are open, handshakes included, against the limits: before the upgrade,
// since what comes after it costs memory.
type admission struct {
	most, mostPerIP int                  // Limits.MaxConnections and MaxPerIP
	exempt          func(ip string) bool // from mostPerIP

	mu     sync.Mutex
	open   int            // as many as inside counts
	perIP  map[string]int // an address without connections has no entry
	inside running        // what stopping waits for
}

func newAdmission(l Limits, exempt func(ip string) bool) *admission {
	return &admission{most: l.MaxConnections, mostPerIP: l.MaxPerIP, exempt: exempt, perIP: map[string]int{}}
}

// enter returns false when there are too many connections, or the gateway is stopping; else exit takes it back. An
// address that many clients share, as a proxy's that does not tell them apart, has no limit of its own.
func (a *admission) enter(ip string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open >= a.most || !a.exempt(ip) && a.perIP[ip] >= a.mostPerIP {
		return false
	}
	if !a.inside.begin() {
		return false
	}
	a.open++
	a.perIP[ip]++
	return true
}

// exit undoes one enter of the same address. It comes last, when the connection needs nothing more.
func (a *admission) exit(ip string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inside.end()
	a.open--
	if a.perIP[ip]--; a.perIP[ip] <= 0 {
		delete(a.perIP, ip)
	}
}

// close lets nobody enter any more.
func (a *admission) close() { a.inside.close() }

// loopback reports whether an address is this machine's own.
func loopback(ip string) bool {
	return net.ParseIP(ip).IsLoopback()
}
