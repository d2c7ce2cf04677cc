package ntfytest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
)

// listener is an open subscription.
type listener struct {
	topics  []string
	tags    []string
	message string
	waiting []Message
	cancel  context.CancelFunc
}

// passes reports whether a subscription gets a message ("Filter messages").
func (l *listener) passes(m *Message) bool {
	if !slices.Contains(l.topics, m.Topic) {
		return false
	}
	if m.Event != "message" {
		return true
	}
	for _, tag := range l.tags {
		if !slices.Contains(m.Tags, tag) {
			return false
		}
	}
	return l.message == "" || l.message == m.Message
}

// subscribe answers /{topics}/json and /{topics}/ws.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request, topics []string, kind string) *apiError {
	get := params(r)
	l := &listener{topics: topics, message: get("message", "m")}
	if tags := get("tags", "tag", "ta"); tags != "" {
		l.tags = strings.Split(tags, ",")
	}
	poll, marker := isTrue(get("poll", "po")), get("since", "si")
	if poll && marker == "" {
		marker = "all"
	}
	s.mu.Lock()
	old, ok := s.since(topics, marker)
	s.mu.Unlock()
	if !ok {
		return &apiError{400, 40008, "invalid since parameter"}
	}
	if poll {
		w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
		for _, m := range old {
			if l.passes(&m) {
				_ = json.NewEncoder(w).Encode(m)
			}
		}
		return nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := context.AfterFunc(s.Life, cancel)
	defer stop()
	l.cancel = cancel
	if kind == "ws" {
		return s.socket(ctx, w, r, l, marker)
	}
	s.stream(ctx, l, marker, func(m Message) error {
		err := json.NewEncoder(w).Encode(m)
		w.(http.Flusher).Flush()
		return err
	})
	return nil
}

// socket serves a websocket ("WebSockets").
func (s *Server) socket(ctx context.Context, w http.ResponseWriter, r *http.Request, l *listener, marker string) *apiError {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return &apiError{400, 40016, "invalid request: client not using the websocket protocol"}
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return nil // it is answered
	}
	defer ws.CloseNow()
	ctx = ws.CloseRead(ctx)
	s.stream(ctx, l, marker, func(m Message) error {
		text, _ := json.Marshal(m) // texts and numbers
		return ws.Write(ctx, websocket.MessageText, text)
	})
	return nil
}

// stream tells a subscription that it is open, what the cache has, and then what comes, until it ends.
func (s *Server) stream(ctx context.Context, l *listener, marker string, tell func(Message) error) {
	s.mu.Lock()
	old, _ := s.since(l.topics, marker)
	l.waiting = append(l.waiting, Message{ID: "open", Event: "open", Time: s.cfg.Now().Unix(), Topic: strings.Join(l.topics, ",")})
	for _, m := range old {
		if l.passes(&m) {
			l.waiting = append(l.waiting, m)
		}
	}
	s.listeners[l] = true
	s.opened++
	s.Raise()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, l)
		s.Raise()
	}()
	for {
		s.mu.Lock()
		waiting, changed := l.waiting, s.Next()
		l.waiting = nil
		s.mu.Unlock()
		for _, m := range waiting {
			if ctx.Err() != nil || tell(m) != nil {
				return
			}
		}
		if len(waiting) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Break ends all subscriptions at once, whatever is on its way to them.
func (s *Server) Break() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners {
		l.cancel()
		delete(s.listeners, l)
	}
	s.Raise()
}

// Listening reports whether somebody is subscribed to a topic.
func (s *Server) Listening(topic string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners {
		if slices.Contains(l.topics, topic) {
			return true
		}
	}
	return false
}

// Opened is how often a subscription was opened.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}
