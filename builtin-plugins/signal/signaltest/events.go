package signaltest

import (
	"encoding/json"
	"net/http"
	"time"
)

// listener is an open stream.
type listener struct {
	events chan []byte
	gone   chan struct{} // closed by Break
}

// serveEvents is the stream of what comes.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	l := &listener{events: make(chan []byte), gone: make(chan struct{})}
	s.mu.Lock()
	if account := r.URL.Query().Get("account"); account != "" && account != s.cfg.Account || !s.linked {
		s.mu.Unlock()
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.listeners[l] = true
	s.opened++
	s.Raise()
	s.mu.Unlock()
	defer s.forget(l)
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	flush := w.(http.Flusher)
	flush.Flush()
	keep := time.NewTicker(s.cfg.KeepAlive)
	defer keep.Stop()
	for {
		event, ok := s.next(l)
		if ok {
			if _, err := w.Write([]byte("event:receive\ndata:" + string(event) + "\n\n")); err != nil {
				return
			}
			flush.Flush()
			continue
		}
		s.mu.Lock()
		changed := s.Next()
		if len(s.waiting) > 0 && s.listeners[l] {
			s.mu.Unlock()
			continue
		}
		s.mu.Unlock()
		select {
		case <-changed:
		case <-keep.C:
			if _, err := w.Write([]byte(":\n")); err != nil {
				return
			}
			flush.Flush()
		case <-l.gone:
			return
		case <-r.Context().Done():
			return
		case <-s.Life.Done():
			return
		}
	}
}

// next takes what waits, which is gone by that. One that repeats comes once more.
func (s *Server) next(l *listener) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-l.gone:
		return nil, false
	default:
	}
	if len(s.waiting) == 0 || !s.listeners[l] {
		return nil, false
	}
	event := s.waiting[0]
	if s.repeat > 0 {
		s.repeat--
	} else {
		s.waiting = s.waiting[1:]
	}
	return event, true
}

func (s *Server) forget(l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	s.Raise()
}

// Break ends all streams. What was written to them arrives before their end.
func (s *Server) Break() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners {
		delete(s.listeners, l)
		close(l.gone)
	}
	s.Raise()
}

// Repeat has the next n envelopes come once more.
func (s *Server) Repeat(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repeat += n
}

// Listening reports whether there is a stream, and Opened how many there were.
func (s *Server) Listening() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.listeners) > 0
}

// Opened is how many streams there were.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Waiting is how many envelopes Signal keeps, since nobody listens; Lost how many a daemon has received that nobody listened to.
func (s *Server) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// Lost is how many envelopes the daemon has received while nobody listened.
func (s *Server) Lost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// post has an envelope come. The lock is held.
func (s *Server) post(envelope map[string]any) {
	b, _ := json.Marshal(map[string]any{"account": s.cfg.Account, "envelope": envelope}) // maps, texts and numbers
	if s.cfg.OnStart && len(s.listeners) == 0 {
		s.lost++
		return
	}
	s.waiting = append(s.waiting, b)
	s.Raise()
}
