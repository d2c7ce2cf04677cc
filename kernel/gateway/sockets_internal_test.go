package gateway

import (
	"fmt"
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
	count := func() int { return s.resting.Len() + s.busy.Len() }
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
	s.state(second, http.StateActive)
	s.state(second, http.StateIdle)
	for _, ip := range []string{"198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5", "198.51.100.6"} {
		if enter(ip) == nil {
			t.Fatalf("%s finds no room", ip)
		}
	}
	// Seven of eight: the last place is this machine's, so the one that rests goes.
	if enter("198.51.100.7") == nil || conns[first].closed || !conns[second].closed || count() != 7 {
		t.Errorf("of seven, the first %v and the second %v closed, %d left", conns[first].closed, conns[second].closed, count())
	}
	own := enter("127.0.0.1")
	if own == nil || count() != 8 {
		t.Fatal("this machine finds no room")
	}
	for k := range conns {
		s.state(k, http.StateActive)
	}
	s.state(own, http.StateIdle)
	s.state(own, http.StateIdle)
	if s.resting.Len() != 1 || enter("127.0.0.9") == nil || !conns[own].closed || count() != 8 {
		t.Error("one that has become idle makes no place")
	}
	s.state(own, http.StateIdle)
	if s.resting.Len() != 0 {
		t.Error("one that is counted no more rests")
	}
	for k := range conns {
		_ = k.Close()
		k.known()
	}
	if count() != 0 || len(s.byIP) != 0 || s.resting.Len() != 0 {
		t.Errorf("after the end %d, %v", count(), s.byIP)
	}
	s.state(&stranger{}, http.StateActive) // a connection of another listener
}

// TestWhoMakesPlace: when all are busy, the oldest of the address that has the most goes. What this machine keeps for
// itself goes for nobody else.
func TestWhoMakesPlace(t *testing.T) {
	const most = 16 // of which this machine keeps two
	one, two, own := "198.51.100.1", "198.51.100.2", "127.0.0.1"
	for name, c := range map[string]struct {
		held []string // in the order in which they came, all busy
		come string
		goes int // which
	}{
		"of the one with most":               {rows(two, 1, one, 8, two, 4, own, 1), two, 1},
		"the oldest where all have the same": {others(14), one, 0},
		"this machine's for this machine":    {rows(own, 16), "127.0.0.7", 0},
		"the first of those with most":       {rows(one, 4, two, 6, own, 6), own, 4},
		"never this machine's few":           {append(rows(own, 2), others(12)...), one, 2},
		"this machine's, if it has most":     {rows(one, 1, own, 13), two, 1},
	} {
		s := newSockets(Limits{MaxStrangers: most, MaxPerIP: 100}, loopback)
		conns := []*stranger{}
		for _, ip := range c.held {
			conns = append(conns, &stranger{ip: ip})
			if k := s.enter(conns[len(conns)-1]); k != nil {
				s.state(k, http.StateActive)
			}
		}
		for _, gone := range conns {
			if gone.closed {
				t.Fatalf("%s: the places are not enough", name)
			}
		}
		if s.enter(&stranger{ip: c.come}) == nil {
			t.Errorf("%s: who comes finds no place", name)
		}
		for n, held := range conns {
			if held.closed != (n == c.goes) {
				t.Errorf("%s: connection %d of %v, closed %t", name, n, c.held, held.closed)
			}
		}
	}
}

// rows are addresses, each so many times.
func rows(pairs ...any) (list []string) {
	for i := 0; i < len(pairs); i += 2 {
		for range pairs[i+1].(int) {
			list = append(list, pairs[i].(string))
		}
	}
	return list
}

// others are n addresses of other machines.
func others(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint("198.51.100.", 16+i))
	}
	return list
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
