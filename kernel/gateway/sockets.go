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
// it is for this machine. When it is full, somebody makes place for who comes: who rests the longest since the last
// answer, or else the oldest of the address that has the most, whether it asks for something or not. So those who hold connections with requests that never end, be it
// from this machine or through a proxy on it, keep nobody out; the time that a login takes is short beside it.
type sockets struct {
	most, perIP int
	exempt      func(ip string) bool // from perIP

	mu      sync.Mutex
	byIP    map[string]int // an address without connections has no entry
	resting *list.List     // of *socket: those that were answered and ask for nothing more, the longest first
	busy    *list.List     // of *socket: the others, new ones too, the oldest first
	closed  bool           // nobody enters any more
}

func newSockets(l Limits, exempt func(ip string) bool) *sockets {
	return &sockets{most: l.MaxStrangers, perIP: l.MaxPerIP, exempt: exempt, byIP: map[string]int{}, resting: list.New(), busy: list.New()}
}

// socket is one connection. Whoever closes it, an HTTP server or what has taken it over from there, ends its count.
type socket struct {
	net.Conn
	of *sockets
	ip string

	// Under of.mu.
	in    *list.List    // of.resting or of.busy, nil once it is not counted
	at    *list.Element // its place there
	asked bool          // for something, at least once
}

// enter counts a connection, or returns nil where there is no room for it.
func (s *sockets) enter(c net.Conn) *socket {
	k := &socket{Conn: c, of: s, ip: auth.Address(c.RemoteAddr().String())}
	kept := s.most / 8
	if loopback(k.ip) {
		k.ip, kept = ownIP, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !s.exempt(k.ip) && s.byIP[k.ip] >= s.perIP || s.resting.Len()+s.busy.Len() >= s.most-kept && !s.evict(kept) {
		return nil
	}
	s.byIP[k.ip]++
	k.put(s.busy)
	return k
}

// ownIP stands for all addresses of loopback: a program of this machine may take any of them.
const ownIP = "127.0.0.1"

// evict closes the connection that has rested the longest, or else the oldest of the address that has the most, of which
// this machine keeps so many in any case. It returns false if there is none. The caller holds mu.
func (s *sockets) evict(kept int) bool {
	if s.rid(s.resting.Front()) {
		return true
	}
	has := func(ip string) int {
		if ip == ownIP {
			return s.byIP[ip] - kept
		}
		return s.byIP[ip]
	}
	most := 1
	for ip := range s.byIP {
		most = max(most, has(ip))
	}
	for e := s.busy.Front(); e != nil; e = e.Next() {
		if has(e.Value.(*socket).ip) == most {
			return s.rid(e)
		}
	}
	return false
}

// rid closes a connection, and returns false where there is none. The caller holds mu.
func (s *sockets) rid(e *list.Element) bool {
	if e == nil {
		return false
	}
	k := e.Value.(*socket)
	s.leave(k)
	_ = k.Conn.Close() // who reads or writes there finds out
	return true
}

// dismiss lets nobody in any more and closes the connections that ask for nothing. The HTTP server would wait for those
// that never have: it takes them for requests on their way, for five seconds.
func (s *sockets) dismiss() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for s.rid(s.resting.Front()) {
	}
	var next *list.Element
	for e := s.busy.Front(); e != nil; e = next {
		if next = e.Next(); !e.Value.(*socket).asked {
			s.rid(e)
		}
	}
}

// leave ends a connection's count. The caller holds mu.
func (s *sockets) leave(k *socket) {
	if k.in == nil {
		return
	}
	k.put(nil)
	if s.byIP[k.ip]--; s.byIP[k.ip] <= 0 {
		delete(s.byIP, k.ip)
	}
}

// put moves a connection to the end of a list, unless it is in it; nil is none. The caller holds of.mu.
func (k *socket) put(in *list.List) {
	if k.in == in {
		return
	}
	if k.in != nil {
		k.in.Remove(k.at)
	}
	if k.in = in; in != nil {
		k.at = in.PushBack(k)
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
	switch {
	case k.in == nil:
	case state == http.StateActive || state == http.StateHijacked:
		k.asked = true
		k.put(s.busy)
	case state == http.StateIdle:
		k.put(s.resting)
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
