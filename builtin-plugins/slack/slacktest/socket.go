package slacktest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// socket is an open websocket of Socket Mode.
type socket struct {
	life context.Context
	end  context.CancelFunc

	mu   sync.Mutex
	out  [][]byte
	more chan struct{} // has a value while there is something in out
	shut bool          // close it once out is written
}

func newSocket(ctx context.Context) *socket {
	s := &socket{more: make(chan struct{}, 1)}
	s.life, s.end = context.WithCancel(ctx)
	return s
}

// put queues a frame.
func (c *socket) put(frame []byte) {
	c.mu.Lock()
	c.out = append(c.out, frame)
	c.mu.Unlock()
	c.wake()
}

func (c *socket) wake() {
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// close ends the connection once all is written, as Slack does.
func (c *socket) close() {
	c.mu.Lock()
	c.shut = true
	c.mu.Unlock()
	c.wake()
}

// take returns what is to be written.
func (c *socket) take() (frames [][]byte, shut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	frames, c.out = c.out, nil
	return frames, c.shut
}

// connectionsOpen answers with the address of a websocket that can be opened once (apps.connections.open).
func (s *Server) connectionsOpen() (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ticket := s.world.id("ticket-")
	s.post.tickets[ticket] = true
	return answer{"url": "ws" + strings.TrimPrefix(s.Root(), "http") + "/link/?ticket=" + ticket + "&app_id=" + appID}, nil
}

// pingEvery is how often the server asks whether the app is there.
const pingEvery = 5 * time.Second

// serveSocket is one websocket, from hello to its end.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.mu.Lock()
	known := s.post.tickets[ticket]
	delete(s.post.tickets, ticket)
	s.mu.Unlock()
	if fault := s.fault("link", nil); fault != nil {
		fault.play(w, r)
		return
	}
	if !known {
		http.Error(w, "the ticket is not valid", http.StatusForbidden)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	conn.SetReadLimit(1 << 20)
	c := newSocket(s.Life)
	defer c.end()
	s.greet(c)
	defer s.left(c)
	var writing sync.WaitGroup
	defer writing.Wait()
	defer conn.CloseNow()
	writing.Go(func() { c.write(conn) })
	defer c.end()
	for {
		_, data, err := conn.Read(c.life)
		if err != nil {
			return
		}
		var frame struct {
			EnvelopeID string `json:"envelope_id"`
		}
		if json.Unmarshal(data, &frame) == nil && frame.EnvelopeID != "" {
			s.mu.Lock()
			s.post.acknowledge(frame.EnvelopeID)
			s.mu.Unlock()
			s.Raise()
		}
	}
}

// write writes what is queued, and pings, until the connection ends.
func (c *socket) write(conn *websocket.Conn) {
	defer c.end()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-c.more:
		case <-ping.C:
			ctx, cancel := context.WithTimeout(c.life, pingEvery)
			err := conn.Ping(ctx)
			cancel()
			if err != nil {
				return
			}
		case <-c.life.Done():
			return
		}
		frames, shut := c.take()
		for _, frame := range frames {
			if conn.Write(c.life, websocket.MessageText, frame) != nil {
				return
			}
		}
		if shut {
			_ = conn.Close(websocket.StatusNormalClosure, "")
			return
		}
	}
}

// greet says hello on a new connection, and what waits.
func (s *Server) greet(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.post.sockets = append(s.post.sockets, c)
	s.post.opened++
	hello, _ := json.Marshal(answer{"type": "hello", "num_connections": len(s.post.sockets), "connection_info": answer{"app_id": appID},
		"debug_info": answer{"host": "applink-test", "build_number": 1, "approximate_connection_time": 18060}})
	c.put(hello)
	s.post.deliver(s)
	s.Raise()
}

// left has what was not acknowledged on a connection sent on another one.
func (s *Server) left(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.post.sockets = slices.DeleteFunc(s.post.sockets, func(o *socket) bool { return o == c })
	for _, l := range s.post.waiting {
		if l.on == c {
			l.again("connection_closed")
		}
	}
	s.post.deliver(s)
	s.Raise()
}

// Connections is how many websockets are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.post.sockets)
}

// Opened is how many websockets were opened so far.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.post.opened
}

// Disconnect says on all connections that Slack will close them ("Disconnects"): reason is warning, refresh_requested or
// link_disabled. It does so after Config.Grace, and what is new goes to newer ones meanwhile.
func (s *Server) Disconnect(reason string) {
	frame, _ := json.Marshal(answer{"type": "disconnect", "reason": reason, "debug_info": answer{"host": "applink-test"}})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.post.sockets {
		c.put(frame)
		time.AfterFunc(s.cfg.Grace, c.close)
	}
}

// Drop breaks all connections off, as a network does.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.post.sockets {
		c.end()
	}
}
