package mattermosttest

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/coder/websocket"
)

// link is what the server knows of a connection, also while it is broken.
type link struct {
	id, user string
	first    int64 // the sequence number of the first event in kept
	kept     [][]byte
	socket   *socket // nil while it is broken
}

// socket is an open websocket.
type socket struct {
	life context.Context
	end  context.CancelFunc
	conn *websocket.Conn

	mu   sync.Mutex
	out  [][]byte
	more chan struct{} // has a value while there is something in out
}

// put queues a frame.
func (c *socket) put(frame any) {
	b, ok := frame.([]byte)
	if !ok {
		b, _ = json.Marshal(frame)
	}
	c.mu.Lock()
	c.out = append(c.out, b)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// write writes what is queued until the connection ends.
func (c *socket) write() {
	defer c.end()
	for {
		select {
		case <-c.more:
		case <-c.life.Done():
			return
		}
		c.mu.Lock()
		frames := c.out
		c.out = nil
		c.mu.Unlock()
		for _, frame := range frames {
			if c.conn.Write(c.life, websocket.MessageText, frame) != nil {
				return
			}
		}
	}
}

// event is what is told on connections.
type event struct {
	Event     string         `json:"event"`
	Data      map[string]any `json:"data"`
	Broadcast map[string]any `json:"broadcast"`
	Seq       int64          `json:"seq"`
}

func broadcast(user, channel string) map[string]any {
	return map[string]any{"omit_users": nil, "user_id": user, "channel_id": channel, "team_id": "", "connection_id": "", "omit_connection_id": ""}
}

// tell adds an event to a connection, whether it is open or not, while the lock is held.
func (l *link) tell(s *Server, name string, data, to map[string]any) {
	b, _ := json.Marshal(event{name, data, to, l.first + int64(len(l.kept))})
	l.kept = append(l.kept, b)
	if over := len(l.kept) - s.cfg.Kept; over > 0 {
		l.kept, l.first = l.kept[over:], l.first+int64(over)
	}
	if l.socket != nil {
		l.socket.put(b)
	}
}

// tell tells of an event in a channel to all connections of its members, while the lock is held.
func (s *Server) tell(channel, name string, data map[string]any) {
	for _, l := range s.links {
		if channel == "" || s.isIn(l.user, s.world.channels[channel]) {
			l.tell(s, name, data, broadcast("", channel))
		}
	}
	s.Raise()
}

// text is a value as JSON in a text, as events have it.
func text(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// serveSocket is one websocket, from its opening to its end ("WebSockets").
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	user := s.userOf(r)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	conn.SetReadLimit(8 << 10)
	c := &socket{conn: conn, more: make(chan struct{}, 1)}
	c.life, c.end = context.WithCancel(s.Life)
	defer c.end()
	var l *link
	if user != "" {
		l = s.join(c, user, r.URL.Query().Get("connection_id"), r.URL.Query().Get("sequence_number"))
	}
	defer func() { s.leave(l, c) }()
	var writing sync.WaitGroup
	defer writing.Wait()
	defer conn.CloseNow()
	writing.Go(c.write)
	defer c.end()
	for {
		_, data, err := conn.Read(c.life)
		if err != nil {
			return
		}
		var asked struct {
			Seq    int64          `json:"seq"`
			Action string         `json:"action"`
			Data   map[string]any `json:"data"`
		}
		if json.Unmarshal(data, &asked) != nil {
			return
		}
		if asked.Action == "authentication_challenge" {
			if l != nil {
				continue
			}
			token, _ := asked.Data["token"].(string)
			s.mu.Lock()
			user = s.world.tokens[token]
			s.mu.Unlock()
			if user == "" {
				return
			}
			l = s.join(c, user, "", "")
			c.put(map[string]any{"status": "OK", "seq_reply": asked.Seq})
			continue
		}
		s.act(c, l, asked.Seq, asked.Action, asked.Data)
	}
}

// act answers what was asked on a connection.
func (s *Server) act(c *socket, l *link, seq int64, action string, data map[string]any) {
	fail := func(id, message string, status int) {
		c.put(map[string]any{"status": "FAIL", "seq_reply": seq, "error": apiError{ID: id, Message: message, StatusCode: status}})
	}
	switch {
	case l == nil:
		fail("api.web_socket_router.not_authenticated.app_error", "WebSocket connection is not authenticated. Please log in and try again.", 401)
	case action == "ping":
		s.mu.Lock()
		now := s.world.now()
		s.mu.Unlock()
		c.put(map[string]any{"status": "OK", "seq_reply": seq, "data": map[string]any{"text": "pong", "version": version, "server_time": now, "node_id": ""}})
	case action == "user_typing":
		channel, _ := data["channel_id"].(string)
		parent, _ := data["parent_id"].(string)
		s.Type(l.user, channel, parent)
		c.put(map[string]any{"status": "OK", "seq_reply": seq})
	default:
		fail("api.web_socket_router.bad_action.app_error", "Unknown WebSocket action.", 400)
	}
}

// version is the server's.
const version = "11.1.0"

// join takes up a connection where it broke off, if the server still has what came after that, or begins one with hello.
func (s *Server) join(c *socket, user, id, sequence string) *link {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	l, n := s.links[id], int64(-1)
	if v, err := strconv.ParseInt(sequence, 10, 64); err == nil {
		n = v
	}
	if l != nil && l.user == user && n >= l.first && n <= l.first+int64(len(l.kept)) {
		if l.socket != nil {
			l.socket.end()
		}
		s.stats.Resumed++
		l.socket = c
		for _, b := range l.kept[n-l.first:] {
			c.put(b)
		}
		return l
	}
	delete(s.links, id)
	l = &link{id: s.world.id("connection"), user: user, socket: c}
	s.links[l.id] = l
	s.stats.Begun++
	l.tell(s, "hello", map[string]any{"server_version": version + ".test", "connection_id": l.id}, broadcast(user, ""))
	return l
}

// leave notes that a websocket has ended.
func (s *Server) leave(l *link, c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l != nil && l.socket == c {
		l.socket = nil
	}
	s.Raise()
}

// Stats counts what became of connections.
type Stats struct {
	// Begun were new, Resumed went on where they broke off.
	Begun, Resumed int
}

// Stats returns what became of connections so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Connected reports whether the bot has an open connection.
func (s *Server) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links {
		if l.user == s.cfg.Bot.ID && l.socket != nil {
			return true
		}
	}
	return false
}

// Drop breaks all websockets off, as a network does.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links {
		if l.socket != nil {
			l.socket.end()
		}
	}
}

// Forget breaks all websockets off, and has the server know nothing of them, as after its restart.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range s.links {
		if l.socket != nil {
			l.socket.end()
		}
		delete(s.links, id)
	}
}

// Lose has the next event of each connection not be told, which a server does to who is slow: its number is missing.
func (s *Server) Lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links {
		l.kept, l.first = nil, l.first+int64(len(l.kept))+1
	}
}
