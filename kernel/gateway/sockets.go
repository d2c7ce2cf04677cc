package gateway

import (
	"container/list"
	"net"
	"net/http"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/auth"
)

// sockets counts the connections of strangers: all that were accepted until auth has let them in. There is room for
// so many only, so that they leave file descriptors to everybody else, for some of one address, and the last of
// it is for this machine. When it is full, who has asked for nothing the longest makes place.
type sockets struct {
	most, perIP int
	exempt      func(ip string) bool // from perIP

	mu      sync.Mutex
	count   int
	byIP    map[string]int // an address without connections has no entry
	resting *list.List     // of *socket: those that ask for nothing, the longest first
	closed  bool           // nobody enters any more
}

func newSockets(l Limits, exempt func(ip string) bool) *sockets {
	return &sockets{most: l.MaxStrangers, perIP: l.MaxPerIP, exempt: exempt, byIP: map[string]int{}, resting: list.New()}
}

// socket is one connection. Whoever closes it, an HTTP server or what has taken it over from there, ends its count.
type socket struct {
	net.Conn
	of *sockets
	ip string

	// Under of.mu.
	counted bool
	rests   *list.Element // in of.resting
}

// enter counts a connection, or returns nil where there is no room for it.
func (s *sockets) enter(c net.Conn) *socket {
	k := &socket{Conn: c, of: s, ip: auth.Address(c.RemoteAddr().String()), counted: true}
	s.mu.Lock()
	defer s.mu.Unlock()
	room := s.most
	if !loopback(k.ip) {
		room -= s.most / 8
	}
	if s.closed || !s.exempt(k.ip) && s.byIP[k.ip] >= s.perIP || s.count >= room && !s.evict() {
		return nil
	}
	s.count++
	s.byIP[k.ip]++
	k.rests = s.resting.PushBack(k)
	return k
}

// evict closes the connection that has rested the longest, and returns false if none rests. The caller holds mu.
func (s *sockets) evict() bool {
	first := s.resting.Front()
	if first == nil {
		return false
	}
	k := first.Value.(*socket)
	s.leave(k)
	_ = k.Conn.Close() // does not block: nothing is being written
	return true
}

// dismiss lets nobody in any more and closes the connections that ask for nothing. The HTTP server would wait for those
// that never have: it takes them for requests on their way, for five seconds.
func (s *sockets) dismiss() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.evict() {
	}
}

// leave ends a connection's count. The caller holds mu.
func (s *sockets) leave(k *socket) {
	if !k.counted {
		return
	}
	k.counted = false
	s.wake(k)
	s.count--
	if s.byIP[k.ip]--; s.byIP[k.ip] <= 0 {
		delete(s.byIP, k.ip)
	}
}

// wake takes a connection out of those that rest. The caller holds mu.
func (s *sockets) wake(k *socket) {
	if k.rests != nil {
		s.resting.Remove(k.rests)
		k.rests = nil
	}
}

// state follows what the HTTP server does with a connection; its type is that of http.Server.ConnState.
func (s *sockets) state(c net.Conn, state http.ConnState) {
	k, ok := c.(*socket)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateActive, http.StateHijacked:
		s.wake(k)
	case http.StateIdle:
		if k.counted && k.rests == nil {
			k.rests = s.resting.PushBack(k)
		}
	}
}

// known says that the connection is no stranger's any more.
func (k *socket) known() {
	k.of.mu.Lock()
	defer k.of.mu.Unlock()
	k.of.leave(k)
}

// Close implements net.Conn.
func (k *socket) Close() error {
	k.known()
	return k.Conn.Close()
}

// guarded is a listener whose connections are counted. It accepts those that there is room for and closes the rest.
type guarded struct {
	net.Listener
	sockets *sockets
}

// Accept implements net.Listener.
func (g guarded) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if k := g.sockets.enter(c); k != nil {
			return k, nil
		}
		_ = c.Close()
	}
}
