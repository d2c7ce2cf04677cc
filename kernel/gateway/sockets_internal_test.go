package gateway

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// stranger is a stranger's connection, which notes that it was closed.
type stranger struct {
	net.Conn
	ip     string
	closed bool
}

func (s *stranger) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(s.ip), Port: 4000} }
func (s *stranger) Close() error         { s.closed = true; return nil }

// TestSockets: how many strangers there may be, of one address and in all, and who makes place for whom.
func TestSockets(t *testing.T) {
	s := newSockets(Limits{MaxStrangers: 8, MaxPerIP: 2}, loopback)
	conns := map[*socket]*stranger{}
	enter := func(ip string) *socket {
		raw := &stranger{ip: ip}
		k := s.enter(raw)
		if k != nil {
			conns[k] = raw
		}
		return k
	}
	first, second := enter("198.51.100.1"), enter("198.51.100.1")
	if first == nil || second == nil || enter("198.51.100.1") != nil {
		t.Fatal("an address has two connections")
	}
	s.state(first, http.StateActive)
	for _, ip := range []string{"198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5", "198.51.100.6"} {
		if enter(ip) == nil {
			t.Fatalf("%s finds no room", ip)
		}
	}
	// Seven of eight: the last place is this machine's, so the longest idle one goes.
	if enter("198.51.100.7") == nil || conns[first].closed || !conns[second].closed || s.count != 7 {
		t.Errorf("of seven, the first %v and the second %v closed, %d left", conns[first].closed, conns[second].closed, s.count)
	}
	own := enter("127.0.0.1")
	if own == nil || s.count != 8 {
		t.Fatal("this machine finds no room")
	}
	for k := range conns {
		s.state(k, http.StateActive)
	}
	if enter("198.51.100.8") != nil || enter("127.0.0.1") != nil {
		t.Error("busy ones were let go")
	}
	s.state(own, http.StateIdle)
	s.state(own, http.StateIdle)
	if s.resting.Len() != 1 || enter("127.0.0.1") == nil || !conns[own].closed || s.count != 8 {
		t.Error("one that has become idle makes no place")
	}
	s.state(own, http.StateIdle)
	if s.resting.Len() != 1 {
		t.Error("one that is counted no more rests")
	}
	for k := range conns {
		_ = k.Close()
		k.known()
	}
	if s.count != 0 || len(s.byIP) != 0 || s.resting.Len() != 0 {
		t.Errorf("after the end %d, %v", s.count, s.byIP)
	}
	s.state(&stranger{}, http.StateActive) // a connection of another listener
}

// TestARoutesRefusal is counted once, and answered for the route where its sender was told to stay away.
func TestARoutesRefusal(t *testing.T) {
	for name, tt := range map[string]struct {
		wait    time.Duration
		status  int
		want    int
		counted int
		body    string
	}{
		"another status": {time.Minute, 403, 403, 0, "mine"}, "a first one": {0, 401, 401, 1, "mine"}, "one too many": {1500 * time.Millisecond, 401, 429, 1, ""},
	} {
		counted := 0
		w := httptest.NewRecorder()
		a := &answer{ResponseWriter: w, refused: func() time.Duration { counted++; return tt.wait }}
		a.Header().Set("WWW-Authenticate", "Bearer")
		a.WriteHeader(tt.status)
		if _, err := a.Write([]byte("mine")); err != nil {
			t.Error(err)
		}
		if tt.want == 429 {
			a.WriteHeader(tt.status)
		}
		if w.Code != tt.want || counted != tt.counted || (w.Body.String() == "mine") != (tt.body == "mine") || (w.Header().Get("WWW-Authenticate") == "") != (tt.want == 429) {
			t.Errorf("%s: %d, counted %d times, %q", name, w.Code, counted, w.Body)
		}
		if tt.want == 429 && w.Header().Get("Retry-After") != "2" {
			t.Errorf("retry after %s", w.Header().Get("Retry-After"))
		}
	}
}
