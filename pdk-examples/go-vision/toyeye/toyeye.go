// Package toyeye is a language model for tests that sees pictures:
//
//	POST /look {"text": "what is this?", "pictures": [{"mime": "image/png", "data": "iVBORw0…"}]}
//	→ {"says": "image/png with 70 bytes", "read": 3, "written": 4}
package toyeye

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// Picture is one that it was shown.
type Picture struct {
	Mime string
	Data []byte
}

// Server is the model, and an http.Handler. Make it with New; it may be used concurrently.
type Server struct {
	mu      sync.Mutex
	looks   [][]Picture
	hold    bool
	changed chan struct{}
}

// New returns a server that was shown nothing.
func New() *Server { return &Server{changed: make(chan struct{})} }

// Hold has it say nothing, until it is called with false.
func (s *Server) Hold(hold bool) { s.update(func() { s.hold = hold }) }

// Looks returns the pictures of each request, and what closes when that changes.
func (s *Server) Looks() (looks [][]Picture, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]Picture(nil), s.looks...), s.changed
}

func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	close(s.changed)
	s.changed = make(chan struct{})
}

// ServeHTTP looks at pictures.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Text     string
		Pictures []Picture
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 10<<20)).Decode(&ask); err != nil || r.URL.Path != "/look" {
		http.Error(w, `say {"text":…,"pictures":[{"mime":…,"data":…}]} to /look`, http.StatusBadRequest)
		return
	}
	s.update(func() { s.looks = append(s.looks, ask.Pictures) })
	s.release(r)
	says := []string{}
	if len(ask.Pictures) == 0 {
		says = append(says, "nothing")
	}
	for _, p := range ask.Pictures {
		says = append(says, fmt.Sprintf("%s with %d bytes", p.Mime, len(p.Data)))
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"says": strings.Join(says, ", "), "read": len(strings.Fields(ask.Text)), "written": 4 * len(says)})
}

// release waits until answers are not held back, or who has asked has gone.
func (s *Server) release(r *http.Request) {
	for {
		s.mu.Lock()
		hold, changed := s.hold, s.changed
		s.mu.Unlock()
		if !hold {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
