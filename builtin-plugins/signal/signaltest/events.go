package signaltest

import (
	"encoding/json"
	"net/http"
	"time"
)

// listener is an open stream.
type listener struct {
	events []event
	gone   chan struct{} // closed by Break
	// deaf counts what was written since the other end has gone, -1 as long as it has not.
	deaf int
}

// event is an envelope on its way, and the id of what is in it.
type event struct {
	id   string
	data []byte
}

// maxDeaf is how much is written to a stream whose other end has gone: the system takes the first, and fails the second.
const maxDeaf = 2

// serveEvents is the stream of what comes. That its other end has gone is noticed when something is written to it.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	l := s.listen(r.URL.Query().Get("account"))
	if l == nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	defer s.forget(l)
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	flush := w.(http.Flusher)
	flush.Flush()
	keep := time.NewTicker(s.cfg.KeepAlive)
	defer keep.Stop()
	ended := r.Context().Done()
	for {
		changed := s.Next()
		text := s.next(l)
		if text == "" {
			select {
			case <-changed:
				continue
			case <-keep.C:
				text = ":\n"
			case <-ended:
				s.deafen(l)
				ended = nil
				continue
			case <-l.gone:
				return
			case <-s.Life.Done():
				return
			}
		}
		_, _ = w.Write([]byte(text)) // which does not say whether anybody is there to read it
		flush.Flush()
		if s.fails(l) {
			return
		}
	}
}

// listen begins a stream, which gets what waits; nil for another account.
func (s *Server) listen(account string) *listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	if account != "" && account != s.cfg.Account || !s.linked {
		return nil
	}
	l := &listener{events: s.waiting, gone: make(chan struct{}), deaf: -1}
	s.waiting = nil
	s.listeners[l] = true
	s.opened++
	s.Raise()
	return l
}

// next takes what is to be written to a stream, which is gone by that; "" when there is nothing.
func (s *Server) next(l *listener) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(l.events) == 0 {
		return ""
	}
	e := l.events[0]
	l.events = l.events[1:]
	s.handed = append(s.handed, Handed{e.id, time.Now()})
	return "event:receive\ndata:" + string(e.data) + "\n\n"
}

// Handed is a message that was written to a stream.
type Handed struct {
	ID string
	At time.Time
}

// Handed returns what was written to streams so far, in order, whether somebody was there to read it or not.
func (s *Server) Handed() []Handed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Handed(nil), s.handed...)
}

// deafen notes that the other end of a stream has gone.
func (s *Server) deafen(l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.deaf = 0
	s.Raise()
}

// fails notes that something was written to a stream, and reports whether that shows that its other end has gone.
func (s *Server) fails(l *listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.deaf >= 0 {
		l.deaf++
	}
	return l.deaf >= maxDeaf
}

func (s *Server) forget(l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	s.Raise()
}

// Break ends all streams. What was written to them arrives before their end; what was about to be is for the next one.
func (s *Server) Break() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners {
		if l.deaf < 0 {
			s.waiting = append(s.waiting, l.events...)
		}
		l.events = nil
		delete(s.listeners, l)
		close(l.gone)
	}
	s.Raise()
}

// Repeat has the next n envelopes come twice.
func (s *Server) Repeat(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repeat += n
}

// Listening reports whether there is a stream that somebody reads.
func (s *Server) Listening() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard()
}

// heard reports whether somebody reads a stream. The lock is held.
func (s *Server) heard() bool {
	for l := range s.listeners {
		if l.deaf < 0 {
			return true
		}
	}
	return false
}

// Opened is how many streams there were.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Streams is how many streams are open, with those of which it is not noticed yet that nobody reads them.
func (s *Server) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.listeners)
}

// Waiting is how many envelopes Signal keeps, since nobody listens.
func (s *Server) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// Lost is how many envelopes the daemon has received that nobody was there to read.
func (s *Server) Lost() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// post has an envelope come. All streams get it, and where there are none Signal keeps it, unless the daemon receives always. The lock
// is held.
func (s *Server) post(id string, envelope map[string]any) {
	b, _ := json.Marshal(map[string]any{"account": s.cfg.Account, "envelope": envelope}) // maps, texts and numbers
	events := []event{{id, b}}
	if s.repeat > 0 {
		s.repeat--
		events = append(events, events[0])
	}
	kept := len(s.listeners) == 0 && !s.cfg.OnStart
	if kept {
		s.waiting = append(s.waiting, events...)
	} else if !s.heard() {
		s.lost++
	}
	for l := range s.listeners {
		l.events = append(l.events, events...)
	}
	s.Raise()
}
