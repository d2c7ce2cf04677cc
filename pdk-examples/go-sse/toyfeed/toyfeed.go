// Package toyfeed is a chat server for tests whose rooms get other ids. A bot reads all that happens as server-sent events,
// from behind the one that it names:
//
//	GET /events            Authorization: Bearer TOKEN, Last-Event-ID: 7
//	→ id: 8
//	  data: {"room": "r1", "from": "ann", "text": "hello"}
//
//	  id: 9
//	  event: moved
//	  data: {"from": "r1", "to": "r2"}
//
// and posts what it says:
//
//	POST /messages {"room": "r1", "text": "hi", "key": "k1"}
//	→ 1                    its number; a second post with this key answers the same and does nothing
//	→ 410 {"to": "r2"}     the room has this id now, and nothing was posted
//
// Another token is answered with 401.
package toyfeed

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// Token is the bot's.
const Token = "toy-token"

// Server is one on a port of this machine. It may be used concurrently.
type Server struct {
	http http.Server
	url  string

	mu      sync.Mutex
	changed chan struct{}
	events  []event // the id of each is its place, from 1
	moved   map[string]string
	streams int // that are open
	opened  []int
	breaks  int
	posts   map[string]int // numbers by keys
	said    []string       // by the bot, as "room text"
	hold    bool
}

type event struct{ name, data string }

// Listen starts a server.
func Listen() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{url: "http://" + l.Addr().String(), changed: make(chan struct{}), moved: map[string]string{}, posts: map[string]int{}}
	s.http.Handler = s
	go func() { _ = s.http.Serve(l) }() // until Close
	return s, nil
}

// URL is where it is.
func (s *Server) URL() string { return s.url }

// Close ends the server and its connections.
func (s *Server) Close() { _ = s.http.Close() }

// Break ends the streams that are open.
func (s *Server) Break() { s.update(func() { s.breaks++ }) }

// Hold takes what the bot posts and does not say so, until it is called with false.
func (s *Server) Hold(hold bool) { s.update(func() { s.hold = hold }) }

// Say has a person say something in a room.
func (s *Server) Say(room, from, text string) {
	s.update(func() { s.happen("", map[string]string{"room": room, "from": from, "text": text}) })
}

// Move gives a room another id, and has the stream tell it.
func (s *Server) Move(from, to string) {
	s.update(func() {
		s.moved[from] = to
		s.happen("moved", map[string]string{"from": from, "to": to})
	})
}

// MoveUntold gives a room another id, which only a post to the old one is told.
func (s *Server) MoveUntold(from, to string) { s.update(func() { s.moved[from] = to }) }

// Said returns what the bot has said, as "room text", whether it reads the stream, and what closes when that changes.
func (s *Server) Said() (said []string, in bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.said...), s.streams > 0, s.changed
}

// Opened returns from behind which event each stream was opened, in order.
func (s *Server) Opened() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int(nil), s.opened...)
}

func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	close(s.changed)
	s.changed = make(chan struct{})
}

// happen adds an event; mu is held.
func (s *Server) happen(name string, what map[string]string) {
	data, _ := json.Marshal(what) // texts can be
	s.events = append(s.events, event{name, string(data)})
}

// ServeHTTP answers the bot.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Authorization") != "Bearer "+Token:
		http.Error(w, "wrong token", http.StatusUnauthorized)
	case r.URL.Path == "/events" && r.Method == http.MethodGet:
		s.stream(w, r)
	case r.URL.Path == "/messages" && r.Method == http.MethodPost:
		s.post(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	last, _ := strconv.Atoi(r.Header.Get("Last-Event-ID")) // 0 without one
	breaks := 0
	s.update(func() {
		s.streams++
		s.opened = append(s.opened, last)
		breaks = s.breaks
	})
	defer s.update(func() { s.streams-- })
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		s.mu.Lock()
		fresh, broken, changed := s.events[min(last, len(s.events)):], s.breaks > breaks, s.changed
		s.mu.Unlock()
		if broken {
			return
		}
		for _, e := range fresh {
			last++
			fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", last, e.name, e.data) // an empty name is none
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	var post struct{ Room, Text, Key string }
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&post)
	if err != nil || post.Room == "" || post.Text == "" || post.Key == "" {
		http.Error(w, `say {"room":…,"text":…,"key":…}`, http.StatusBadRequest)
		return
	}
	number, to := 0, ""
	s.update(func() {
		if number = s.posts[post.Key]; number > 0 {
			return
		}
		if to = s.moved[post.Room]; to == "" {
			s.said = append(s.said, post.Room+" "+post.Text)
			number = len(s.said)
			s.posts[post.Key] = number
		}
	})
	s.release(r)
	if to != "" {
		w.WriteHeader(http.StatusGone)
		_ = json.NewEncoder(w).Encode(map[string]string{"to": to})
		return
	}
	fmt.Fprint(w, number)
}

// release waits until answers are not held back, or the bot has gone.
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
