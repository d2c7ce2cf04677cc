package feishutest

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// socket is a connection that a program has opened ("Receive events through long connection").
type socket struct {
	life context.Context
	end  context.CancelFunc
	conn *websocket.Conn
	acks chan string // the ids of messages that were answered with 200
}

// ackTime is how long the server waits for an answer to an event.
const ackTime = 3 * time.Second

// endpoint answers with the address of a connection, which is good once.
func (s *Server) endpoint(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	var body struct{ AppID, AppSecret string }
	if err := read(r, &body); err != nil {
		return nil, err
	}
	if body.AppID != s.cfg.AppID || body.AppSecret != s.cfg.AppSecret {
		return nil, &apiError{http.StatusOK, 514, "auth failed"}
	}
	ticket := s.next("ticket")
	s.tickets[ticket] = true
	url := "ws" + strings.TrimPrefix(s.Root(), "http") + "/ws?device_id=7&service_id=33554678&ticket=" + ticket
	return object{"data": object{"URL": url, "ClientConfig": object{"ReconnectCount": -1, "ReconnectInterval": 1, "ReconnectNonce": 1, "PingInterval": 1}}}, nil
}

// serveSocket is one connection, from its opening to its end.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.mu.Lock()
	known := s.tickets[ticket]
	delete(s.tickets, ticket)
	s.mu.Unlock()
	if !known || r.URL.Query().Get("service_id") == "" {
		w.Header().Set("Handshake-Status", "514")
		http.Error(w, "auth failed", http.StatusForbidden)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	conn.SetReadLimit(1 << 20)
	c := &socket{conn: conn, acks: make(chan string, 16)}
	c.life, c.end = context.WithCancel(s.Life)
	defer c.end()
	defer conn.CloseNow()
	s.join(c)
	defer s.leave(c)
	for {
		_, data, err := conn.Read(c.life)
		if err != nil {
			return
		}
		s.answered(c, data)
	}
}

func (s *Server) join(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets = append(s.sockets, c)
	s.opened++
	s.To(func(events [][]byte) bool { return s.push(events[0]) })
	s.Raise()
}

func (s *Server) leave(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range s.sockets {
		if o == c {
			s.sockets = append(s.sockets[:i:i], s.sockets[i+1:]...)
		}
	}
	s.Raise()
}

// answered takes what a program says: a ping, or the answer to an event.
func (s *Server) answered(c *socket, data []byte) {
	f, err := readFrame(data)
	switch {
	case err != nil || f.service != 33554678:
		c.end() // as the platform does with what it does not understand
	case f.method == 0 && f.headers["type"] == "ping":
		s.mu.Lock()
		s.pings++
		s.Raise()
		s.mu.Unlock()
		pong := frame{service: f.service, headers: map[string]string{"type": "pong"}, payload: `{"PingInterval":1}`}
		_ = c.conn.Write(c.life, websocket.MessageBinary, pong.bytes())
	case f.method == 1 && strings.Contains(f.payload, `"code":200`):
		select {
		case c.acks <- f.headers["message_id"]:
		case <-c.life.Done():
		}
	}
}

// push tells a program of an event, in one packet or two, and reports whether it has answered.
func (s *Server) push(event []byte) bool {
	s.mu.Lock()
	if len(s.sockets) == 0 {
		s.mu.Unlock()
		return false
	}
	c, id, parts := s.sockets[len(s.sockets)-1], s.next("frame"), []string{string(event)}
	if s.split {
		parts = []string{string(event[:len(event)/2]), string(event[len(event)/2:])}
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(c.life, ackTime)
	defer cancel()
	for i, part := range parts {
		f := frame{seq: 1, log: 2, service: 33554678, method: 1, payload: part, headers: map[string]string{
			"type": "event", "message_id": id, "trace_id": "t", "sum": strconv.Itoa(len(parts)), "seq": strconv.Itoa(i),
		}}
		if c.conn.Write(ctx, websocket.MessageBinary, f.bytes()) != nil {
			return false
		}
	}
	for {
		select {
		case got := <-c.acks:
			if got == id {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}

// Split has events come in two packets each.
func (s *Server) Split(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.split = on
}

// Break ends all connections.
func (s *Server) Break() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.sockets {
		c.end()
	}
}

// Sockets is how many connections are open.
func (s *Server) Sockets() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.sockets) }

// Opened is how many connections were opened.
func (s *Server) Opened() int { s.mu.Lock(); defer s.mu.Unlock(); return s.opened }

// Pings is how many pings have come.
func (s *Server) Pings() int { s.mu.Lock(); defer s.mu.Unlock(); return s.pings }
